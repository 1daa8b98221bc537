// The page's end of the inference worker, which starts with the first call: ONNX Runtime is loaded by whoever uses it alone.
import { proxy, wrap } from 'comlink';
import { PlaygroundError } from '../base/errors.ts';
import type { Completion, GenerationRequest, InferenceApi, ModelSource, TokensListener } from './protocol.ts';

export type { Completion, GenerationRequest, InferenceApi, ModelSource, Tokens } from './protocol.ts';

/** Calls reject with worker-crashed where the worker stops; the next call then starts a new one, without models. */
export class WorkerInference implements InferenceApi {
  #link: { readonly api: InferenceApi; readonly crash: Promise<never> } | null = null;

  load(slot: string, source: ModelSource): Promise<void> {
    return this.#call((api) => api.load(slot, source));
  }

  generate(slot: string, request: GenerationRequest, listener: TokensListener): Promise<readonly Completion[]> {
    return this.#call((api) => api.generate(slot, request, proxy(listener)));
  }

  async stop(): Promise<void> {
    if (this.#link) await this.#call((api) => api.stop());
  }

  #call<Result>(command: (api: InferenceApi) => Promise<Result>): Promise<Result> {
    const link = (this.#link ??= this.#connect());
    return Promise.race([command(link.api), link.crash]);
  }

  #connect(): { readonly api: InferenceApi; readonly crash: Promise<never> } {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    const crash = new Promise<never>((_, reject) => {
      worker.onerror = ({ message }) => {
        worker.terminate();
        this.#link = null;
        const why = message || 'it could not be loaded';
        reject(new PlaygroundError('worker-crashed', `The worker of ONNX Runtime stopped: ${why}. Try again.`));
      };
    });
    crash.catch(() => undefined); // told to the call that waits, if one does
    return { api: wrap<InferenceApi>(worker), crash };
  }
}
