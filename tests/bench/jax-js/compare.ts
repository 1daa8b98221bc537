// The same work done by this project's engine and by jax-js on the same adapter: first that it is the same, then how long it takes.
import { defaultDevice, init } from '@jax-js/jax';
import { Random } from '../../../src/base/random.ts';
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
  /** Timed runs of each, after two that are not counted. */
  readonly repeats: number;
}

export const REFERENCE: Workload = {
  hiddenSize: 64,
  layers: 2,
  heads: 4,
  sequences: 16,
  promptTokens: 12,
  newTokens: 32,
  repeats: 11,
};

/** A figure of both engines, and the largest relative difference between them. */
export interface Agreement {
  readonly ours: readonly number[];
  readonly jaxJs: readonly number[];
  readonly difference: number;
}

export interface Timing {
  /** Median. */
  readonly ms: number;
  /** Sampled tokens, or trained ones: those of the completions. */
  readonly tokensPerSecond: number;
  readonly submits: number;
}

export interface Comparison {
  readonly adapter: string;
  readonly workload: Workload;
  readonly agreement: Readonly<Record<'loss' | 'meanLogProb' | 'gradNorm' | 'sampledLogProbs', Agreement>>;
  readonly sampling: { readonly ours: Timing; readonly jaxJs: Timing; readonly speedup: number };
  readonly training: { readonly ours: Timing; readonly jaxJs: Timing; readonly speedup: number };
}

const VOCABULARY = 28;
const GROUP = 16;
/** Never drawn, so that no completion ends early. */
const EOS = 2;
const WARM_UP = 2;
const CHECKED_UPDATES = 3;

interface Contestant {
  sample(step: number): Promise<readonly Sampled[]>;
  update(samples: readonly Sample[]): Promise<Report>;
}

/** Throws where the two do not agree within a thousandth. */
export async function compare(workload: Workload, progress: (text: string) => void): Promise<Comparison> {
  const { sequences, promptTokens, newTokens, repeats } = workload;
  const prompts = Array.from({ length: sequences }, (_, b) =>
    Array.from({ length: promptTokens }, (_, t) => (b * 7 + t * 3) % 20),
  );
  const samplesOf = (completions: readonly Sampled[]): Sample[] =>
    completions.map(({ ids }, b) => ({ ids: [...prompts[b]!, ...ids], promptLength: promptTokens, truncated: true }));
  progress('compiling');
  const { adapter, ours, jaxJs, score } = await open(workload, prompts);

  // Ragged, since with equal lengths the advantages of a group sum to a loss of zero whatever the model does.
  const ragged = (await jaxJs.sample(0)).map(({ ids, logProbs }, b) => {
    const length = 1 + ((b * 5) % newTokens);
    return { ids: ids.slice(0, length), logProbs: logProbs.slice(0, length) };
  });
  const samples = samplesOf(ragged);
  const scores = await score(samples);
  const reports: { readonly ours: Report; readonly jaxJs: Report }[] = [];
  for (let update = 0; update < CHECKED_UPDATES; update++)
    reports.push({ ours: await ours.update(samples), jaxJs: await jaxJs.update(samples) });
  const agreementOf = (of: keyof Report): Agreement =>
    agree(
      of,
      reports.map((report) => report.ours[of]),
      reports.map((report) => report.jaxJs[of]),
    );
  const agreement = {
    loss: agreementOf('loss'),
    meanLogProb: agreementOf('meanLogProb'),
    gradNorm: agreementOf('gradNorm'),
    sampledLogProbs: agree('sampledLogProbs', scores, ragged.flatMap(({ logProbs }) => logProbs)), // prettier-ignore
  };

  const runs = {
    sampling: { ours: [] as Run[], jaxJs: [] as Run[] },
    training: { ours: [] as Run[], jaxJs: [] as Run[] },
  };
  for (let repeat = 0; repeat < WARM_UP + repeats; repeat++) {
    progress(repeat < WARM_UP ? 'warming up' : `run ${repeat - WARM_UP + 1} of ${repeats}`);
    for (const [name, contestant] of [
      ['ours', ours],
      ['jaxJs', jaxJs],
    ] as const) {
      // prettier-ignore
      const sampled = await timed(() => contestant.sample(repeat));
      const trained = await timed(() => contestant.update(samplesOf(sampled.result)));
      if (repeat < WARM_UP) continue;
      runs.sampling[name].push(sampled);
      runs.training[name].push(trained);
    }
  }
  const timings = (of: { readonly ours: readonly Run[]; readonly jaxJs: readonly Run[] }) => {
    const summary = (each: readonly Run[]): Timing => {
      const ms = median(each.map((run) => run.ms));
      const submits = median(each.map((run) => run.submits));
      return { ms, tokensPerSecond: ((sequences * newTokens) / ms) * 1000, submits };
    };
    const [a, b] = [summary(of.ours), summary(of.jaxJs)];
    return { ours: a, jaxJs: b, speedup: b.ms / a.ms };
  };
  return { adapter, workload, agreement, sampling: timings(runs.sampling), training: timings(runs.training) };
}

/** Both engines with the same random weights, and ours to judge log-probs. */
async function open(workload: Workload, prompts: readonly (readonly number[])[]) {
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
  const rewards = Array.from({ length: sequences }, (_, b) => (b % 7) / 7);
  const checkpoint = initialize(config, 1);

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
  const score = async (samples: readonly Sample[]): Promise<number[]> =>
    (await objective.score(samples, options)).flatMap((row) => Array.from(row));

  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU');
  defaultDevice('webgpu');
  const sampler = new Sampler(config, sequences, promptTokens, newTokens);
  const trainer = new Trainer(config, loadWeights(checkpoint), sequences, config.maxPositions, options, optimizer);
  const random = new Random(1);
  const jaxJs: Contestant = {
    sample: () => sampler.sample(trainer.weights, prompts, [EOS], () => random.unit()),
    update: (samples) => trainer.update(samples, rewards),
  };
  return { adapter: gpu.adapter.name, ours, jaxJs, score };
}

interface Run {
  readonly ms: number;
  readonly submits: number;
}

async function timed<Result>(work: () => Promise<Result>): Promise<Run & { readonly result: Result }> {
  const submit = Object.getOwnPropertyDescriptor(GPUQueue.prototype, 'submit')!;
  let submits = 0;
  GPUQueue.prototype.submit = function (commands): undefined {
    submits += 1;
    (submit.value as GPUQueue['submit']).call(this, commands);
  };
  try {
    const start = performance.now();
    const result = await work();
    return { ms: performance.now() - start, submits, result };
  } finally {
    Object.defineProperty(GPUQueue.prototype, 'submit', submit);
  }
}

function agree(name: string, ours: readonly number[], jaxJs: readonly number[]): Agreement {
  const differences = ours.map((value, index) => Math.abs(value - jaxJs[index]!) / Math.abs(value));
  const difference = Math.max(...differences);
  if (!(ours.length === jaxJs.length && difference < 1e-3))
    throw new Error(
      `${name} must agree within 0.001, but it differs by ${difference}: ${ours.join(', ')} and ${jaxJs.join(', ')}`,
    );
  return { ours, jaxJs, difference };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
