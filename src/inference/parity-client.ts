// The page's end of a parity check's worker, which lives for one check.
import { wrap } from 'comlink';
import { PlaygroundError } from '../base/errors.ts';
import type { TaskName } from '../tasks/task.ts';
import type { Parity } from './parity.ts';

export type { Parity } from './parity.ts';

export interface ParityApi {
  /**
   * The model in an exported zip, in the engine and in ONNX Runtime, on held-out problems of the task: 200, or 24 on a software adapter.
   * Rejects with a PlaygroundError's name, message and stack.
   */
  check(zip: Uint8Array, task: TaskName): Promise<Parity>;
}

export interface RunningCheck {
  /** Rejects as ParityApi.check, and with worker-crashed; never settles once it was stopped. */
  readonly parity: Promise<Parity>;
  readonly stop: () => void;
}

export function startCheck(zip: Uint8Array, task: TaskName): RunningCheck {
  const worker = new Worker(new URL('./parity-worker.ts', import.meta.url), { type: 'module' });
  const stop = (): void => worker.terminate();
  const parity = new Promise<Parity>((resolve, reject) => {
    worker.onerror = ({ message }) => {
      const why = message || 'it could not be loaded';
      reject(new PlaygroundError('worker-crashed', `the worker that checks stopped: ${why}. Export again.`));
    };
    wrap<ParityApi>(worker).check(zip, task).then(resolve, reject);
  }).finally(stop);
  return { parity, stop };
}
