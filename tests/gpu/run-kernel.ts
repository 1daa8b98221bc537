// Runs one kernel on a test's own numbers and reads back what it wrote.
import { expect } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import type { Dispatch, Gpu, ShaderConstants } from '../../src/engine/gpu/gpu.ts';
import { normals } from '../reference/compare.ts';

export type Words = Float32Array | Uint32Array;

/** Arrays by the names that the WGSL file gives its bindings. `writes` holds what they are before. */
interface Arrays<Reads, Writes> {
  readonly reads: Readonly<Record<keyof Reads, Words | ArrayBuffer>>;
  readonly writes: Writes;
}

/** Words behind every written array that a kernel must leave alone. */
const GUARD_WORDS = 64;
const GUARD = 0x4b4b4b4b;

/** The arrays of `writes` after one dispatch, made for `rows` rows by `make`. Fails where a kernel writes past an array's end. */
export async function runDispatch<Reads, Writes extends Readonly<Record<string, Words>>>(
  gpu: Gpu,
  rows: number,
  { reads, writes }: Arrays<Reads, Writes>,
  make: (buffers: Readonly<Record<keyof Reads | keyof Writes, GPUBuffer>>) => Promise<Dispatch>,
): Promise<Writes> {
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffers: Record<string, GPUBuffer> = {};
  for (const [name, data] of Object.entries<Words | ArrayBuffer>(reads)) {
    buffers[name] = gpu.buffer(name, data.byteLength, usage);
    gpu.write(buffers[name], data instanceof ArrayBuffer ? new Uint8Array(data) : data);
  }
  const written = Object.entries(writes);
  for (const [name, before] of written) {
    buffers[name] = gpu.buffer(name, before.byteLength + GUARD_WORDS * 4, usage);
    gpu.write(buffers[name], before);
    gpu.write(buffers[name], new Uint32Array(GUARD_WORDS).fill(GUARD), before.byteLength);
  }
  const dispatch = await make(buffers as Record<keyof Reads | keyof Writes, GPUBuffer>);
  gpu.submit((encoder) => {
    gpu.encode(encoder, [dispatch], rows);
  });
  const results = await gpu.read(
    written.map(([name, before]) => ({ buffer: buffers[name]!, bytes: before.byteLength + GUARD_WORDS * 4 })),
  );
  gpu.free(Object.values(buffers));
  const after = written.map(([name, before], index): [string, Words] => {
    const guard = new Uint32Array(results[index]!, before.byteLength);
    const untouched = guard.every((word) => word === GUARD);
    expect(untouched, `${dispatch.label} must write nothing behind ${name}`).toBe(true);
    const words = results[index]!.slice(0, before.byteLength);
    return [name, before instanceof Float32Array ? new Float32Array(words) : new Uint32Array(words)];
  });
  return Object.fromEntries(after) as Writes;
}

/** runDispatch of an entry point with a grid of the test's own. */
export function runKernel<Writes extends Readonly<Record<string, Words>>>(
  gpu: Gpu,
  call: {
    readonly source: string;
    readonly entry: string;
    readonly constants?: ShaderConstants;
    readonly reads?: Readonly<Record<string, Words | ArrayBuffer>>;
    readonly writes: Writes;
    readonly grid: readonly [number, number?, number?];
  },
): Promise<Writes> {
  const { source, entry, constants = {}, reads = {}, writes } = call;
  const [x, y = 1, z = 1] = call.grid;
  return runDispatch(gpu, 1, { reads, writes }, (bind) =>
    gpu.dispatch({ source, entry, constants, bind, grid: () => [x, y, z] }),
  );
}

/** `length` draws from a normal distribution, rounded to f32. */
export function floats(random: Random, length: number, scale = 1, centre = 0): Float32Array {
  return new Float32Array(normals(random, length, scale, centre));
}

/** What a test fills an array with that a kernel must overwrite. */
export function unwritten(length: number): Float32Array {
  return new Float32Array(length).fill(7);
}
