// Runs one WGSL entry point on a test's own numbers and reads back what it wrote.
import { expect } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { type Gpu, type ShaderConstants } from '../../src/engine/gpu/gpu.ts';
import { normals } from '../reference/compare.ts';

export type Words = Float32Array | Uint32Array;

/** Words behind every written array that a kernel must leave alone. */
const GUARD_WORDS = 64;
const GUARD = 0x4b4b4b4b;

/**
 * The arrays of `writes` as the kernel leaves them; what is given is what they hold before. Fails where a kernel writes past an array's end.
 * `reads` and `writes` go by the names that the WGSL file gives its bindings.
 */
export async function runKernel<Writes extends Readonly<Record<string, Words>>>(
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
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const bind: Record<string, GPUBuffer> = {};
  for (const [name, data] of Object.entries(call.reads ?? {})) {
    bind[name] = gpu.buffer(name, data.byteLength, usage);
    gpu.write(bind[name], data instanceof ArrayBuffer ? new Uint8Array(data) : data);
  }
  const written = Object.entries(call.writes);
  for (const [name, before] of written) {
    bind[name] = gpu.buffer(name, before.byteLength + GUARD_WORDS * 4, usage);
    gpu.write(bind[name], before);
    gpu.write(bind[name], new Uint32Array(GUARD_WORDS).fill(GUARD), before.byteLength);
  }
  const [x, y = 1, z = 1] = call.grid;
  const { source, entry, constants = {} } = call;
  const dispatch = await gpu.dispatch({ source, entry, constants, bind, grid: () => [x, y, z] });
  gpu.submit((encoder) => gpu.encode(encoder, [dispatch], 1));
  const results = await gpu.read(
    written.map(([name, before]) => ({ buffer: bind[name]!, bytes: before.byteLength + GUARD_WORDS * 4 })),
  );
  gpu.free(Object.values(bind));
  const after = written.map(([name, before], index): [string, Words] => {
    const guard = new Uint32Array(results[index]!, before.byteLength);
    expect(
      guard.every((word) => word === GUARD),
      `${entry} must write nothing behind ${name}`,
    ).toBe(true);
    const words = results[index]!.slice(0, before.byteLength);
    return [name, before instanceof Float32Array ? new Float32Array(words) : new Uint32Array(words)];
  });
  return Object.fromEntries(after) as Writes;
}

/** `length` draws from a normal distribution, rounded to f32. */
export function floats(random: Random, length: number, scale = 1, centre = 0): Float32Array {
  return new Float32Array(normals(random, length, scale, centre));
}
