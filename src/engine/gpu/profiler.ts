// GPU time of every dispatch by its label, through timestamp queries: a pass each, so the sum is more than an unmeasured run takes.
import type { Dispatch, Gpu } from './gpu.ts';

/** WebGPU allows 4096 queries in a set: two for each dispatch. */
const MOST_DISPATCHES = 2048;

export interface ProfiledKernel {
  readonly label: string;
  readonly count: number;
  readonly totalMs: number;
}

export class Profiler {
  readonly #gpu: Gpu;
  readonly #queries: GPUQuerySet;
  #labels: string[] = [];

  private constructor(gpu: Gpu) {
    this.#gpu = gpu;
    this.#queries = gpu.device.createQuerySet({ type: 'timestamp', count: 2 * MOST_DISPATCHES });
  }

  /** Null where the adapter cannot measure. */
  static create(gpu: Gpu): Profiler | null {
    return gpu.device.features.has('timestamp-query') ? new Profiler(gpu) : null;
  }

  /** False once its queries are used up: then nothing was encoded. */
  encode(encoder: GPUCommandEncoder, dispatches: readonly Dispatch[], rows: number): boolean {
    if (this.#labels.length + dispatches.length > MOST_DISPATCHES) return false;
    for (const { label, pipeline, bindings, grid } of dispatches) {
      const index = 2 * this.#labels.push(label) - 2;
      const timestampWrites = {
        querySet: this.#queries,
        beginningOfPassWriteIndex: index,
        endOfPassWriteIndex: index + 1,
      };
      const pass = encoder.beginComputePass({ timestampWrites });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(...grid(rows));
      pass.end();
    }
    return true;
  }

  /** What was measured since the last call, the longest first. */
  async collect(): Promise<ProfiledKernel[]> {
    const labels = this.#labels;
    this.#labels = [];
    const bytes = Math.max(1, labels.length) * 16;
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    const resolved = this.#gpu.buffer('timestamps', bytes, usage);
    this.#gpu.submit((encoder) => encoder.resolveQuerySet(this.#queries, 0, 2 * labels.length, resolved, 0));
    const [copy] = await this.#gpu.read([{ buffer: resolved, bytes }]);
    this.#gpu.free([resolved]);
    const times = new BigUint64Array(copy as ArrayBuffer);
    const kernels = new Map<string, { count: number; totalMs: number }>();
    labels.forEach((label, at) => {
      const kernel = kernels.get(label) ?? { count: 0, totalMs: 0 };
      kernel.count += 1;
      kernel.totalMs += Number((times[2 * at + 1] as bigint) - (times[2 * at] as bigint)) / 1e6;
      kernels.set(label, kernel);
    });
    return [...kernels].map(([label, kernel]) => ({ label, ...kernel })).sort((a, b) => b.totalMs - a.totalMs);
  }
}
