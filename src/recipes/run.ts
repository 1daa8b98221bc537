// A GRPO run of a preset: base evaluation, steps with their metrics and one group to look at, evaluations in between. The page's
// worker and the command line both drive this.
import { PlaygroundError } from '../base/errors.ts';
import { Profiler, type ProfiledKernel } from '../engine/gpu/profiler.ts';
import { Engine, type Checkpoint, type Gpu, type ModelConfig } from '../engine/index.ts';
import type { DecoderChoice, SamplingSizes } from '../engine/tune.ts';
import type { Metrics } from '../grpo/metrics.ts';
import type { GrpoOptions } from '../grpo/options.ts';
import { draftStep, Trainer, type Rollout, type TrainerState } from '../grpo/trainer.ts';
import { WAITS } from '../tasks/completion.ts';
import { findTask } from '../tasks/registry.ts';
import type { Task, TaskName } from '../tasks/task.ts';
import { ahaMetrics } from './aha.ts';
import { environmentOf, MAX_PROMPT_TOKENS, rewardsByName } from './environment.ts';
import { evaluate } from './evaluate.ts';
import { draftView, groupView, type GroupView } from './group-view.ts';

export interface RunRequest {
  readonly task: TaskName;
  readonly seed: number;
  readonly steps: number;
  readonly options: GrpoOptions;
}

/** A completion as the run log keeps it. */
export interface LoggedRollout {
  readonly prompt: string;
  readonly completion: string;
  readonly rewards: Readonly<Record<string, number>>;
  readonly advantage: number;
}

export interface RunStep {
  /** 0 is the base model, evaluated only. */
  readonly step: number;
  readonly metrics: Metrics;
  /** The group whose rewards differ the most; null for step 0. */
  readonly group: GroupView | null;
  readonly completions: readonly LoggedRollout[];
  /** Wall time, evaluation not included. */
  readonly stepMs: number;
  /** Completion tokens sampled. */
  readonly tokens: number;
  /** Null for step 0. */
  readonly timing: StepTiming | null;
}

/** Where a step's wall time went, in milliseconds, and what it asked of the GPU. */
export interface StepTiming {
  readonly samplingMs: number;
  readonly gradingMs: number;
  /** Advantage, forward, backward and update, all iterations. */
  readonly trainingMs: number;
  /** 0 in a step that no evaluation follows. */
  readonly evaluationMs: number;
  /** Metrics of the thoughts, the group to show. */
  readonly otherMs: number;
  /** Of sampling and training. */
  readonly dispatches: number;
  readonly submits: number;
  /** On the GPU, after the step. */
  readonly allocatedBytes: number;
  /** The adapter can measure its kernels one by one. */
  readonly measurable: boolean;
  /** GPU time by kernel; null in a step where it was not measured, which makes a step slower. */
  readonly kernels: {
    readonly sampling: readonly ProfiledKernel[];
    readonly training: readonly ProfiledKernel[];
  } | null;
}

/** Where a run stands: everything that it needs to go on. */
export interface Snapshot {
  readonly checkpoint: Checkpoint;
  readonly state: TrainerState;
}

interface Work<Result> {
  readonly result: Result;
  readonly dispatches: number;
  readonly submits: number;
  /** Null where they were not measured. */
  readonly kernels: readonly ProfiledKernel[] | null;
}

/** Tells how far something that takes a while has come. */
export type Progress = (what: string, done: number, total: number) => void;

/** Steps between evaluations on held-out problems. */
const EVALUATE_EVERY = 25;
const PASS_K = 8;
const MAX_EVALUATION = 512;

export interface RunBeginning {
  readonly weights?: Promise<Checkpoint>;
  readonly preview?: (group: GroupView) => void;
  /** What a snapshot held besides the checkpoint. */
  readonly state?: TrainerState | undefined;
  /** The generator's own choice if not given. */
  readonly decoder?: DecoderChoice | undefined;
}

/** What a run samples at once. */
export function samplingSizes(config: ModelConfig, options: GrpoOptions): SamplingSizes {
  const maxPositions = MAX_PROMPT_TOKENS + options.maxCompletionLength;
  return { config: { ...config, maxPositions }, maxSequences: options.promptsPerStep * options.numGenerations };
}

export class Run {
  readonly engine: Engine;
  readonly task: Task;
  readonly #request: RunRequest;
  readonly #trainer: Trainer;
  readonly #progress: Progress;
  /** Null where the adapter cannot measure its kernels. */
  readonly #profiler: Profiler | null;
  #step: number;

  private constructor(
    engine: Engine,
    task: Task,
    request: RunRequest,
    trainer: Trainer,
    progress: Progress,
    step: number,
  ) {
    this.#step = step;
    this.engine = engine;
    this.task = task;
    this.#request = request;
    this.#trainer = trainer;
    this.#progress = progress;
    this.#profiler = Profiler.create(engine.gpu);
  }

  /**
   * Where the model's weights are still on their way, `checkpoint` has its sizes and `weights` brings them: kernels are compiled
   * meanwhile. `preview` is shown the first group of the first step, something to look at before training's kernels are compiled and
   * anything is measured; the step samples the same again, with all others. With `state`, it goes on from where a run with the same
   * settings stopped, whose weights the checkpoint has. Throws what Engine.create throws, and bad-settings where completions do not fit
   * the model.
   */
  static async create(
    gpu: Gpu,
    checkpoint: Checkpoint,
    request: RunRequest,
    progress: Progress,
    { weights, preview, state, decoder }: RunBeginning = {},
  ): Promise<Run> {
    const { options, seed } = request;
    const task = findTask(request.task);
    const { config, maxSequences } = samplingSizes(checkpoint.config, options);
    if (config.maxPositions > checkpoint.config.maxPositions) {
      throw new PlaygroundError(
        'bad-settings',
        `maxCompletionLength must be at most ${checkpoint.config.maxPositions - MAX_PROMPT_TOKENS} for this model, but it is ${options.maxCompletionLength}`,
      );
    }
    if (checkpoint.config.vocabSize !== task.tokenizer.symbols.length) {
      throw new PlaygroundError(
        'bad-settings',
        `task ${task.name} has ${task.tokenizer.symbols.length} tokens, but the model has ${checkpoint.config.vocabSize}`,
      );
    }
    const done = state?.step ?? 0;
    const what = 'Preparing the GPU';
    progress(what, 0, 2);
    const environment = environmentOf(task);
    const sizes = { maxSequences, maxLength: config.maxPositions, ...decoder };
    const engine = await Engine.create(gpu, checkpoint, sizes, async ({ policy, generator }) => {
      if (weights) policy.write(await weights);
      progress(what, 1, 2);
      if (preview)
        preview(
          draftView(task, await draftStep(generator, environment, options, seed, done + 1, 1), options.rewardWeights),
        );
    });
    const trainer = await Trainer.create(engine, environment, options, seed);
    if (state) trainer.restore(state);
    progress(what, 2, 2);
    return new Run(engine, task, request, trainer, progress, done);
  }

  get finished(): boolean {
    return this.#step >= this.#request.steps;
  }

  /** After the latest step: the checkpoint and the state that another run with these settings goes on from. */
  async snapshot(): Promise<Snapshot> {
    const [checkpoint, state] = await Promise.all([this.engine.checkpoint(), this.#trainer.state()]);
    return { checkpoint, state };
  }

  /** The base model on held-out problems, before step 1. */
  async base(): Promise<RunStep> {
    const metrics = await this.#evaluation();
    return { step: 0, metrics, group: null, completions: [], stepMs: 0, tokens: 0, timing: null };
  }

  /**
   * One training step; every 25th and the last are followed by an evaluation. With `measured`, its kernels are measured one by one, if
   * the adapter can. Throws diverged, device-lost.
   */
  async step(measured = false): Promise<RunStep> {
    const sampling = await this.#work(() => this.#trainer.draft(), measured);
    const training = await this.#work(() => this.#trainer.learn(sampling.result), measured);
    const { rollouts, metrics, step, parts } = training.result;
    const trained = performance.now();
    this.#step = step;
    const { tokenizer } = this.task;
    const texts = rollouts.map(({ prompt, ids }) => ({
      prompt: tokenizer.decode(prompt.slice(1)),
      completion: tokenizer.decode(ids),
    }));
    const aha = ahaMetrics(this.task, texts);
    const group = groupView(this.task, rollouts, this.#request.options.numGenerations);
    const otherMs = performance.now() - trained;
    const evaluates = step % EVALUATE_EVERY === 0 || this.finished;
    const evaluation = evaluates ? await this.#evaluation() : {};
    return {
      step,
      metrics: { ...metrics, ...aha, ...evaluation },
      group,
      completions: texts.map((text, index) => {
        const { rewards, advantage } = rollouts[index] as Rollout;
        return {
          ...text,
          rewards: rewardsByName(this.task, rewards),
          advantage,
        };
      }),
      stepMs: parts.samplingMs + parts.gradingMs + parts.trainingMs,
      tokens: rollouts.reduce((sum, { ids }) => sum + ids.length, 0),
      timing: {
        ...parts,
        evaluationMs: evaluates ? performance.now() - trained - otherMs : 0,
        otherMs,
        dispatches: sampling.dispatches + training.dispatches,
        submits: sampling.submits + training.submits,
        allocatedBytes: this.engine.gpu.allocatedBytes,
        measurable: this.#profiler !== null,
        kernels: sampling.kernels && training.kernels && { sampling: sampling.kernels, training: training.kernels },
      },
    };
  }

  /** Does `work`, and tells what it asked of the GPU. */
  async #work<Result>(work: () => Promise<Result>, measured: boolean): Promise<Work<Result>> {
    const { gpu } = this.engine;
    const { dispatches, submits } = gpu.counts;
    gpu.profiler = measured ? this.#profiler : null;
    try {
      const result = await work();
      const done = { ...gpu.counts };
      const kernels = (await gpu.profiler?.collect()) ?? null;
      return { result, dispatches: done.dispatches - dispatches, submits: done.submits - submits, kernels };
    } finally {
      gpu.profiler = null;
    }
  }

  /** On as many held-out problems as a step has completions, at most 512, at temperature 1; pass@8 on an eighth of them. */
  async #evaluation(): Promise<Record<string, number>> {
    const { seed, options } = this.#request;
    const problems = Math.min(MAX_EVALUATION, options.promptsPerStep * options.numGenerations);
    const settings = { seed, temperature: 1, problems, maxNewTokens: options.maxCompletionLength };
    const what = 'Evaluating on held-out problems';
    this.#progress(what, 0, 3);
    const plain = await evaluate(this.engine, this.task, settings);
    this.#progress(what, 1, 3);
    const banned = await evaluate(this.engine, this.task, { ...settings, banned: WAITS });
    this.#progress(what, 2, 3);
    const several = await evaluate(this.engine, this.task, {
      ...settings,
      problems: Math.ceil(problems / PASS_K),
      samples: PASS_K,
    });
    this.#progress(what, 3, 3);
    return {
      'eval/accuracy': plain.accuracy,
      'eval/accuracy_without_wait': banned.accuracy,
      'eval/pass_at_k': several.passAtK,
      'eval/mean_length': plain.meanLength,
      ...Object.fromEntries(Object.entries(plain.aha).map(([name, value]) => [name.replace('aha/', 'eval/'), value])),
    };
  }
}
