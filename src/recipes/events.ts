// A run as those who watch it see it: a stream of events, live from a worker or recorded in a file.
import type { AdapterReport } from '../engine/index.ts';
import type { Metrics } from '../grpo/metrics.ts';
import type { GroupView } from './group-view.ts';
import type { PresetName } from './presets.ts';
import type { RunRequest, StepTiming } from './run.ts';

export type { Metrics } from '../grpo/metrics.ts';
export type { CompletionView, GroupView } from './group-view.ts';
export type { StepTiming } from './run.ts';

/** The GPU a run is on; on a software adapter the page warns and offers the lighter preset. */
export type AdapterView = AdapterReport;

export interface RunSettings extends RunRequest {
  readonly preset: PresetName;
  /** The name of the model that the run begins with, where it is not the preset's. */
  readonly base?: string;
}

export type RunEvent =
  /** A run begins or begins anew: everything shown before is void. */
  | {
      readonly type: 'started';
      readonly settings: RunSettings;
      readonly adapter: AdapterView;
      readonly parameters: number;
    }
  /** Something that takes over a second, such as loading the model or evaluating: done of total, in words. */
  | { readonly type: 'progress'; readonly what: string; readonly done: number; readonly total: number }
  /** What the base model answers to one problem of step 1, told before anything else is done: advantages are 0 and pushes are none yet. */
  | { readonly type: 'preview'; readonly group: GroupView }
  /** A finished step. `group` is the group of one prompt; `stepMs` wall time; `tokens` sampled in it, prompts not included. Step 0 is the base model, evaluated only. */
  | {
      readonly type: 'step';
      readonly step: number;
      readonly metrics: Metrics;
      readonly group: GroupView | null;
      readonly stepMs: number;
      readonly tokens: number;
      /** Not in recorded runs, nor in step 0. */
      readonly timing?: StepTiming;
    }
  | { readonly type: 'paused' }
  | { readonly type: 'resumed' }
  /** All steps are done. */
  | { readonly type: 'finished' }
  /** The run stopped. The weights of the last good step stay exportable if `exportable`. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly exportable: boolean };

/** A recorded real run in public/: `recorded-<preset>.json`. */
export interface RecordedRun {
  /** On which adapter and by which command it was made. */
  readonly about: { readonly adapter: string; readonly command: string };
  readonly events: readonly RunEvent[];
}
