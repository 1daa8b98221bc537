// The GRPO loss on the GPU, over the engine's packed micro-batches. One update is: advantages; for every micro-batch the
// reference's log-probs, the policy's log-probs, the policy gradient, the backward pass; clip and AdamW; one readback.
// Supervised training is the same with advantage 1: cispo with the ratio 1 is the negative log-likelihood.
import advantageSource from '../../shaders/advantage.wgsl?raw';
import logProbSource from '../../shaders/log-prob.wgsl?raw';
import objectiveSource from '../../shaders/objective.wgsl?raw';
import policyGradientSource from '../../shaders/policy-gradient.wgsl?raw';
import softmaxSource from '../../shaders/softmax.wgsl?raw';
import { PlaygroundError } from '../base/errors.ts';
import { NO_TARGET, rowCount, unpackRows, type Batch, type Sequence } from '../engine/batch.ts';
import { paddedVocabulary } from '../engine/config.ts';
import { uniformStruct, type Dispatch, type Gpu, type KernelCall } from '../engine/gpu/gpu.ts';
import type { Engine } from '../engine/index.ts';
import type { AdamWSettings } from '../engine/optimizer.ts';
import { aggregationWeights } from './aggregation.ts';
import { ADVANTAGE_ESTIMATORS, SCALE_REWARDS, type GrpoOptions } from './options.ts';

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
  readonly advantage: number;
  /** Std of the rewards of its group. */
  readonly groupStd: number;
}

/** Means and shares are over the completion tokens in the loss. */
export interface UpdateReport {
  /** The whole objective, KL included. */
  readonly loss: number;
  /** The objective without its KL term. */
  readonly policyLoss: number;
  /** Nats. */
  readonly kl: number;
  /** Nats. */
  readonly entropy: number;
  /** Nats. */
  readonly negativeLogProb: number;
  /** Share of ratios that were clipped from below, from above: of tokens, or at sequence level of completions. */
  readonly clippedLow: number;
  readonly clippedHigh: number;
  /** Norm of the whole gradient before the clip. */
  readonly gradNorm: number;
  readonly tokens: number;
  /** One a sample. */
  readonly outcomes: readonly Outcome[];
  /** dloss/dlogp of every completion token, by sample; negative pushes up. All zero for a sample left out of the loss. */
  readonly slopes: readonly Float32Array[];
}

const METRICS = 7;
/** Where the KL and the slope stand in a row's terms. */
const KL_TERM = 1;
const SLOPE_TERM = 3;
const LOSS_KINDS = { grpo: 0, bnpo: 0, dapo: 0, dr_grpo: 0, cispo: 1, sapo: 2 } as const;
const LARGEST_F32 = 3.4028234663852886e38;

interface Plan {
  readonly advantages: Dispatch;
  readonly policyLogProbs: readonly Dispatch[];
  readonly referenceLogProbs: readonly Dispatch[];
  readonly loss: readonly Dispatch[];
}

export class Objective {
  readonly #engine: Engine;
  readonly #buffers: Buffers;
  readonly #plan: Plan;
  readonly #maxSamples: number;
  readonly #rewardFunctions: number;

  private constructor(engine: Engine, buffers: Buffers, plan: Plan, maxSamples: number, rewardFunctions: number) {
    this.#engine = engine;
    this.#buffers = buffers;
    this.#plan = plan;
    this.#maxSamples = maxSamples;
    this.#rewardFunctions = rewardFunctions;
  }

  /** For updates of up to `maxSamples` samples, each judged by `rewardFunctions` functions. Throws limit-too-small, shader-compile. */
  static async create(engine: Engine, maxSamples: number, rewardFunctions: number): Promise<Objective> {
    const { gpu, config } = engine;
    const { logits, spans, labels } = engine.learner.tables;
    const buffers = allocate(
      gpu,
      maxSamples,
      maxSamples * (config.maxPositions - 1),
      engine.learner.maxRows,
      rewardFunctions,
    );
    const { objective, lse, entropies, logProbs, old, reference, outcomes, weights, terms, metrics } = buffers;
    const constants = { V: config.vocabSize, VP: paddedVocabulary(config.vocabSize), NO_TARGET };
    const perRow = (rows: number): [number, number, number] => [Math.ceil(rows / 64), 1, 1];
    const make = (file: string, entry: string, bind: KernelCall['bind'], grid = perRow): Promise<Dispatch> =>
      gpu.dispatch({ source: `${objectiveSource}\n${file}`, entry, constants, bind, grid });
    const gather = (into: GPUBuffer): Promise<Dispatch[]> =>
      Promise.all([
        make(softmaxSource, 'softmax_statistics', { objective, logits, lse, entropies }),
        make(logProbSource, 'log_prob_gather', { objective, logits, lse, labels, log_probs: into }),
      ]);
    const [policyLogProbs, referenceLogProbs, loss, advantages] = await Promise.all([
      gather(logProbs),
      gather(reference),
      Promise.all([
        make(policyGradientSource, 'policy_gradient_loss', {
          objective, spans, labels, log_probs: logProbs, old_log_probs: old, reference_log_probs: reference, outcomes, weights, terms,
        }), // prettier-ignore
        make(
          policyGradientSource,
          'policy_gradient_metrics',
          { objective, labels, log_probs: logProbs, row_terms: terms, entropies, metrics },
          () => [1, 1, 1],
        ),
        make(policyGradientSource, 'policy_gradient_logits', { objective, labels, row_terms: terms, logits, lse }),
      ]),
      gpu.dispatch({
        source: advantageSource,
        entry: 'advantage_normalize',
        constants: {},
        bind: { grouping: buffers.grouping, rewards: buffers.rewards, weights: buffers.rewardWeights, outcomes },
        grid: perRow,
      }),
    ]);
    return new Objective(
      engine,
      buffers,
      { advantages, policyLogProbs, referenceLogProbs, loss },
      maxSamples,
      rewardFunctions,
    );
  }

  /** One gradient, and one AdamW step unless `optimizer` is null. Throws bad-settings, or what the device reports. */
  async update({ samples, rewards, options, old, optimizer }: Update): Promise<UpdateReport> {
    const { gpu, learner } = this.#engine;
    const buffers = this.#buffers;
    this.#check(samples);
    if (rewards) this.#writeRewards(samples.length, rewards, options);
    else
      gpu.write(
        buffers.outcomes,
        Float32Array.from({ length: samples.length * 4 }, () => 1),
      );
    const inLoss = samples.map((sample) => !(options.maskTruncatedCompletions && sample.truncated));
    const weights = aggregationWeights(samples, inLoss, options);
    gpu.write(buffers.weights, weights);
    const batches = learner.pack(
      samples.map((sample, index) => (inLoss[index] ? sample : { ids: [], promptLength: 0 })),
    );
    if (typeof old !== 'string') this.#writeOld(samples, inLoss, old);

    learner.begin();
    gpu.submit((encoder) => {
      encoder.clearBuffer(buffers.metrics);
      if (rewards) gpu.encode(encoder, [this.#plan.advantages], samples.length);
    });
    for (const batch of batches) {
      this.#writeObjective(batch, options, old === 'current');
      learner.load(batch);
      gpu.submit((encoder) => {
        if (options.beta > 0 && old !== 'kept') {
          learner.forward(encoder, batch, 'reference');
          gpu.encode(encoder, this.#plan.referenceLogProbs, batch.rows);
        }
        learner.forward(encoder, batch, 'policy');
        gpu.encode(encoder, this.#plan.policyLogProbs, batch.rows);
        if (old === 'current')
          encoder.copyBufferToBuffer(
            buffers.logProbs,
            batch.rowOffset * 4,
            buffers.old,
            batch.rowOffset * 4,
            batch.rows * 4,
          );
        gpu.encode(encoder, this.#plan.loss, batch.rows);
        learner.backward(encoder, batch);
      });
    }
    learner.finish(optimizer);
    return this.#report(samples, batches, options, weights);
  }

  /** Log-probs of every completion token under the policy at `options.temperature`, in nats, by sample. Throws bad-settings. */
  async score(samples: readonly Sample[], options: GrpoOptions): Promise<Float32Array[]> {
    const { gpu, learner } = this.#engine;
    this.#check(samples);
    const batches = learner.pack(samples);
    for (const batch of batches) {
      this.#writeObjective(batch, options, true);
      learner.load(batch);
      gpu.submit((encoder) => {
        learner.forward(encoder, batch, 'policy');
        gpu.encode(encoder, this.#plan.policyLogProbs, batch.rows);
      });
    }
    const [bytes] = await gpu.read([{ buffer: this.#buffers.logProbs, bytes: rowCount(batches) * 4 }]);
    return unpackRows(samples, batches, new Float32Array(bytes as ArrayBuffer));
  }

  #check(samples: readonly Sample[]): void {
    const { vocabSize, maxPositions } = this.#engine.config;
    if (samples.length > this.#maxSamples) {
      throw new PlaygroundError(
        'bad-settings',
        `an update takes at most ${this.#maxSamples} completions, but ${samples.length} came`,
      );
    }
    for (const { ids, promptLength } of samples) {
      if (promptLength < 1 || promptLength > ids.length || ids.length > maxPositions) {
        throw new PlaygroundError(
          'bad-settings',
          `prompt and completion must have 1 to ${maxPositions} tokens together, but one has ${ids.length}`,
        );
      }
      const outside = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
      if (outside !== undefined)
        throw new PlaygroundError('bad-settings', `a token must be 0 to ${vocabSize - 1}, but one is ${outside}`);
    }
  }

  #writeRewards(count: number, { values, groupSize }: Rewards, options: GrpoOptions): void {
    const { gpu } = this.#engine;
    const flat = values.flat();
    if (values.length !== count || count % groupSize !== 0 || flat.length !== count * this.#rewardFunctions) {
      throw new PlaygroundError(
        'bad-settings',
        `expected ${this.#rewardFunctions} rewards for each of ${count} completions in groups of ${groupSize}, but ${values.length} lists with ${flat.length} rewards came`,
      );
    }
    if (options.rewardWeights.length < this.#rewardFunctions) {
      throw new PlaygroundError(
        'bad-settings',
        `expected a weight for each of ${this.#rewardFunctions} reward functions, but rewardWeights has ${options.rewardWeights.length}`,
      );
    }
    const broken = flat.find((value) => !Number.isFinite(value));
    if (broken !== undefined)
      throw new PlaygroundError('bad-settings', `a reward must be a finite number, but one is ${broken}`);
    gpu.write(this.#buffers.rewards, Float32Array.from(flat));
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
    samples: readonly Sample[],
    batches: readonly Batch[],
    options: GrpoOptions,
    weights: Float32Array,
  ): Promise<UpdateReport> {
    const { metrics, terms, outcomes } = this.#buffers;
    const rows = rowCount(batches);
    const results = await this.#engine.gpu.read([
      { buffer: metrics, bytes: METRICS * 4 },
      { buffer: this.#engine.learner.optimizer.norm, bytes: 4 },
      { buffer: outcomes, bytes: samples.length * 16 },
      { buffer: terms, bytes: rows * 16 },
    ]);
    const [sums, norm, graded, termRows] = results.map((bytes) => new Float32Array(bytes)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [loss = 0, kl = 0, entropy = 0, low = 0, high = 0, tokens = 0, negativeLogProb = 0] = sums;
    const mean = (sum: number, count = tokens): number => sum / Math.max(1, count);
    const ratios = options.importanceSamplingLevel === 'sequence' ? samples.length : tokens;
    const column = (at: number): Float32Array[] =>
      unpackRows(
        samples,
        batches,
        Float32Array.from({ length: rows }, (_, row) => termRows[row * 4 + at] as number),
      );
    const klLoss = column(KL_TERM).reduce(
      (sum, kls, sample) =>
        sum + options.beta * (weights[sample] as number) * kls.reduce((total, each) => total + each, 0),
      0,
    );
    return {
      loss,
      policyLoss: loss - klLoss,
      kl: mean(kl),
      entropy: mean(entropy),
      negativeLogProb: mean(negativeLogProb),
      clippedLow: mean(low, ratios),
      clippedHigh: mean(high, ratios),
      gradNorm: norm[0] as number,
      tokens,
      outcomes: samples.map((_, index) => {
        const [reward = 0, advantage = 0, groupStd = 0] = graded.subarray(index * 4, index * 4 + 3);
        return { reward, advantage, groupStd };
      }),
      slopes: column(SLOPE_TERM),
    };
  }
}

type Buffers = ReturnType<typeof allocate>;

function allocate(gpu: Gpu, maxSamples: number, stepRows: number, batchRows: number, rewardFunctions: number) {
  const floats = (label: string, count: number): GPUBuffer => gpu.buffer(label, count * 4);
  return {
    objective: gpu.uniform('objective', 48),
    grouping: gpu.uniform('grouping', 32),
    rewards: floats('rewards', maxSamples * rewardFunctions),
    rewardWeights: floats('reward weights', rewardFunctions),
    outcomes: floats('outcomes', maxSamples * 4),
    weights: floats('aggregation weights', maxSamples),
    lse: floats('log-sum-exp', batchRows),
    entropies: floats('entropies', stepRows),
    logProbs: floats('log-probs', stepRows),
    old: floats('old log-probs', stepRows),
    reference: floats('reference log-probs', stepRows),
    terms: floats('loss terms', stepRows * 4),
    metrics: floats('metrics', METRICS),
  };
}
