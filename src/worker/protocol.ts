// What the page and the worker say to each other. The worker streams RunEvents; a recorded run in public/ is a list of the same events.
import type { AdapterView, RunEvent, RunSettings } from '../recipes/events.ts';

export type {
  AdapterView,
  CompletionView,
  GroupView,
  Metrics,
  RecordedRun,
  RunEvent,
  RunSettings,
} from '../recipes/events.ts';

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
