// The two engines behind one interface, with the same weights and the same work.
import { defaultDevice, init } from '@jax-js/jax';
import { Engine, Gpu, initialize, type ModelConfig } from '../../../src/engine/index.ts';
import { Objective, type Sample } from '../../../src/grpo/objective.ts';
import { resolveOptions } from '../../../src/grpo/options.ts';
import { loadWeights } from './model.ts';
import { Sampler, type Sampled } from './sample.ts';
import { Trainer, type Report } from './train.ts';

export interface Workload {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  /** A multiple of the group of 16. */
  readonly sequences: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}

export interface Contestant {
  /** Completions of the workload's prompts; `step` makes them others. */
  readonly sample: (step: number) => Promise<readonly Sampled[]>;
  /** One GRPO update, and what it reports before the weights change. */
  readonly update: (samples: readonly Sample[]) => Promise<Report>;
}

export interface Contestants {
  readonly adapter: string;
  readonly ours: Contestant;
  readonly jaxJs: Contestant;
  /** The workload's prompts with these completions. */
  readonly samplesOf: (completions: readonly Sampled[]) => Sample[];
  /** Log-probs of all completion tokens, by our engine. */
  readonly score: (samples: readonly Sample[]) => Promise<number[]>;
}

const VOCABULARY = 28;
const GROUP = 16;
/** Never drawn, so that no completion ends early. */
const EOS = 2;

export async function openContestants(workload: Workload): Promise<Contestants> {
  const { hiddenSize, layers, heads, sequences, promptTokens, newTokens } = workload;
  if (sequences % GROUP !== 0) throw new Error(`sequences must be a multiple of ${GROUP}, but it is ${sequences}`);
  const config: ModelConfig = {
    vocabSize: VOCABULARY,
    hiddenSize,
    intermediateSize: 3 * hiddenSize,
    numLayers: layers,
    numHeads: heads,
    maxPositions: promptTokens + newTokens,
  };
  const options = { ...resolveOptions({ beta: 0, numGenerations: GROUP }), rewardWeights: [1] };
  const optimizer = { learningRate: 1e-4, beta1: 0.9, beta2: 0.95, weightDecay: 0, maxGradNorm: 1 };
  const checkpoint = initialize(config, 1);
  const rewards = Array.from({ length: sequences }, (_, b) => (b % 7) / 7);
  const prompts = Array.from({ length: sequences }, (_, b) =>
    Array.from({ length: promptTokens }, (_, t) => (b * 7 + t * 3) % 20),
  );

  const gpu = await Gpu.open(navigator.gpu);
  const engine = await Engine.create(gpu, checkpoint, { maxSequences: sequences });
  const objective = await Objective.create(engine, sequences, 1);
  const ours: Contestant = {
    sample: (step) =>
      engine.generate(prompts, { ...options, forbidden: [EOS], seed: 1, step, eos: EOS, maxNewTokens: newTokens }),
    update: async (samples) => {
      const values = rewards.map((reward) => [reward]);
      const update = { samples, rewards: { values, groupSize: GROUP }, options, old: 'current', optimizer } as const;
      const { loss, negativeLogProb, gradNorm } = await objective.update(update);
      return { loss, meanLogProb: -negativeLogProb, gradNorm };
    },
  };

  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU');
  defaultDevice('webgpu');
  const sampler = new Sampler(config, sequences, promptTokens, newTokens, EOS);
  const trainer = new Trainer(config, loadWeights(checkpoint), sequences, config.maxPositions, options, optimizer);
  const jaxJs: Contestant = {
    sample: (step) => sampler.sample(trainer.weights, prompts, step),
    update: (samples) => trainer.update(samples, rewards),
  };

  return {
    adapter: gpu.adapter.name,
    ours,
    jaxJs,
    samplesOf: (completions) =>
      completions.map(({ ids }, b) => ({ ids: [...prompts[b]!, ...ids], promptLength: promptTokens, truncated: true })),
    score: async (samples) => (await objective.score(samples, options)).flatMap((row) => Array.from(row)),
  };
}
