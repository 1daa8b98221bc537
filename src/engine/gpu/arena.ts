// One buffer for what is never needed at the same time: whoever comes next carves it anew. Kernels bind its ranges read_write even
// where they only read, since WebGPU lets no dispatch read one range of a buffer as read-only and write another.
import { PlaygroundError } from '../../base/errors.ts';
import type { Gpu } from './gpu.ts';

/** WebGPU's default minStorageBufferOffsetAlignment: every adapter takes it. */
const ALIGNMENT = 256;

/** Bytes that a range takes in an arena. */
export function rangeBytes(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

export type Range = Required<GPUBufferBinding>;

export function whole(buffer: GPUBuffer): Range {
  return { buffer, offset: 0, size: buffer.size };
}

export class Arena {
  readonly bytes: number;
  readonly #buffer: GPUBuffer;

  /** Throws limit-too-small where the adapter has no buffer that large. */
  constructor(gpu: Gpu, label: string, bytes: number) {
    this.bytes = rangeBytes(bytes);
    this.#buffer = gpu.buffer(label, this.bytes);
  }

  /** Hands out ranges from the beginning on, one behind the other. They may hold anything. */
  carve(): (label: string, bytes: number) => Range {
    let end = 0;
    return (label, bytes) => {
      const range = { buffer: this.#buffer, offset: end, size: Math.max(16, bytes) };
      end += rangeBytes(range.size);
      if (end > this.bytes)
        throw new PlaygroundError(
          'limit-too-small',
          `${label} needs ${bytes} bytes, but fewer are left of ${this.bytes}`,
        );
      return range;
    };
  }
}
