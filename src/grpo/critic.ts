// PPO's critic at work (shaders/critic.wgsl has the formulas). In one update, for every micro-batch: its values, the advantages
// and returns where the rollout is new, the clipped value loss, its backward pass; then clip, AdamW and whitened advantages.
// The values of a new rollout are those from before the critic's first update on it, so one forward pass serves both.
import criticSource from '../../shaders/critic.wgsl?raw';
import { NO_TARGET, rowCount, unpackRows, type Batch, type Sequence } from '../engine/batch.ts';
import { uniformStruct, type Dispatch, type KernelCall } from '../engine/gpu/gpu.ts';
import type { Checkpoint, Engine } from '../engine/index.ts';
import type { AdamWSettings, Moments } from '../engine/optimizer.ts';
import type { ValueModel } from '../engine/value-model.ts';
import type { GrpoOptions } from './options.ts';

/** Means and shares are over the completion tokens in the loss. */
export interface CriticReport {
  /** Before the update, not yet times vfCoef. */
  readonly valueLoss: number;
  /** 1 - var(R - V) / var(R) of the rollout's values: 1 where they foretell the returns, 0 where a constant would do as well or returns do not vary. */
  readonly explainedVariance: number;
  /** Share of values whose move was clipped. */
  readonly clipped: number;
  /** Norm of the critic's gradient before the clip. */
  readonly gradNorm: number;
  /** Wall time from the first command to the results. */
  readonly updateMs: number;
  /** On the GPU: weights, gradients, moments and estimates. Activations are shared with the policy. */
  readonly memoryBytes: number;
  /** Whitened, of every completion token, by sample; all 0 for a sample left out of the loss. */
  readonly advantages: readonly Float32Array[];
}

/** What a critic learnt, for a run that goes on later. */
export interface CriticState {
  readonly weights: Checkpoint['tensors'];
  readonly moments: Moments;
}

/** The samples of an update as they lie in the learner's micro-batches. */
export interface PackedStep {
  readonly samples: readonly Sequence[];
  readonly batches: readonly Batch[];
  /** Completion tokens in the loss. */
  readonly tokens: number;
}

const STATISTICS = 5;

interface Plan {
  readonly advantage: Dispatch;
  readonly loss: Dispatch;
  readonly whiten: Dispatch;
}

export class Critic {
  /** For tests: its weights and gradients. */
  readonly model: ValueModel;
  readonly #engine: Engine;
  readonly #plan: Plan;
  readonly #settings: GPUBuffer;
  readonly #statistics: GPUBuffer;
  readonly #advantages: GPUBuffer;
  readonly #memoryBytes: number;

  private constructor(
    engine: Engine,
    model: ValueModel,
    plan: Plan,
    buffers: { readonly settings: GPUBuffer; readonly statistics: GPUBuffer; readonly advantages: GPUBuffer },
    memoryBytes: number,
  ) {
    this.#engine = engine;
    this.model = model;
    this.#plan = plan;
    this.#settings = buffers.settings;
    this.#statistics = buffers.statistics;
    this.#advantages = buffers.advantages;
    this.#memoryBytes = memoryBytes;
  }

  /**
   * Begins as a copy of the policy as it is now. Reads the reward of each sequence in `outcomes`, (reward, ...) each, and writes
   * `advantages`, one for each of the `stepRows` rows that a step may have. Throws limit-too-small, shader-compile.
   */
  static async create(engine: Engine, outcomes: GPUBuffer, advantages: GPUBuffer, stepRows: number): Promise<Critic> {
    const { gpu, learner } = engine;
    const before = gpu.allocatedBytes;
    const model = await learner.createCritic();
    const { spans, labels, logits: values } = learner.tables;
    const settings = gpu.uniform('critic settings', 32);
    const statistics = gpu.buffer('critic statistics', STATISTICS * 4);
    const estimates = gpu.buffer('critic estimates', stepRows * 16);
    const losses = gpu.buffer('value losses', stepRows * 8);
    const make = (entry: string, bind: KernelCall['bind'], grid: Dispatch['grid']): Promise<Dispatch> =>
      gpu.dispatch({
        source: criticSource,
        entry,
        constants: { NO_TARGET },
        bind: { critic: settings, ...bind },
        grid,
      });
    const perRow: Dispatch['grid'] = (rows) => [Math.ceil(rows / 64), 1, 1];
    const [advantage, loss, whiten] = await Promise.all([
      make('critic_advantage', { spans, labels, outcomes, values, estimates }, perRow),
      make('critic_loss', { values, estimates, losses }, perRow),
      make('critic_whiten', { estimates, losses, advantages, statistics }, () => [1, 1, 1]),
    ]);
    const memoryBytes = gpu.allocatedBytes - before;
    return new Critic(engine, model, { advantage, loss, whiten }, { settings, statistics, advantages }, memoryBytes);
  }

  async state(): Promise<CriticState> {
    const { parameters, optimizer } = this.model;
    const [{ tensors }, moments] = await Promise.all([parameters.read(), optimizer.moments()]);
    return { weights: tensors, moments };
  }

  /** Goes on from a state that `updates` updates left. Throws bad-checkpoint for one of another size. */
  restore({ weights, moments }: CriticState, updates: number): void {
    this.model.parameters.write({ tensors: weights });
    this.model.optimizer.restore(moments, updates);
  }

  /** One gradient of the value loss, and one AdamW step unless `optimizer` is null. `newRollout` is false for a later update on the same samples. */
  async update(
    { samples, batches, tokens }: PackedStep,
    options: GrpoOptions,
    newRollout: boolean,
    optimizer: AdamWSettings | null,
  ): Promise<CriticReport> {
    const begin = performance.now();
    const { gpu, learner } = this.#engine;
    const { model } = this;
    const { advantage, loss, whiten } = this.#plan;
    const stepRows = rowCount(batches);
    const writeSettings = (rows: number, row_offset: number): void => {
      const { gamma, lam, vfCoef, cliprangeValue: cliprange } = options;
      const gradient_scale = vfCoef / Math.max(1, tokens);
      const values = { rows, row_offset, step_rows: stepRows, gamma, lam, gradient_scale, cliprange };
      gpu.write(this.#settings, new Uint8Array(uniformStruct(criticSource, 'Critic', values)));
    };
    model.begin();
    for (const batch of batches) {
      writeSettings(batch.rows, batch.rowOffset);
      learner.load(batch);
      gpu.submit((encoder) => {
        model.forward(encoder, batch);
        gpu.encode(encoder, newRollout ? [advantage, loss] : [loss], batch.rows);
        model.backward(encoder, batch);
      });
    }
    model.finish(optimizer && { ...optimizer, learningRate: options.criticLearningRate });
    writeSettings(0, 0); // where every completion is left out, no batch has told how many rows there are
    gpu.submit((encoder) => gpu.encode(encoder, [whiten], 1));
    const results = await gpu.read([
      { buffer: this.#statistics, bytes: STATISTICS * 4 },
      { buffer: model.optimizer.norm, bytes: 4 },
      { buffer: this.#advantages, bytes: stepRows * 4 },
    ]);
    const updateMs = performance.now() - begin;
    const [statistics, norm, advantages] = results.map((bytes) => new Float32Array(bytes)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [lossSum = 0, clipped = 0, count = 0, advantageVariance = 0, returnVariance = 0] = statistics;
    return {
      valueLoss: lossSum / Math.max(1, count),
      explainedVariance: returnVariance > 0 ? 1 - advantageVariance / returnVariance : 0,
      clipped: clipped / Math.max(1, count),
      gradNorm: norm[0] as number,
      updateMs,
      memoryBytes: this.#memoryBytes,
      advantages: unpackRows(samples, batches, advantages),
    };
  }
}
