// A benchmark from its start to its figures.
import {
  startBenchmark,
  type BenchmarkRequest,
  type BenchmarkResult,
  type RunningBenchmark,
} from '../../worker/benchmark-client.ts';

export class Benchmark {
  readonly #start: typeof startBenchmark;
  #running = $state.raw<RunningBenchmark | null>(null);
  #progress = $state.raw<{ readonly what: string; readonly done: number; readonly total: number } | null>(null);
  #result = $state.raw<BenchmarkResult | null>(null);
  #failure = $state.raw<Error | null>(null);

  constructor(start = startBenchmark) {
    this.#start = start;
  }

  get running(): boolean {
    return this.#running !== null;
  }

  /** Null before the first sign of it. */
  get progress(): { readonly what: string; readonly done: number; readonly total: number } | null {
    return this.#progress;
  }

  get result(): BenchmarkResult | null {
    return this.#result;
  }

  /** Its name is an ErrorCode where the failure was foreseen. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Resolves once there is a result or a failure. */
  async start(request: BenchmarkRequest): Promise<void> {
    this.stop();
    this.#result = null;
    this.#failure = null;
    const running = this.#start(request, (what, done, total) => {
      if (this.#running === running) this.#progress = { what, done, total };
    });
    this.#running = running;
    try {
      this.#result = await running.result;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    this.stop();
  }

  /** Nothing comes of a benchmark that is stopped. */
  stop(): void {
    this.#running?.stop();
    this.#running = null;
    this.#progress = null;
  }
}
