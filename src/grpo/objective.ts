// The GRPO loss on the GPU, over the engine's packed micro-batches. One update is: advantages, for ppo by an update of the critic;
// for every micro-batch the reference's log-probs, the policy's log-probs, the policy gradient, the backward pass; clip and AdamW;
// one readback. Supervised training is the same with advantage 1: cispo with the ratio 1 is the negative log-likelihood.
import advantageSource from '../../shaders/advantage.wgsl?raw';
import objectiveSource from '../../shaders/objective.wgsl?raw';
import tokenAdvantageSource from '../../shaders/token-advantage.wgsl?raw';
import { PlaygroundError } from '../base/errors.ts';
import { rowCount, unpackRows, type Batch, type Sequence } from '../engine/batch.ts';
import { uniformStruct } from '../engine/gpu/gpu.ts';
import type { Engine } from '../engine/index.ts';
import type { AdamWSettings } from '../engine/optimizer.ts';
import { aggregationWeights } from './aggregation.ts';
import { checkRewards, checkSamples } from './checks.ts';
import { Critic, type CriticReport, type PackedStep } from './critic.ts';
import { ADVANTAGE_ESTIMATORS, SCALE_REWARDS, type GrpoOptions } from './options.ts';
import { allocate, makePlan, METRICS, type Buffers, type Plan } from './plan.ts';

/** A prompt with one completion. */
export interface Sample extends Sequence {
  /** Cut off before its end. */
  readonly truncated: boolean;
}

/** Rewards of all samples, [sample][function]; groups are adjacent. */
export interface Rewards {
  readonly values: readonly (readonly number[])[];
  readonly groupSize: number;
}

export interface Update {
  readonly samples: readonly Sample[];
  /** Null: supervised, every advantage is 1. */
  readonly rewards: Rewards | null;
  readonly options: GrpoOptions;
  /**
   * Old log-probs: given, one a completion token; or `current`, for a ratio of 1 in value; or `kept`, those of the last update
   * that was `current`, on the same samples.
   */
  readonly old: readonly (readonly number[])[] | 'current' | 'kept';
  /** Null: the gradient is made and measured, nothing is updated. */
  readonly optimizer: AdamWSettings | null;
}

export interface Outcome {
  /** Weighted sum of the rewards. */
  readonly reward: number;
  /** With a critic the mean of its tokens' advantages. */
  readonly advantage: number;
  /** Std of the rewards of its group. */
  readonly groupStd: number;
}

/** Means and shares are over the completion tokens in the loss. */
export interface UpdateReport {
  /** The whole objective, KL and entropy bonus included. */
  readonly loss: number;
  /** The objective without KL and entropy bonus. */
  readonly policyLoss: number;
  /** Nats. */
  readonly kl: number;
  /** Nats. */
  readonly entropy: number;
  /** Nats. */
  readonly negativeLogProb: number;
  /** Share of ratios that were clipped from below, from above: of tokens, or at sequence level of completions. A token that topEntropyQuantile leaves out is not clipped. */
  readonly clippedLow: number;
  readonly clippedHigh: number;
  /** Norm of the whole gradient before the clip. */
  readonly gradNorm: number;
  readonly tokens: number;
  /** One a sample. */
  readonly outcomes: readonly Outcome[];
  /** dloss/dlogp of every completion token, by sample; negative pushes up. All zero for a sample left out of the loss. */
  readonly slopes: readonly Float32Array[];
  /** Null without a critic. */
  readonly critic: CriticReport | null;
}

const LOSS_KINDS = { grpo: 0, bnpo: 0, dapo: 0, dr_grpo: 0, cispo: 1, sapo: 2 } as const;
const LARGEST_F32 = 3.4028234663852886e38;

export class Objective {
  /** Null for estimators that have none. */
  readonly critic: Critic | null;
  readonly #engine: Engine;
  readonly #buffers: Buffers;
  readonly #plan: Plan;
  readonly #maxSamples: number;
  readonly #rewardFunctions: number;

  private constructor(
    engine: Engine,
    critic: Critic | null,
    buffers: Buffers,
    plan: Plan,
    maxSamples: number,
    rewardFunctions: number,
  ) {
    this.critic = critic;
    this.#engine = engine;
    this.#buffers = buffers;
    this.#plan = plan;
    this.#maxSamples = maxSamples;
    this.#rewardFunctions = rewardFunctions;
  }

  /**
   * For updates of up to `maxSamples` samples, each judged by `rewardFunctions` functions. For the estimator ppo it gets a critic;
   * the others need none. Throws limit-too-small, shader-compile.
   */
  static async create(
    engine: Engine,
    maxSamples: number,
    rewardFunctions: number,
    estimator: GrpoOptions['advantageEstimator'] = 'grpo',
  ): Promise<Objective> {
    const { gpu, config } = engine;
    const stepRows = maxSamples * (config.maxPositions - 1);
    const buffers = allocate(gpu, maxSamples, stepRows, engine.learner.maxRows, rewardFunctions);
    const { outcomes, advantages } = buffers;
    const plan = await makePlan(engine, buffers);
    const critic = estimator === 'ppo' ? await Critic.create(engine, outcomes, advantages, stepRows) : null;
    return new Objective(engine, critic, buffers, plan, maxSamples, rewardFunctions);
  }

  /** One gradient, and one AdamW step unless `optimizer` is null. Throws bad-settings, or what the device reports. */
  async update({ samples, rewards, options, old, optimizer }: Update): Promise<UpdateReport> {
    const { gpu, learner } = this.#engine;
    const buffers = this.#buffers;
    checkSamples(samples, this.#maxSamples, this.#engine.config);
    if (rewards) this.#writeRewards(samples.length, rewards, options);
    else gpu.write(buffers.outcomes, new Float32Array(samples.length * 4).fill(1));
    const inLoss = samples.map((sample) => !(options.maskTruncatedCompletions && sample.truncated));
    gpu.write(buffers.weights, aggregationWeights(samples, inLoss, options));
    const counted = samples.map((sample, index) => (inLoss[index] ? sample : { ids: [], promptLength: 0 }));
    const tokens = counted.reduce((sum, { ids, promptLength }) => sum + ids.length - promptLength, 0);
    const step: PackedStep = { samples, batches: learner.pack(counted), tokens };
    if (typeof old !== 'string') this.#writeOld(samples, inLoss, old);

    gpu.submit((encoder) => {
      encoder.clearBuffer(buffers.metrics);
      if (rewards) gpu.encode(encoder, [this.#plan.advantages], samples.length);
    });
    const critic =
      rewards && options.advantageEstimator === 'ppo'
        ? await this.#requireCritic().update(step, options, old !== 'kept', optimizer)
        : null;
    const masked = options.topEntropyQuantile < 1;
    if (masked) this.#findThreshold(step, options);

    const { spread, mask, statistics, policyLogProbs, referenceLogProbs, loss } = this.#plan;
    const tokenAdvantages = [...(critic ? [] : [spread]), ...(masked ? [mask] : [])];
    learner.begin();
    for (const batch of step.batches) {
      this.#writeObjective(batch, options, old === 'current');
      learner.load(batch);
      gpu.submit((encoder) => {
        if (options.beta > 0 && old !== 'kept') {
          learner.forward(encoder, batch, 'reference');
          gpu.encode(encoder, [statistics, referenceLogProbs], batch.rows);
        }
        learner.forward(encoder, batch, 'policy');
        gpu.encode(encoder, [statistics, policyLogProbs], batch.rows);
        const first = batch.rowOffset * 4;
        if (old === 'current') encoder.copyBufferToBuffer(buffers.logProbs, first, buffers.old, first, batch.rows * 4);
        gpu.encode(encoder, [...tokenAdvantages, ...loss], batch.rows);
      });
      gpu.submit((encoder) => learner.backward(encoder, batch)); // on its own, so that the GPU begins while this is recorded
    }
    learner.finish(optimizer);
    return this.#report(step, options, critic);
  }

  /** Log-probs of every completion token under the policy at `options.temperature`, in nats, by sample. Throws bad-settings. */
  async score(samples: readonly Sample[], options: GrpoOptions): Promise<Float32Array[]> {
    const { gpu, learner } = this.#engine;
    checkSamples(samples, this.#maxSamples, this.#engine.config);
    const batches = learner.pack(samples);
    for (const batch of batches) {
      this.#writeObjective(batch, options, true);
      learner.load(batch);
      gpu.submit((encoder) => {
        learner.forward(encoder, batch, 'policy');
        gpu.encode(encoder, [this.#plan.statistics, this.#plan.policyLogProbs], batch.rows);
      });
    }
    const [bytes] = await gpu.read([{ buffer: this.#buffers.logProbs, bytes: rowCount(batches) * 4 }]);
    return unpackRows(samples, batches, new Float32Array(bytes as ArrayBuffer));
  }

  #requireCritic(): Critic {
    if (this.critic) return this.critic;
    throw new PlaygroundError('bad-settings', 'advantageEstimator ppo needs an objective that was created for it');
  }

  /** From a forward pass over the whole step: a quantile needs every token before the first is judged. */
  #findThreshold({ batches, tokens }: PackedStep, options: GrpoOptions): void {
    const { gpu, learner } = this.#engine;
    // In f32, as torch.quantile: in f64 (1 - 0.7) * 10 would be above 3.
    const rank = Math.ceil(Math.fround(Math.fround(1 - options.topEntropyQuantile) * Math.max(0, tokens - 1)));
    const ranking = { rows: rowCount(batches), rank };
    gpu.write(this.#buffers.ranking, new Uint8Array(uniformStruct(tokenAdvantageSource, 'Ranking', ranking)));
    for (const batch of batches) {
      this.#writeObjective(batch, options, true);
      learner.load(batch);
      gpu.submit((encoder) => {
        learner.forward(encoder, batch, 'policy');
        gpu.encode(encoder, [this.#plan.statistics], batch.rows);
      });
    }
    gpu.submit((encoder) => gpu.encode(encoder, [this.#plan.threshold], 1));
  }

  #writeRewards(count: number, { values, groupSize }: Rewards, options: GrpoOptions): void {
    const { gpu } = this.#engine;
    checkRewards({ values, groupSize }, count, this.#rewardFunctions, options.rewardWeights);
    gpu.write(this.#buffers.rewards, Float32Array.from(values.flat()));
    gpu.write(this.#buffers.rewardWeights, Float32Array.from(options.rewardWeights));
    const grouping = {
      count,
      group_size: groupSize,
      functions: this.#rewardFunctions,
      estimator: ADVANTAGE_ESTIMATORS.indexOf(options.advantageEstimator),
      scale: SCALE_REWARDS.indexOf(options.scaleRewards),
    };
    gpu.write(this.#buffers.grouping, new Uint8Array(uniformStruct(advantageSource, 'Grouping', grouping)));
  }

  #writeOld(samples: readonly Sample[], inLoss: readonly boolean[], old: readonly (readonly number[])[]): void {
    const rows: number[] = [];
    samples.forEach((sample, index) => {
      const given = old[index] ?? [];
      const length = sample.ids.length - sample.promptLength;
      if (given.length !== length) {
        throw new PlaygroundError(
          'bad-settings',
          `completion ${index} has ${length} tokens, but ${given.length} old log-probs came`,
        );
      }
      if (inLoss[index]) rows.push(...new Array<number>(sample.promptLength - 1).fill(0), ...given);
    });
    this.#engine.gpu.write(this.#buffers.old, Float32Array.from(rows));
  }

  #writeObjective(batch: Batch, options: GrpoOptions, oldIsCurrent: boolean): void {
    const values = {
      rows: batch.rows,
      row_offset: batch.rowOffset,
      temperature: options.temperature,
      beta: options.beta,
      entropy_coef: options.entropyCoef,
      epsilon: options.epsilon,
      epsilon_high: options.epsilonHigh,
      delta: options.delta ?? LARGEST_F32,
      loss_type: LOSS_KINDS[options.lossType],
      sequence_level: options.importanceSamplingLevel === 'sequence' ? 1 : 0,
      old_is_current: oldIsCurrent ? 1 : 0,
    };
    this.#engine.gpu.write(
      this.#buffers.objective,
      new Uint8Array(uniformStruct(objectiveSource, 'Objective', values)),
    );
  }

  async #report(
    { samples, batches }: PackedStep,
    options: GrpoOptions,
    critic: CriticReport | null,
  ): Promise<UpdateReport> {
    const { metrics, slopes, outcomes } = this.#buffers;
    const results = await this.#engine.gpu.read([
      { buffer: metrics, bytes: METRICS * 4 },
      { buffer: this.#engine.learner.optimizer.norm, bytes: 4 },
      { buffer: outcomes, bytes: samples.length * 16 },
      { buffer: slopes, bytes: rowCount(batches) * 4 },
    ]);
    const [sums, norm, graded, slopesOfRows] = results.map((bytes) => new Float32Array(bytes)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [loss = 0, policyLoss = 0, kl = 0, entropy = 0, low = 0, high = 0, tokens = 0, negativeLogProb = 0] = sums;
    const mean = (sum: number, count = tokens): number => sum / Math.max(1, count);
    const ratios = options.importanceSamplingLevel === 'sequence' ? samples.length : tokens;
    return {
      loss,
      policyLoss,
      kl: mean(kl),
      entropy: mean(entropy),
      negativeLogProb: mean(negativeLogProb),
      clippedLow: mean(low, ratios),
      clippedHigh: mean(high, ratios),
      gradNorm: norm[0] as number,
      tokens,
      outcomes: samples.map((_, index) => {
        const [reward = 0, advantage = 0, groupStd = 0] = graded.subarray(index * 4, index * 4 + 3);
        const ofTokens = critic?.advantages[index];
        return { reward, advantage: ofTokens ? average(ofTokens) : advantage, groupStd };
      }),
      slopes: unpackRows(samples, batches, slopesOfRows),
      critic,
    };
  }
}

/** 0 of nothing. */
function average(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
