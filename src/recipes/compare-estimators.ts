// What does a critic buy, and what does it cost? The same task, base, seed and steps with each advantage estimator: PPO, whose
// baseline is a critic, against GRPO and RLOO, whose baseline is the group, and REINFORCE, which has none. All begin with the very
// same answers, since the first step samples from the base. What is compared is the rise of the reward: for a step, for a second of
// wall time and for a mebibyte on the GPU, the critic's own time and memory included.
import type { Checkpoint, Gpu } from '../engine/index.ts';
import { mean } from '../grpo/metrics.ts';
import { CRITIC_OPTIONS, DEFAULT_OPTIONS, resolveOptions, type GrpoOptions } from '../grpo/options.ts';
import type { TaskName } from '../tasks/task.ts';
import type { OnEvent } from './experiment.ts';
import { PRESETS } from './presets.ts';
import { Run, type RunRequest } from './run.ts';

export type Estimator = GrpoOptions['advantageEstimator'];

export interface CompareEstimatorsSettings {
  readonly task: TaskName;
  readonly seed: number;
  readonly steps: number;
  /** In this order. */
  readonly estimators: readonly Estimator[];
  /** The estimator is not used, nor are the options of the critic but with ppo. */
  readonly options: GrpoOptions;
}

export interface EstimatorRow {
  readonly estimator: Estimator;
  readonly steps: number;
  /** Mean reward of the first step, which is the base's; the same for all. */
  readonly rewardBefore: number;
  /** Mean reward over the last tenth of the steps. */
  readonly rewardAfter: number;
  /** Share of held-out problems solved at the end. */
  readonly accuracy: number;
  /** Share of answers that were right over the last tenth of the steps. */
  readonly solvedInSteps: number;
  /** The same when the time was up that the first of the estimators took for all its steps; the end where it came sooner. */
  readonly solvedInTime: number;
  /** Wall time of all steps, evaluation not included. */
  readonly seconds: number;
  /** Median wall time of a step. */
  readonly stepMs: number;
  /** Median wall time of the critic in a step; 0 without one. */
  readonly criticMs: number;
  /** All that is on the GPU. */
  readonly memoryMiB: number;
  /** The critic's part of it; 0 without one. */
  readonly criticMiB: number;
  /** How well the critic foretold the returns, over the last tenth of the steps; null without one. */
  readonly explainedVariance: number | null;
  /** rewardAfter - rewardBefore, shared out. */
  readonly gainPerStep: number;
  readonly gainPerSecond: number;
  readonly gainPerMiB: number;
}

const FIRST_LESSON = PRESETS['first-lesson'];

export const COMPARE_ESTIMATORS: CompareEstimatorsSettings = {
  task: FIRST_LESSON.task,
  seed: 1,
  steps: FIRST_LESSON.steps,
  estimators: ['grpo', 'rloo', 'reinforce', 'ppo'],
  options: FIRST_LESSON.options,
};

/** The same options with another estimator. */
export function withEstimator(options: GrpoOptions, estimator: Estimator): GrpoOptions {
  const usual = Object.fromEntries(CRITIC_OPTIONS.map((name) => [name, DEFAULT_OPTIONS[name]]));
  return resolveOptions({ ...options, advantageEstimator: estimator, ...(estimator === 'ppo' ? {} : usual) });
}

/**
 * Yields a row for each estimator; stages bear their names, and a step's metrics come with `memory_mib`. The GPU must have nothing
 * else on it: each estimator begins by freeing all. Throws bad-settings, diverged, and whatever `onEvent` throws.
 */
export async function* compareEstimators(
  gpu: Gpu,
  base: Checkpoint,
  settings: CompareEstimatorsSettings,
  onEvent: OnEvent,
): AsyncGenerator<EstimatorRow, void> {
  const { task, seed, steps, estimators } = settings;
  const open = (estimator: Estimator, length: number): Promise<Run> => {
    gpu.freeAll();
    const request: RunRequest = { task, seed, steps: length, options: withEstimator(settings.options, estimator) };
    return Run.create(gpu, base, request, () => undefined);
  };
  // The first use of a kernel is slow on some drivers: that is no estimator's fault.
  for (const estimator of estimators) await (await open(estimator, 2)).step();

  let allowedMs: number | null = null;
  for (const estimator of estimators) {
    const run = await open(estimator, steps);
    const made: Readonly<Record<string, number>>[] = [];
    const stepMs: number[] = [];
    let memoryMiB = 0;
    while (!run.finished) {
      const step = await run.step();
      memoryMiB = Math.max(memoryMiB, gpu.allocatedBytes / 2 ** 20);
      made.push(step.metrics);
      stepMs.push(step.stepMs);
      const metrics = { ...step.metrics, memory_mib: memoryMiB };
      onEvent({ type: 'progress', stage: estimator, part: 'training', done: step.step, total: steps, metrics });
    }
    const column = (name: string): number[] => made.flatMap((metrics) => metrics[name] ?? []);
    const tenth = Math.ceil(steps / 10);
    const lastTenth = (name: string): number => mean(column(name).slice(-tenth));
    const total = sum(stepMs);
    const limitMs = (allowedMs ??= total);
    const inTime = stepMs.filter((_, index) => sum(stepMs.slice(0, index + 1)) <= limitMs).length;
    const solved = column('rewards/accuracy/mean');
    const rewardBefore = column('reward')[0] ?? 0;
    const rewardAfter = lastTenth('reward');
    const gain = rewardAfter - rewardBefore;
    const seconds = total / 1000;
    yield {
      estimator,
      steps,
      rewardBefore,
      rewardAfter,
      accuracy: column('eval/accuracy').at(-1) ?? 0,
      solvedInSteps: lastTenth('rewards/accuracy/mean'),
      solvedInTime: mean(solved.slice(Math.max(0, inTime - tenth), Math.max(1, inTime))),
      seconds,
      stepMs: median(stepMs),
      criticMs: median(column('critic/update_ms')),
      memoryMiB,
      criticMiB: column('critic/memory_mib').at(-1) ?? 0,
      explainedVariance: estimator === 'ppo' ? lastTenth('critic/explained_variance') : null,
      gainPerStep: gain / steps,
      gainPerSecond: gain / seconds,
      gainPerMiB: gain / memoryMiB,
    };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** 0 of nothing. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
