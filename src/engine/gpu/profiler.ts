// GPU time of every dispatch by its label, through timestamp queries: a pass each, so the sum is more than an unmeasured run takes.
import type { Dispatch, Gpu } from './gpu.ts';

/** WebGPU allows 4096 queries in a set: two for each dispatch. */
const DISPATCHES_A_SET = 2048;

export interface ProfiledKernel {
  readonly label: string;
  readonly count: number;
  readonly totalMs: number;
}

export class Profiler {
  readonly #gpu: Gpu;
  readonly #sets: GPUQuerySet[] = [];
  #labels: string[] = [];

  private constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** Null where the adapter cannot measure. */
  static create(gpu: Gpu): Profiler | null {
    return gpu.device.features.has('timestamp-query') ? new Profiler(gpu) : null;
  }

  /** A pass for each dispatch. */
  encode(encoder: GPUCommandEncoder, dispatches: readonly Dispatch[], rows: number): void {
    for (const { label, pipeline, bindings, grid } of dispatches) {
      const place = this.#labels.push(label) - 1;
      const index = 2 * (place % DISPATCHES_A_SET);
      const timestampWrites = {
        querySet: this.#set(Math.floor(place / DISPATCHES_A_SET)),
        beginningOfPassWriteIndex: index,
        endOfPassWriteIndex: index + 1,
      };
      const pass = encoder.beginComputePass({ timestampWrites });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(...grid(rows));
      pass.end();
    }
  }

  /** What was measured since the last call, the longest first. */
  async collect(): Promise<ProfiledKernel[]> {
    const labels = this.#labels;
    this.#labels = [];
    const bytes = Math.max(1, labels.length) * 16;
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    const resolved = this.#gpu.buffer('timestamps', bytes, usage);
    this.#gpu.submit((encoder) => {
      for (let first = 0; first < labels.length; first += DISPATCHES_A_SET) {
        const dispatches = Math.min(DISPATCHES_A_SET, labels.length - first);
        encoder.resolveQuerySet(this.#set(first / DISPATCHES_A_SET), 0, 2 * dispatches, resolved, 16 * first);
      }
    });
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

  #set(index: number): GPUQuerySet {
    const count = 2 * DISPATCHES_A_SET;
    return (this.#sets[index] ??= this.#gpu.device.createQuerySet({ type: 'timestamp', count }));
  }
}
