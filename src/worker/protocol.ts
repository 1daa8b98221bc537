// What the page and the worker say to each other. The worker streams RunEvents; a recorded run in public/ is a list of the same events.
import type { Gap } from '../export/trl.ts';
import type { WeightType } from '../export/hugging-face.ts';
import type { AdapterView, RunEvent, RunSettings } from '../recipes/events.ts';

export type {
  AdapterView,
  CompletionView,
  GroupView,
  Metrics,
  RecordedRun,
  RunEvent,
  RunSettings,
  StepTiming,
} from '../recipes/events.ts';

export type { WeightType } from '../export/hugging-face.ts';

export interface ExportChoices {
  /** fp32 if not given. From rounded weights a run could not go on as it was: with fp16, what else that takes is left out. */
  readonly weights?: WeightType;
  /** A picture of the curves for the model card, as PNG. */
  readonly curves?: Uint8Array | null;
}

/** A file that a visitor picked or dropped, and its path in what was: `model/config.json`, or `run.zip`. */
export interface PickedFile {
  readonly path: string;
  readonly file: Blob;
}

/** What a visitor opened. */
export interface OpenedModel {
  /** That of the folder or the zip. */
  readonly name: string;
  readonly parameters: number;
  readonly layers: number;
  readonly width: number;
  /** Tokens of the longest answer that it has room for. */
  readonly longestAnswer: number;
  /** The run that made it, where that can go on: after `step` steps. */
  readonly run: { readonly settings: RunSettings; readonly step: number } | null;
  /** config.json, tokenizer.json and model.safetensors, for others to load. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What a run begins with: the preset's base model, the model that was opened, or the run that was opened, where it stopped. */
export type Origin = 'preset' | 'opened model' | 'opened run';

export type EventListener = (event: RunEvent) => void;

/** A folder that trains a run on a cluster with TRL. */
export interface TrlZip {
  /** The folder's. */
  readonly name: string;
  readonly zip: Uint8Array;
  /** Settings that TRL does not take as they are; the folder's README.md tells them too. */
  readonly gaps: readonly Gap[];
}

/**
 * What the dedicated worker exposes through comlink. A command that makes no sense in a state, such as a step while running, does
 * nothing. What goes wrong in a run is told by a `failed` event; only `adapter`, `open` and the exports reject, with a PlaygroundError's
 * name, message and stack, and every call where the worker itself crashes.
 */
export interface SessionApi {
  /** Finds the adapter without starting anything. Rejects with webgpu-unavailable. */
  adapter(): Promise<AdapterView>;
  /** Compiles the kernels of a run, so that its start is quick. Nothing while there is a run; what goes wrong is left to the start to tell. */
  prepare(settings: RunSettings): Promise<void>;
  /**
   * Starts a run and streams its events; a run in progress is ended first. Resolves once step 0 was sent, or `failed`. An opened run
   * goes on with its own settings, of which only the steps are looked at; the steps that it has done are sent first.
   */
  start(settings: RunSettings, listener: EventListener, origin?: Origin): Promise<void>;
  /**
   * Reads a model of a zip or of a folder's files, and the run beside it, for starts to begin with. Everything is checked first: where
   * it rejects, with bad-checkpoint, what was opened before and the run in progress stay as they were.
   */
  open(files: readonly PickedFile[]): Promise<OpenedModel>;
  /** Resolves once the step under way is done and `paused` was sent. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** One step of a paused run, which then pauses again. */
  step(): Promise<void>;
  /** Back to the base model; the run is ended, with no event after the call, and its weights dropped. */
  reset(): Promise<void>;
  /** While on, the kernels of every tenth step are measured one by one, the next step's first; such a step is slower. */
  measureKernels(on: boolean): Promise<void>;
  /**
   * A zip: Hugging Face folder, settings, log of all steps, and the latest 20,000 completions. Works while paused, running or
   * finished, and when failed if the event said exportable.
   */
  exportZip(choices?: ExportChoices): Promise<Uint8Array>;
  /** For the run, in any state; where there is none, for a new one that these settings would begin. */
  exportTrl(settings: RunSettings, origin?: Origin): Promise<TrlZip>;
}
