// The page's end of the dedicated worker. A crash of the worker becomes a `failed` event, and no call is left waiting.
import { proxy, wrap } from 'comlink';
import { PlaygroundError } from '../base/errors.ts';
import type {
  AdapterView,
  EventListener,
  ExportChoices,
  OpenedModel,
  Origin,
  PickedFile,
  RunSettings,
  SessionApi,
  TrlZip,
} from './protocol.ts';

/** A session in a worker of its own. After a crash the next call starts a new worker, without the weights of the old. */
export class WorkerSession implements SessionApi {
  #link: Link | null = null;
  #listener: EventListener | null = null;

  adapter(): Promise<AdapterView> {
    return this.#call((session) => session.adapter());
  }

  prepare(settings: RunSettings): Promise<void> {
    return this.#call((session) => session.prepare(settings));
  }

  start(settings: RunSettings, listener: EventListener, origin?: Origin): Promise<void> {
    this.#listener = listener;
    return this.#call((session) => session.start(settings, proxy(listener), origin));
  }

  open(files: readonly PickedFile[]): Promise<OpenedModel> {
    return this.#call((session) => session.open(files));
  }

  pause(): Promise<void> {
    return this.#call((session) => session.pause());
  }

  resume(): Promise<void> {
    return this.#call((session) => session.resume());
  }

  step(): Promise<void> {
    return this.#call((session) => session.step());
  }

  reset(): Promise<void> {
    return this.#call((session) => session.reset());
  }

  measureKernels(on: boolean): Promise<void> {
    return this.#call((session) => session.measureKernels(on));
  }

  exportZip(choices?: ExportChoices): Promise<Uint8Array> {
    return this.#call((session) => session.exportZip(choices));
  }

  exportTrl(settings: RunSettings, origin?: Origin): Promise<TrlZip> {
    return this.#call((session) => session.exportTrl(settings, origin));
  }

  #call<Result>(command: (session: SessionApi) => Promise<Result>): Promise<Result> {
    this.#link ??= connect((error) => {
      this.#link = null;
      this.#listener?.({ type: 'failed', code: error.name, message: error.message, exportable: false });
    });
    return Promise.race([command(this.#link.session), this.#link.crash]);
  }
}

interface Link {
  readonly session: SessionApi;
  /** Rejects with worker-crashed; never resolves. */
  readonly crash: Promise<never>;
}

function connect(onCrash: (error: PlaygroundError) => void): Link {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  const crash = new Promise<never>((_, reject) => {
    const crashed = (detail: string): void => {
      worker.terminate();
      const error = new PlaygroundError(
        'worker-crashed',
        `The worker that trains was expected to answer, but it stopped: ${detail}. Start again; if it happens again, reload the page.`,
      );
      onCrash(error);
      reject(error);
    };
    worker.onerror = (event) => {
      crashed(event.message || 'it could not be loaded');
    };
    worker.onmessageerror = () => {
      crashed('it sent a message that cannot be read');
    };
  });
  crash.catch(() => undefined); // told through onCrash where no call is waiting
  return { session: wrap<SessionApi>(worker), crash };
}
