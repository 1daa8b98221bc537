// The page's end of the benchmark's worker, which lives for one benchmark.
import { proxy, wrap } from 'comlink';
import { PlaygroundError } from '../base/errors.ts';
import type { BenchmarkReport, BenchmarkRequest } from '../recipes/benchmark.ts';
import type { BenchmarkTable } from '../recipes/benchmark-tables.ts';
import type { Progress } from '../recipes/run.ts';

export type { BenchmarkPart, BenchmarkReport, BenchmarkRequest } from '../recipes/benchmark.ts';
export type { BenchmarkTable } from '../recipes/benchmark-tables.ts';

export interface BenchmarkResult {
  readonly report: BenchmarkReport;
  readonly tables: readonly BenchmarkTable[];
  /** The report's tables, to be read as they are. */
  readonly text: string;
}

export interface BenchmarkApi {
  /** Rejects with a PlaygroundError's name, message and stack. */
  run(request: BenchmarkRequest, progress: Progress): Promise<BenchmarkResult>;
}

export interface RunningBenchmark {
  /** Rejects as BenchmarkApi.run, and with worker-crashed; never settles once it was stopped. */
  readonly result: Promise<BenchmarkResult>;
  readonly stop: () => void;
}

export function startBenchmark(request: BenchmarkRequest, progress: Progress): RunningBenchmark {
  const worker = new Worker(new URL('./benchmark-worker.ts', import.meta.url), { type: 'module' });
  const stop = (): void => worker.terminate();
  const result = new Promise<BenchmarkResult>((resolve, reject) => {
    worker.onerror = ({ message }) => {
      const why = message || 'it could not be loaded';
      reject(new PlaygroundError('worker-crashed', `The worker that measures stopped: ${why}. Start the benchmark again.`)); // prettier-ignore
    };
    wrap<BenchmarkApi>(worker).run(request, proxy(progress)).then(resolve, reject);
  }).finally(stop);
  return { result, stop };
}
