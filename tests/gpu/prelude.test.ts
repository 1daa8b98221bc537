// The random numbers of the shaders against those of TypeScript, and the test for broken floats.
import { describe, expect, it } from 'vitest';
import { pcg4d, Random, unitFloat } from '../../src/base/random.ts';
import { openGpu } from './open.ts';
import { runKernel } from './run-kernel.ts';
import { measureClose } from './worst-errors.ts';

const source = /* wgsl */ `
@group(0) @binding(0) var<storage, read> words: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> hashes: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> units: array<f32>;
@group(0) @binding(3) var<storage, read_write> gumbels: array<f32>;
@group(0) @binding(4) var<storage, read_write> broken: array<u32>;

@compute @workgroup_size(64)
fn draw(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= arrayLength(&words)) { return; }
  hashes[n] = pcg4d(words[n]);
  units[n] = unit_float(words[n].x);
  gumbels[n] = gumbel(words[n].x);
  broken[n] = u32(is_broken(bitcast<f32>(words[n].x)));
}`;

async function draw(words: Uint32Array): Promise<{
  readonly hashes: Uint32Array;
  readonly units: Float32Array;
  readonly gumbels: Float32Array;
  readonly broken: Uint32Array;
}> {
  const count = words.length / 4;
  return runKernel(await openGpu(), {
    source,
    entry: 'draw',
    reads: { words },
    writes: {
      hashes: new Uint32Array(count * 4),
      units: new Float32Array(count),
      gumbels: new Float32Array(count),
      broken: new Uint32Array(count),
    },
    grid: [Math.ceil(count / 64)],
  });
}

const random = new Random(12);
const EXTREMES = [0, 1, 0x1ff, 0x200, 0x7fffffff, 0x80000000, 0xfffffdff, 0xfffffe00, 0xffffffff];
const words = Uint32Array.from([
  ...EXTREMES.flatMap((word) => [word, word, word, word]),
  ...EXTREMES.flatMap((word) => [word, 0, 0xffffffff, 1]),
  ...Array.from({ length: 4000 }, () => random.next()),
]);
const rows = Array.from({ length: words.length / 4 }, (_, n) => words.subarray(n * 4, n * 4 + 4));

describe('random numbers on the GPU', () => {
  it("are hashed to TypeScript's bits", async () => {
    const { hashes } = await draw(words);
    expect(Array.from(hashes)).toEqual(rows.flatMap(([x, y, z, w]) => pcg4d(x!, y!, z!, w!)));
  });

  it("are TypeScript's floats exactly, never 0 or 1", async () => {
    const { units } = await draw(words);
    expect(Array.from(units)).toEqual(rows.map(([bits]) => unitFloat(bits!)));
    expect(Math.min(...units)).toBeGreaterThan(0);
    expect(Math.max(...units)).toBeLessThan(1);
  });

  it('are Gumbel draws within rounding, also in both tails', async () => {
    const { gumbels } = await draw(words);
    const expected = rows.map(([bits]) => -Math.log(-Math.log(unitFloat(bits!))));
    // WGSL allows log(u) an error of 2^-21 near u = 1, and the outer log divides it by 1 - u, at least 0.01 there
    measureClose('gumbel', 'draws', gumbels, expected, { atol: 5e-5 });
  });
});

describe('is_broken', () => {
  it('knows NaN and the infinities by their bits', async () => {
    const floats = [0, -0, 1, -3.4e38, 3.4e38, 1e-45, Infinity, -Infinity, NaN, -NaN];
    const bits = new Uint32Array(Float32Array.from(floats).buffer);
    const { broken } = await draw(Uint32Array.from([...bits].flatMap((word) => [word, 0, 0, 0])));
    expect(Array.from(broken)).toEqual(floats.map((value) => (Number.isFinite(value) ? 0 : 1)));
  });
});
