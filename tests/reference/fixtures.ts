// The fixtures of make-fixtures.py, decoded: what PyTorch and Hugging Face transformers compute.
import type { ModelConfig } from '../../src/engine/config.ts';
import type { GrpoOptions } from '../../src/grpo/options.ts';
import adamwJson from '../fixtures/adamw.json' with { type: 'json' };
import grpoJson from '../fixtures/grpo-losses.json' with { type: 'json' };
import llamaJson from '../fixtures/llama.json' with { type: 'json' };
import ppoJson from '../fixtures/ppo.json' with { type: 'json' };
import samplingJson from '../fixtures/sampling.json' with { type: 'json' };
import type { LossInput, LossOptions } from './grpo.ts';

export interface LlamaFixture {
  readonly config: ModelConfig;
  /** logits [T, V]; the objective sums tokenWeights[t] * log-prob of ids[t + 1] over all sequences, t from 0 to T - 2. */
  readonly sequences: readonly {
    readonly ids: readonly number[];
    readonly tokenWeights: readonly number[];
    readonly logits: Float32Array;
  }[];
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** Of the objective, by tensor name. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

const floats = (base64: string): Float32Array =>
  new Float32Array(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer);

const floatsByName = (tensors: Readonly<Record<string, string>>): Map<string, Float32Array> =>
  new Map(Object.entries(tensors).map(([name, base64]) => [name, floats(base64)]));

export const llamaFixtures: readonly LlamaFixture[] = llamaJson.map(({ config, sequences, tensors, gradients }) => ({
  config,
  sequences: sequences.map((sequence) => ({ ...sequence, logits: floats(sequence.logits) })),
  tensors: floatsByName(tensors),
  gradients: floatsByName(gradients),
}));

export const advantageFixtures = grpoJson.advantages as readonly (Pick<
  GrpoOptions,
  'numGenerations' | 'advantageEstimator' | 'scaleRewards'
> & { readonly rewards: readonly number[]; readonly advantages: readonly number[] })[];

/** One batch, and what each set of options makes of it; `old` says whether oldLogProbs are given, `ofTokens` which advantages. */
export const lossFixture = grpoJson.losses as Omit<LossInput, 'advantages'> & {
  readonly advantages: readonly number[];
  readonly tokenAdvantages: readonly (readonly number[])[];
  readonly cases: readonly {
    readonly options: LossOptions;
    readonly old: boolean;
    readonly ofTokens: boolean;
    readonly loss: number;
    readonly policyLoss: number;
    /** By TRL's names. */
    readonly metrics: Readonly<Record<string, number>>;
    readonly dLogProbs: readonly (readonly number[])[];
    /** Where there is an entropy bonus. */
    readonly dEntropies?: readonly (readonly number[])[];
  }[];
};

export const ppoFixture = ppoJson;

export const adamWFixture = adamwJson;
export const samplingFixtures = samplingJson;
