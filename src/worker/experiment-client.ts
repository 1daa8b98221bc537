// The page's end of an experiment's worker, which lives for one experiment; to stop it is to end the worker.
import { proxy, wrap } from 'comlink';
import { PlaygroundError } from '../base/errors.ts';
import type { EstimatorRow } from '../recipes/compare-estimators.ts';
import type { DistillRow } from '../recipes/distill.ts';
import type { AdapterView } from '../recipes/events.ts';
import type { ExperimentEvent, Row } from '../recipes/experiment.ts';
import type { StageName } from '../recipes/pipeline.ts';
import type { WaitPriorRow } from '../recipes/wait-priors.ts';

export type { EstimatorRow } from '../recipes/compare-estimators.ts';
export type { DistillRow } from '../recipes/distill.ts';
export type { ExperimentEvent, Row } from '../recipes/experiment.ts';
export type { StageName } from '../recipes/pipeline.ts';
export type { Score, Scores } from '../recipes/score.ts';
export type { StoryTable } from '../recipes/story-table.ts';
export type { WaitPriorRow } from '../recipes/wait-priors.ts';

/** What can be asked for, by the experiment's name, and the rows that it yields. */
export interface Experiments {
  /** Every base model on every task. */
  readonly scoreboard: { readonly asked: object; readonly row: Row };
  readonly 'wait-priors': { readonly asked: { readonly waitPriors: readonly number[] }; readonly row: WaitPriorRow };
  /** RL alone against a cold start of that many traces, then RL. */
  readonly zero: { readonly asked: { readonly traces: number }; readonly row: Row };
  readonly pipeline: { readonly asked: { readonly stages: readonly StageName[] }; readonly row: Row };
  /** From that many problems, each answered several times by the teacher. */
  readonly distill: { readonly asked: { readonly problems: number }; readonly row: DistillRow };
  readonly estimators: { readonly asked: object; readonly row: EstimatorRow };
}

export type ExperimentName = keyof Experiments;

export type ExperimentRequest<Name extends ExperimentName = ExperimentName> = {
  [Each in Name]: {
    readonly name: Each;
    readonly seed: number;
    /** So few and small steps that it shows how the experiment goes, not what comes of it; on a software adapter always. */
    readonly reduced: boolean;
  } & Experiments[Each]['asked'];
}[Name];

export type ExperimentRow = Experiments[ExperimentName]['row'];

export type ExperimentMessage =
  | { readonly type: 'started'; readonly adapter: AdapterView; readonly reduced: boolean }
  | ExperimentEvent
  | { readonly type: 'row'; readonly row: ExperimentRow };

export interface ExperimentApi {
  /** Resolves once the last row was told. Rejects with a PlaygroundError's name, message and stack. */
  run(request: ExperimentRequest, tell: (message: ExperimentMessage) => void | Promise<void>): Promise<void>;
}

export interface RunningExperiment {
  /** Rejects as ExperimentApi.run, and with worker-crashed; never settles once it was stopped. */
  readonly done: Promise<void>;
  readonly stop: () => void;
}

export function startExperiment(
  request: ExperimentRequest,
  tell: (message: ExperimentMessage) => void,
): RunningExperiment {
  const worker = new Worker(new URL('./experiment-worker.ts', import.meta.url), { type: 'module' });
  const stop = (): void => worker.terminate();
  const done = new Promise<void>((resolve, reject) => {
    worker.onerror = ({ message }) => {
      const why = message || 'it could not be loaded';
      reject(new PlaygroundError('worker-crashed', `The worker of the experiment stopped: ${why}. Start it again.`));
    };
    wrap<ExperimentApi>(worker).run(request, proxy(tell)).then(resolve, reject);
  }).finally(stop);
  return { done, stop };
}
