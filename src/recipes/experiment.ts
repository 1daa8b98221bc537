// What an experiment of several stages has in common with the others: it yields a row for every model that it measures, when it
// measures it, and between rows it tells how far it has come.
import type { Engine } from '../engine/index.ts';
import type { Metrics } from '../grpo/metrics.ts';
import type { Demonstration } from '../tasks/task.ts';
import { Tokenizer } from '../tasks/tokenizer.ts';
import { sampleCompletions, select, type SamplingPlan, type Selection } from './rejection-sampling.ts';
import type { ExperimentSettings, Measurement } from './score.ts';
import { sft, sftSteps, type SftSettings } from './sft.ts';

/** A measured model. While it is the newest row, the engine that made it holds it. */
export interface Row extends Measurement {
  /** The stage that it came out of, or what else it is, such as `base`. */
  readonly model: string;
}

export type ExperimentEvent =
  /** `done` of `total` in a part of a stage. `metrics` are those of a training step, empty where nothing is trained. */
  | {
      readonly type: 'progress';
      readonly stage: string;
      readonly part: 'sampling' | 'training';
      readonly done: number;
      readonly total: number;
      readonly metrics: Metrics;
    }
  /** What rejection sampling kept, and why it dropped the rest. */
  | {
      readonly type: 'selection';
      readonly stage: string;
      readonly sampled: number;
      readonly kept: number;
      readonly dropped: Selection['dropped'];
    };

/** May end the experiment by throwing: the error comes out of the recipe. */
export type OnEvent = (event: ExperimentEvent) => void;

/** SFT as a part of a stage. The vocabulary is that of all tasks. */
export async function fineTune(
  engine: Engine,
  dataset: readonly Demonstration[],
  settings: SftSettings & { readonly seed: number },
  stage: string,
  onEvent: OnEvent,
): Promise<void> {
  const total = sftSteps(dataset.length, settings);
  engine.restore(await engine.checkpoint()); // a fresh optimizer
  await sft(engine, new Tokenizer(), dataset, settings, ({ step: done, loss, gradNorm }) =>
    onEvent({ type: 'progress', stage, part: 'training', done, total, metrics: { loss, grad_norm: gradNorm } }),
  );
}

/** Rejection sampling as a part of a stage: all that was sampled, and what of it is kept. */
export async function rejectionSample(
  engine: Engine,
  plan: SamplingPlan,
  settings: Pick<ExperimentSettings, 'seed' | 'maxCompletionLength'>,
  stage: string,
  onEvent: OnEvent,
): Promise<{ readonly sampled: readonly Demonstration[]; readonly kept: readonly Demonstration[] }> {
  const sampled = await sampleCompletions(engine, plan, settings, (done, total) =>
    onEvent({ type: 'progress', stage, part: 'sampling', done, total, metrics: {} }),
  );
  const { kept, dropped } = select(plan.tasks, sampled);
  onEvent({ type: 'selection', stage, sampled: sampled.length, kept: kept.length, dropped });
  return { sampled, kept };
}
