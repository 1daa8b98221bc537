// What the page and the worker say to each other. The worker streams RunEvents; a recorded run in public/ is a list of the same events.
import type { GrpoOptions } from '../grpo/options.ts';
import type { GroupView } from '../recipes/group-view.ts';
import type { PresetName } from '../recipes/presets.ts';
import type { TaskName } from '../tasks/task.ts';

export type { CompletionView, GroupView } from '../recipes/group-view.ts';

/** Metrics of one step by the names of src/grpo/metrics.ts, such as `reward`, `aha/wait_given_wrong`, `eval/accuracy`. */
export type Metrics = Readonly<Record<string, number>>;

export interface AdapterView {
  /** For a person: "Apple M2". */
  readonly name: string;
  /** A software adapter: the page warns and offers the lighter preset. */
  readonly software: boolean;
}

export interface RunSettings {
  readonly preset: PresetName;
  readonly task: TaskName;
  readonly seed: number;
  readonly steps: number;
  readonly options: GrpoOptions;
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
  /** A finished step. `group` is the group of one prompt; `stepMs` wall time; `tokens` sampled in it. Step 0 is the untrained base, evaluated only. */
  | {
      readonly type: 'step';
      readonly step: number;
      readonly metrics: Metrics;
      readonly group: GroupView | null;
      readonly stepMs: number;
      readonly tokens: number;
    }
  | { readonly type: 'paused' }
  | { readonly type: 'resumed' }
  /** All steps are done. */
  | { readonly type: 'finished' }
  /** The run stopped. The weights of the last good step stay exportable if `exportable`. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly exportable: boolean };

export type EventListener = (event: RunEvent) => void;

/** What the dedicated worker exposes through comlink. Errors reject with a PlaygroundError's name, message and stack. */
export interface SessionApi {
  /** Finds the adapter without starting anything. Rejects with webgpu-unavailable. */
  adapter(): Promise<AdapterView>;
  /** Starts a run and streams its events; a run in progress is ended first. Resolves once the run is loaded and step 0 was sent. */
  start(settings: RunSettings, listener: EventListener): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** One step, then pauses. */
  step(): Promise<void>;
  /** Back to the base model; the run is ended and its weights dropped. */
  reset(): Promise<void>;
  /** A zip: Hugging Face folder, settings, run log. Works while paused, running, finished or failed. */
  exportZip(): Promise<Uint8Array>;
}

/** A recorded real run in public/: `recorded-<preset>.json`. */
export interface RecordedRun {
  /** When, on which adapter and by which command it was made. */
  readonly about: { readonly adapter: string; readonly command: string };
  readonly events: readonly RunEvent[];
}
