// GRPO (Shao et al. 2024, arXiv:2402.03300; DeepSeek-R1, arXiv:2501.12948). One step:
//
//   1. rollout     sample G completions for each of P prompts from the policy
//   2. score       every reward function judges every completion
//   3. advantage   how far each reward is from its group's mean, over the group's std
//   4. update      numIterations times: push every token of a completion up or down by its advantage, with the ratio to the
//                  log-probs before the first update clipped, and a KL pull towards the frozen base
//
// No critic: the group is the baseline. To compare, the estimator ppo has one: then an advantage is a token's own, and each
// update is one of the critic too.
import { PlaygroundError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import type { Checkpoint, Completion, Engine } from '../engine/index.ts';
import type { Moments } from '../engine/optimizer.ts';
import type { CriticState } from './critic.ts';
import { stepMetrics, type Metrics } from './metrics.ts';
import { MovingReference } from './moving-reference.ts';
import { Objective, type Outcome, type Sample, type UpdateReport } from './objective.ts';
import type { GrpoOptions } from './options.ts';

/** Where prompts and rewards come from, in token ids. */
export interface Environment {
  readonly eos: number;
  /** In the order of `grade` and of the option rewardWeights. */
  readonly rewardNames: readonly string[];
  samplePrompt(random: Random): readonly number[];
  /** One number a reward function. */
  grade(prompt: readonly number[], completion: readonly number[]): readonly number[];
}

/** One completion of a step and what became of it. Arrays have one entry a completion token. */
export interface Rollout extends Completion, Outcome {
  readonly prompt: readonly number[];
  /** One a reward function. */
  readonly rewards: readonly number[];
  /** dloss/dlogp in the last update; negative pushes the token up. */
  readonly slopes: Float32Array;
}

/** The first half of a step: what the policy said and what it earned, group after group. */
export interface Draft {
  readonly prompts: readonly (readonly number[])[];
  readonly completions: readonly Completion[];
  /** One a reward function, for every completion. */
  readonly rewards: readonly (readonly number[])[];
  readonly samplingMs: number;
  readonly gradingMs: number;
}

export interface TrainerStep {
  /** Counts from 1. */
  readonly step: number;
  /** Group after group. */
  readonly rollouts: readonly Rollout[];
  readonly metrics: Metrics;
  /** Wall time of the step's parts; there are no others. */
  readonly parts: { readonly samplingMs: number; readonly gradingMs: number; readonly trainingMs: number };
}

/**
 * What a run needs, besides the policy's weights, to go on as if it had never stopped. Of random numbers there is nothing to keep:
 * they depend on the seed and the step.
 */
export interface TrainerState {
  /** Steps done. */
  readonly step: number;
  /** Tokens sampled and prompted in them. */
  readonly tokens: number;
  readonly moments: Moments;
  /** The reference's weights; null where beta is 0 and there is no use for them. */
  readonly reference: Checkpoint['tensors'] | null;
  /** Null for estimators that have none. */
  readonly critic: CriticState | null;
}

/** Rollout and score of a step, or of its first groups alone. They depend on the seed, the step and the weights, on nothing else. */
export async function draftStep(
  policy: Pick<Engine, 'generate'>,
  environment: Environment,
  options: GrpoOptions,
  seed: number,
  step: number,
  groups = options.promptsPerStep,
): Promise<Draft> {
  const begin = performance.now();
  const random = new Random(seed, step);
  const prompts = Array.from({ length: groups }, () => environment.samplePrompt(random)).flatMap((prompt) =>
    Array.from({ length: options.numGenerations }, () => prompt),
  );
  const { eos } = environment;
  const settings = { ...options, forbidden: [], seed, step, eos, maxNewTokens: options.maxCompletionLength };
  const completions = await policy.generate(prompts, settings);
  const sampled = performance.now();
  const rewards = completions.map(({ ids }, index) => environment.grade(prompts[index] as readonly number[], ids));
  const samplingMs = sampled - begin;
  return { prompts, completions, rewards, samplingMs, gradingMs: performance.now() - sampled };
}

export class Trainer {
  readonly #engine: Engine;
  readonly #objective: Objective;
  /** Null: the reference stays the frozen base. */
  readonly #reference: MovingReference | null;
  readonly #environment: Environment;
  readonly #options: GrpoOptions;
  readonly #seed: number;
  #step = 0;
  #tokens = 0;

  private constructor(
    engine: Engine,
    objective: Objective,
    reference: MovingReference | null,
    environment: Environment,
    options: GrpoOptions,
    seed: number,
  ) {
    this.#engine = engine;
    this.#objective = objective;
    this.#reference = reference;
    this.#environment = environment;
    this.#options = options;
    this.#seed = seed;
  }

  /** The seed decides prompts and completions, given the weights. Throws limit-too-small, shader-compile. */
  static async create(engine: Engine, environment: Environment, options: GrpoOptions, seed: number): Promise<Trainer> {
    const samples = options.promptsPerStep * options.numGenerations;
    const functions = environment.rewardNames.length;
    const objective = await Objective.create(engine, samples, functions, options.advantageEstimator);
    const reference = options.syncRefModel ? await MovingReference.create(engine, options) : null;
    return new Trainer(engine, objective, reference, environment, options, seed);
  }

  /** One step. Throws what `learn` throws. */
  async step(): Promise<TrainerStep> {
    return this.learn(await this.draft());
  }

  /** Rollout and score of the next step. */
  draft(): Promise<Draft> {
    return draftStep(this.#engine, this.#environment, this.#options, this.#seed, this.#step + 1);
  }

  /** Advantage and update. Throws diverged where the loss or the gradient is not finite; the weights then stay those of the last update that was. */
  async learn({ prompts, completions, rewards, samplingMs, gradingMs }: Draft): Promise<TrainerStep> {
    const begin = performance.now();
    const step = this.#step + 1;
    const options = this.#options;
    const learningRate = options.learningRate * Math.min(1, step / Math.max(1, options.warmupSteps));
    const report = await this.#update(prompts, completions, rewards, learningRate);
    this.#reference?.follow(step);

    this.#step = step;
    this.#tokens += completions.reduce((sum, { ids }, index) => sum + ids.length + (prompts[index]?.length ?? 0), 0);
    const rollouts = completions.map((completion, index) => ({
      ...completion,
      ...(report.outcomes[index] as Outcome),
      prompt: prompts[index] as readonly number[],
      rewards: rewards[index] as readonly number[],
      slopes: report.slopes[index] as Float32Array,
    }));
    const trainingMs = performance.now() - begin;
    const metrics = stepMetrics(rollouts, report, this.#environment.rewardNames, options, {
      seconds: (samplingMs + gradingMs + trainingMs) / 1000,
      tokens: this.#tokens,
      learningRate,
    });
    return { step, rollouts, metrics, parts: { samplingMs, gradingMs, trainingMs } };
  }

  async state(): Promise<TrainerState> {
    const { reference, optimizer } = this.#engine.learner;
    const [moments, pull, critic] = await Promise.all([
      optimizer.moments(),
      this.#options.beta > 0 ? reference.read() : null,
      this.#objective.critic?.state() ?? null,
    ]);
    return { step: this.#step, tokens: this.#tokens, moments, reference: pull?.tensors ?? null, critic };
  }

  /** Goes on from a state that a trainer with the same options left; the policy's weights come with the engine. Throws bad-checkpoint. */
  restore({ step, tokens, moments, reference, critic }: TrainerState): void {
    const { learner } = this.#engine;
    const updates = step * this.#options.numIterations;
    learner.optimizer.restore(moments, updates);
    if (reference) learner.reference.write({ tensors: reference });
    if (critic) this.#objective.critic?.restore(critic, updates);
    this.#step = step;
    this.#tokens = tokens;
  }

  async #update(
    prompts: readonly (readonly number[])[],
    completions: readonly Completion[],
    rewards: readonly (readonly number[])[],
    learningRate: number,
  ): Promise<UpdateReport> {
    const options = this.#options;
    const samples = completions.map(({ ids, truncated }, index): Sample => {
      const prompt = prompts[index] as readonly number[];
      return { ids: prompt.concat(ids), promptLength: prompt.length, truncated };
    });
    const optimizer = {
      learningRate,
      beta1: options.adamBeta1,
      beta2: options.adamBeta2,
      weightDecay: options.weightDecay,
      maxGradNorm: options.maxGradNorm,
    };
    const update = (old: 'current' | 'kept'): Promise<UpdateReport> =>
      this.#objective.update({
        samples,
        rewards: { values: rewards, groupSize: options.numGenerations },
        options,
        old,
        optimizer,
      });
    let report = await update('current');
    let criticMs = report.critic?.updateMs ?? 0;
    for (let iteration = 1; iteration < options.numIterations; iteration++) {
      report = await update('kept');
      criticMs += report.critic?.updateMs ?? 0;
    }
    if (!Number.isFinite(report.loss) || !Number.isFinite(report.gradNorm)) {
      throw new PlaygroundError(
        'diverged',
        `the loss is ${report.loss} and the gradient's norm ${report.gradNorm} in step ${this.#step + 1}; the weights are those of the last update before it. Lower the learning rate or raise beta.`,
      );
    }
    return { ...report, critic: report.critic && { ...report.critic, updateMs: criticMs } };
  }
}
