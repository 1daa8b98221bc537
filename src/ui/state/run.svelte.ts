// The visitor's own run: commands to the worker, its events to a view, and what there is to say while no GPU is at hand.
import type {
  AdapterView,
  ExportChoices,
  Origin,
  RunEvent,
  RunSettings,
  SessionApi,
  TrlZip,
} from '../../worker/protocol.ts';
import { EventFeed } from './event-feed.svelte.ts';
import type { Phase, RunView } from './run-view.ts';

export class Run {
  readonly #session: SessionApi;
  readonly #feed = new EventFeed();
  #adapter = $state.raw<AdapterView | null>(null);
  #unavailable = $state.raw<string | null>(null);
  #asking = $state(false);
  #exporting = $state(false);
  #exportProblem = $state.raw<string | null>(null);

  constructor(session: SessionApi) {
    this.#session = session;
  }

  get view(): RunView {
    return this.#feed.view;
  }

  get phase(): Phase {
    return this.#asking && this.view.phase === 'empty' ? 'loading' : this.view.phase;
  }

  /** A run is under way: its settings are fixed until it is reset, finished or failed. */
  get active(): boolean {
    return this.phase === 'loading' || this.phase === 'running' || this.phase === 'paused';
  }

  get adapter(): AdapterView | null {
    return this.view.adapter ?? this.#adapter;
  }

  /** Why there is no WebGPU here, null where there is or may be. */
  get unavailable(): string | null {
    return this.#unavailable;
  }

  get exporting(): boolean {
    return this.#exporting;
  }

  get exportProblem(): string | null {
    return this.#exportProblem;
  }

  get exportable(): boolean {
    const { failure, steps } = this.view;
    return steps.length > 0 && (failure === null || failure.exportable);
  }

  async findAdapter(): Promise<void> {
    try {
      this.#adapter = await this.#session.adapter();
    } catch (error) {
      this.#unavailable = toError(error).message;
    }
  }

  /** Lets kernels be compiled before they are needed. What goes wrong is told by the start. */
  async prepare(settings: RunSettings): Promise<void> {
    await this.#session.prepare(settings).catch(() => undefined);
  }

  async start(settings: RunSettings, origin: Origin = 'preset'): Promise<void> {
    this.#feed.clear();
    this.#exportProblem = null;
    this.#asking = true;
    await this.#ask(() =>
      this.#session.start(
        settings,
        (event) => {
          this.#feed.push(event);
        },
        origin,
      ),
    );
    this.#asking = false;
  }

  pause(): Promise<void> {
    return this.#ask(() => this.#session.pause());
  }

  resume(): Promise<void> {
    return this.#ask(() => this.#session.resume());
  }

  step(): Promise<void> {
    return this.#ask(() => this.#session.step());
  }

  /** While on, the kernels of every tenth step are measured. */
  measureKernels(on: boolean): Promise<void> {
    return this.#ask(() => this.#session.measureKernels(on));
  }

  async reset(): Promise<void> {
    await this.#ask(() => this.#session.reset());
    this.#feed.clear();
    this.#exportProblem = null;
  }

  /** Null where it failed; `exportProblem` then says why. */
  async exportZip(choose: () => Promise<ExportChoices> = () => Promise.resolve({})): Promise<Uint8Array | null> {
    this.#exporting = true;
    this.#exportProblem = null;
    try {
      return await this.#session.exportZip(await choose());
    } catch (error) {
      this.#exportProblem = toError(error).message;
      return null;
    } finally {
      this.#exporting = false;
    }
  }

  /** A folder for TRL, of the run, or of a new one with these settings. Rejects with a PlaygroundError's name and message. */
  exportTrl(settings: RunSettings, origin: Origin): Promise<TrlZip> {
    return this.#session.exportTrl(settings, origin);
  }

  async #ask(command: () => Promise<void>): Promise<void> {
    try {
      await command();
    } catch (error) {
      const { name, message } = toError(error);
      const failed: RunEvent = { type: 'failed', code: name, message, exportable: this.exportable };
      // A failure that the worker already told as an event is not told twice.
      this.#feed.flush();
      if (this.view.phase !== 'failed') this.#feed.push(failed);
    }
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
