// A GRPO step of fixed size with random weights, to be timed: completions of full length, one update, no KL term.
import { Profiler, type ProfiledKernel } from '../engine/gpu/profiler.ts';
import { Engine, initialize, type Completion, type Gpu, type ModelConfig } from '../engine/index.ts';
import type { EngineOptions } from '../engine/index.ts';
import { Objective } from '../grpo/objective.ts';
import { resolveOptions } from '../grpo/options.ts';
import { VOCABULARY } from '../tasks/tokenizer.ts';

export interface WorkloadSizes {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly vocabSize: number;
  /** Completions, in groups of 16, or one group where there are fewer. */
  readonly sequences: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}

/** Sizes by those that vary; the MLP is three times as wide as the model, as in every base model. */
export function workloadSizes(
  hiddenSize: number,
  numLayers: number,
  numHeads: number,
  sequences: number,
  newTokens: number,
): WorkloadSizes {
  const vocabSize = VOCABULARY.length;
  const intermediateSize = 3 * hiddenSize;
  return { hiddenSize, intermediateSize, numLayers, numHeads, vocabSize, sequences, promptTokens: 12, newTokens };
}

/** Wall time. */
export interface StepTimes {
  readonly samplingMs: number;
  readonly trainingMs: number;
  readonly stepMs: number;
}

/** Where the GPU's time goes in one part of a step. */
export interface PartProfile {
  readonly gpuMs: number;
  /** The longest first. */
  readonly kernels: readonly ProfiledKernel[];
}

const EOS = VOCABULARY.indexOf('<eos>');
const MOST_GROUP = 16;
const OPTIMIZER = { learningRate: 1e-4, beta1: 0.9, beta2: 0.95, weightDecay: 0, maxGradNorm: 1 };

export class Workload {
  readonly sizes: WorkloadSizes;
  readonly parameters: number;
  /** From nothing but a device to ready: weights, buffers, compiled kernels. */
  readonly startMs: number;
  readonly #gpu: Gpu;
  readonly #engine: Engine;
  readonly #objective: Objective;
  readonly #prompts: readonly (readonly number[])[];
  #step = 0;

  private constructor(gpu: Gpu, engine: Engine, objective: Objective, sizes: WorkloadSizes, startMs: number) {
    this.#gpu = gpu;
    this.#engine = engine;
    this.#objective = objective;
    this.sizes = sizes;
    this.startMs = startMs;
    this.parameters = engine.learner.policy.layout.tensors.reduce((sum, { size }) => sum + size, 0);
    this.#prompts = Array.from({ length: sizes.sequences }, (_, b) =>
      Array.from({ length: sizes.promptTokens }, (_, t) => (b * 7 + t * 3) % 20),
    );
  }

  /** Throws what Engine.create throws. */
  static async create(gpu: Gpu, sizes: WorkloadSizes, engineOptions: Partial<EngineOptions> = {}): Promise<Workload> {
    const config: ModelConfig = {
      vocabSize: sizes.vocabSize,
      hiddenSize: sizes.hiddenSize,
      intermediateSize: sizes.intermediateSize,
      numLayers: sizes.numLayers,
      numHeads: sizes.numHeads,
      maxPositions: sizes.promptTokens + sizes.newTokens,
    };
    const weights = initialize(config, 1);
    const begin = performance.now();
    const engine = await Engine.create(gpu, weights, { ...engineOptions, maxSequences: sizes.sequences });
    const objective = await Objective.create(engine, sizes.sequences, 1);
    return new Workload(gpu, engine, objective, sizes, performance.now() - begin);
  }

  async step(): Promise<StepTimes> {
    const begin = performance.now();
    const completions = await this.#sample();
    const sampled = performance.now();
    await this.#train(completions);
    const end = performance.now();
    return { samplingMs: sampled - begin, trainingMs: end - sampled, stepMs: end - begin };
  }

  /** One step more, a kernel at a time; null where the adapter has no timestamps. */
  async profile(): Promise<{ readonly sampling: PartProfile; readonly training: PartProfile } | null> {
    const profiler = Profiler.create(this.#gpu);
    if (!profiler) return null;
    this.#gpu.profiler = profiler;
    try {
      const timed = async <Result>(part: () => Promise<Result>): Promise<[Result, PartProfile]> => {
        const result = await part();
        const kernels = await profiler.collect();
        return [result, { gpuMs: kernels.reduce((sum, { totalMs }) => sum + totalMs, 0), kernels }];
      };
      const [completions, sampling] = await timed(() => this.#sample());
      const [, training] = await timed(() => this.#train(completions));
      return { sampling, training };
    } finally {
      this.#gpu.profiler = null;
    }
  }

  #sample(): Promise<Completion[]> {
    const { newTokens: maxNewTokens } = this.sizes;
    const settings = { temperature: 1, topK: 0, topP: 1, minP: 0, forbidden: [EOS], eos: EOS };
    return this.#engine.generate(this.#prompts, { ...settings, seed: 1, step: this.#step++, maxNewTokens });
  }

  async #train(completions: readonly Completion[]): Promise<void> {
    const { sequences, promptTokens: promptLength } = this.sizes;
    const groupSize = Math.min(MOST_GROUP, sequences);
    const samples = completions.map(({ ids }, b) => ({
      ids: (this.#prompts[b] as readonly number[]).concat(ids),
      promptLength,
      truncated: true,
    }));
    await this.#objective.update({
      samples,
      rewards: { values: samples.map((_, b) => [(b % 7) / 7]), groupSize },
      options: { ...resolveOptions({ beta: 0, numGenerations: groupSize }), rewardWeights: [1] },
      old: 'current',
      optimizer: OPTIMIZER,
    });
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
