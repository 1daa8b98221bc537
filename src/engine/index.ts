// The engine's one door: token ids in, log-probs and updated weights out. It knows no task, no text and no reward.
import { validateConfig, type Checkpoint, type ModelConfig } from './config.ts';
import { cacheBytes, Generator, type Completion, type GeneratorOptions, type SamplingSettings } from './generator.ts';
import type { Gpu } from './gpu/gpu.ts';
import { Arena } from './gpu/arena.ts';
import { Kernels } from './kernels.ts';
import { Learner } from './learner.ts';
import { Parameters } from './parameters.ts';
import { workspaceBytes, workspaceRows } from './workspace.ts';

export type { AdapterReport } from './gpu/gpu.ts';
export { Gpu } from './gpu/gpu.ts';
export type { Checkpoint, ModelConfig } from './config.ts';
export type { Completion, SamplingSettings } from './generator.ts';
export type { Sequence } from './batch.ts';
export { initialize } from './initialize.ts';

export interface EngineOptions extends GeneratorOptions {
  /** Longest sequence, prompt and completion together. The checkpoint's own maximum if not given. */
  readonly maxLength?: number;
  /** Rows a training micro-batch; as many as limits and memory allow if not given. */
  readonly maxRows?: number;
}

/** What there is of an engine before it can train. */
export interface Sampling {
  readonly policy: Parameters;
  readonly generator: Generator;
}

/**
 * Bytes of what sampling keeps (keys and values) or training keeps (activations), one after the other in the same memory: room for
 * 512 sequences of 112 tokens at width 128 with 4 layers, and with weights and tables below WebGPU's default maxBufferSize, 256 MiB.
 */
const ARENA_BUDGET = 224 * 2 ** 20;

export class Engine {
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  readonly learner: Learner;
  readonly #generator: Generator;
  readonly #maxPositions: number;

  private constructor(gpu: Gpu, config: ModelConfig, learner: Learner, generator: Generator, maxPositions: number) {
    this.gpu = gpu;
    this.config = config;
    this.learner = learner;
    this.#generator = generator;
    this.#maxPositions = maxPositions;
  }

  /**
   * Builds every buffer, pipeline and bind group. `first` is awaited as soon as there is all that sampling needs: training's kernels are
   * compiled after it. Throws bad-settings, bad-checkpoint, limit-too-small, out-of-memory or shader-compile.
   */
  static async create(
    gpu: Gpu,
    checkpoint: Checkpoint,
    options: EngineOptions,
    first?: (sampling: Sampling) => Promise<void>,
  ): Promise<Engine> {
    validateConfig(checkpoint.config);
    const maxPositions = Math.min(options.maxLength ?? Infinity, checkpoint.config.maxPositions);
    const config = { ...checkpoint.config, maxPositions };
    const policy = new Parameters(gpu, config, 'policy');
    policy.write(checkpoint);
    const kernels = new Kernels(gpu, config);
    const wanted = options.maxSequences * (maxPositions - 1);
    const caches = Math.min(ARENA_BUDGET, cacheBytes(config, options.maxSequences));
    const maxRows = options.maxRows ?? workspaceRows(gpu, config, ARENA_BUDGET, wanted);
    const arena = new Arena(gpu, 'arena', Math.max(caches, workspaceBytes(config, maxRows)));
    const generator = await Generator.create(gpu, policy, kernels, arena, options);
    await first?.({ policy, generator });
    const learner = await Learner.create(gpu, policy, kernels, arena, maxRows);
    learner.freezeReference();
    await gpu.read([]); // anything that went wrong so far is thrown here
    return new Engine(gpu, config, learner, generator, checkpoint.config.maxPositions);
  }

  /** Samples a completion for every prompt from the policy. */
  generate(prompts: readonly (readonly number[])[], settings: SamplingSettings): Promise<Completion[]> {
    return this.#generator.generate(prompts, settings);
  }

  /** The policy's weights now. */
  async checkpoint(): Promise<Checkpoint> {
    const { tensors } = await this.learner.policy.read();
    return { config: { ...this.config, maxPositions: this.#maxPositions }, tensors };
  }

  /** Puts a checkpoint of the same size in place: policy and reference, with a fresh optimizer. Throws bad-checkpoint. */
  restore(checkpoint: Checkpoint): void {
    this.learner.policy.write(checkpoint);
    this.learner.optimizer.reset();
    this.learner.freezeReference();
  }
}
