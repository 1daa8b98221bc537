// The kernels that treat every row alike: linear layers, embedding, RMS norm, rotary embedding, SwiGLU, and the sum over chunks of rows.
import { describe, it } from 'vitest';
import embeddingSource from '../../shaders/embedding.wgsl?raw';
import matmulSource from '../../shaders/matmul.wgsl?raw';
import tiledSource from '../../shaders/matmul-tiled.wgsl?raw';
import reduceSource from '../../shaders/reduce.wgsl?raw';
import rmsNormSource from '../../shaders/rms-norm.wgsl?raw';
import ropeSource from '../../shaders/rope.wgsl?raw';
import swigluSource from '../../shaders/swiglu.wgsl?raw';
import { Random } from '../../src/base/random.ts';
import { CHUNK_ROWS, modelConstants, rotaryTable } from '../../src/engine/transformer.ts';
import {
  embedding,
  embeddingBackward,
  inverseRms,
  linear,
  linearBackwardInput,
  linearBackwardWeight,
  rmsNorm,
  rmsNormBackward,
  rope,
  ropeBackward,
  swiglu,
  swigluBackward,
  type Numbers,
} from '../reference/layers.ts';
import { openGpu } from './open.ts';
import { floats, runKernel } from './run-kernel.ts';
import { measureClose } from './worst-errors.ts';

/** More rows than a chunk holds, and no multiple of any block. */
const MANY = CHUNK_ROWS + 5;
const UNWRITTEN = 7;

const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);
const unwritten = (length: number): Float32Array => new Float32Array(length).fill(UNWRITTEN);
const sizes = { vocabSize: 23, hiddenSize: 48, intermediateSize: 80, numLayers: 1, numHeads: 8, maxPositions: 256 };
const constantsOf = (changed: Partial<typeof sizes>): ReturnType<typeof modelConstants> =>
  modelConstants({ ...sizes, ...changed });

/** [chunks, width]: `sum` of every chunk of rows, end to end. */
function byChunks(rows: number, sum: (first: number, end: number) => Numbers): number[] {
  return Array.from({ length: ceilDiv(rows, CHUNK_ROWS) }, (_, chunk) =>
    Array.from(sum(chunk * CHUNK_ROWS, Math.min(rows, (chunk + 1) * CHUNK_ROWS))),
  ).flat();
}

/** The two makings of a product, and how many rows of results a workgroup makes. */
const plain = { making: 'matmul', source: matmulSource, tall: 32 };
const tiled = { making: 'matmul-tiled', source: tiledSource, tall: 64 };

describe('a linear layer', () => {
  it.each([
    { ...plain, IN: 48, OUT: 28, count: 67 },
    { ...plain, IN: 16, OUT: 64, count: MANY },
    { ...plain, IN: 80, OUT: 24, count: 1 },
    { ...tiled, IN: 48, OUT: 76, count: MANY },
    { ...tiled, IN: 48, OUT: 76, count: 1 },
  ])('by $making, of $IN to $OUT, is the reference, forward and backward, for $count rows', async (shape) => {
    const { making, source, tall, IN, OUT, count } = shape;
    const gpu = await openGpu();
    const random = new Random(IN);
    const x = floats(random, count * IN);
    const weight = floats(random, OUT * IN);
    const residual = floats(random, count * OUT, 3);
    const d_y = floats(random, count * OUT);
    const rows = Uint32Array.of(count);
    const call = { source, constants: { IN, OUT, CHUNK: CHUNK_ROWS } };
    const measure = (entry: string, actual: Float32Array, expected: Numbers): void => {
      measureClose(`${entry} (${making})`, '', actual, expected, { rtol: 2e-6 });
    };

    const product = linear(x, weight, count, IN, OUT);
    const forward = await runKernel(gpu, {
      ...call,
      entry: 'matmul_forward',
      reads: { rows, x, weight },
      writes: { y: unwritten(count * OUT) },
      grid: [ceilDiv(OUT, 32), ceilDiv(count, tall)],
    });
    measure('matmul_forward', forward.y, product);

    const added = await runKernel(gpu, {
      ...call,
      entry: 'matmul_forward_residual',
      reads: { rows, x, weight, residual },
      writes: { y: unwritten(count * OUT) },
      grid: [ceilDiv(OUT, 32), ceilDiv(count, tall)],
    });
    const sum = product.map((value, at) => value + residual[at]!);
    measure('matmul_forward_residual', added.y, sum);

    const input = await runKernel(gpu, {
      ...call,
      entry: 'matmul_backward_input',
      reads: { rows, d_y, weight },
      writes: { d_x: unwritten(count * IN) },
      grid: [ceilDiv(IN, 32), ceilDiv(count, tall)],
    });
    measure('matmul_backward_input', input.d_x, linearBackwardInput(d_y, weight, count, IN, OUT));

    const partial = byChunks(count, (first, end) =>
      linearBackwardWeight(
        d_y.subarray(first * OUT, end * OUT),
        x.subarray(first * IN, end * IN),
        end - first,
        IN,
        OUT,
      ),
    );
    const chunked = await runKernel(gpu, {
      ...call,
      entry: 'matmul_backward_weight',
      reads: { rows, x, d_y },
      writes: { partial: unwritten(partial.length) },
      grid: [ceilDiv(IN, 32), ceilDiv(OUT, tall), ceilDiv(count, CHUNK_ROWS)],
    });
    measure('matmul_backward_weight', chunked.partial, partial);
  });
});

describe('the sum over chunks', () => {
  it('is added to the gradient, for the chunks that the rows fill', async () => {
    const gpu = await openGpu();
    const random = new Random(2);
    const elements = 23 * 48;
    const partial = floats(random, elements * 3);
    const before = floats(random, elements);
    const { gradient } = await runKernel(gpu, {
      source: reduceSource,
      entry: 'reduce_chunks',
      constants: { ELEMENTS: elements, CHUNK: CHUNK_ROWS },
      reads: { rows: Uint32Array.of(MANY), partial },
      writes: { gradient: before },
      grid: [ceilDiv(elements, 256)],
    });
    const expected = Float64Array.from(before, (value, e) => value + partial[e]! + partial[elements + e]!);
    measureClose('reduce_chunks', 'gradient', gradient, expected, { rtol: 1e-6 });
  });
});

describe('the embedding', () => {
  it('looks up the rows of the table, and its gradient gathers them again', async () => {
    const gpu = await openGpu();
    const random = new Random(3);
    const { vocabSize: V, hiddenSize: D } = sizes;
    const VP = V + 1;
    const ids = Uint32Array.from({ length: MANY }, () => random.integer(V));
    const weight = floats(random, VP * D);
    const d_x = floats(random, MANY * D);
    const rows = Uint32Array.of(MANY);
    const call = { source: embeddingSource, constants: constantsOf({}) };

    const { x } = await runKernel(gpu, {
      ...call,
      entry: 'embedding_forward',
      reads: { rows, ids, weight },
      writes: { x: unwritten(MANY * D) },
      grid: [ceilDiv(D, 64), ceilDiv(MANY, 4)],
    });
    measureClose('embedding_forward', 'x', x, embedding(ids, weight, D), {});

    const expected = byChunks(MANY, (first, end) =>
      embeddingBackward(ids.subarray(first, end), d_x.subarray(first * D, end * D), VP, D),
    );
    const { partial } = await runKernel(gpu, {
      ...call,
      entry: 'embedding_backward',
      reads: { rows, ids, d_x },
      writes: { partial: unwritten(expected.length) },
      grid: [ceilDiv(D, 64), ceilDiv(VP, 4), 2],
    });
    measureClose('embedding_backward', 'partial', partial, expected, { rtol: 1e-6 });
  });
});

describe('RMS norm', () => {
  it.each([
    { D: 48, count: 67 },
    { D: 80, count: MANY },
    { D: 16, count: 1 },
  ])('of width $D is the reference, forward and backward, for $count rows', async ({ D, count }) => {
    const gpu = await openGpu();
    const random = new Random(D);
    const x = floats(random, count * D, 2, 0.5);
    x.fill(1e-4, 0, D); // a row whose mean square is far below eps
    const gain = floats(random, D, 0.5, 1);
    const d_y = floats(random, count * D);
    const stream = floats(random, count * D);
    const rows = Uint32Array.of(count);
    const call = { source: rmsNormSource, constants: constantsOf({ hiddenSize: D }) };

    const forward = await runKernel(gpu, {
      ...call,
      entry: 'rms_norm_forward',
      reads: { rows, x, gain },
      writes: { y: unwritten(count * D), scale: unwritten(count) },
      grid: [ceilDiv(count, 4)],
    });
    measureClose('rms_norm_forward', 'y', forward.y, rmsNorm(x, gain), { rtol: 1e-6 });
    measureClose('rms_norm_forward', 'scale', forward.scale, inverseRms(x, D), { rtol: 1e-6 });

    const row_scale = forward.scale;
    const { d_x } = await runKernel(gpu, {
      ...call,
      entry: 'rms_norm_backward',
      reads: { rows, x, gain, row_scale, d_y },
      writes: { d_x: stream },
      grid: [ceilDiv(count, 4)],
    });
    const { dx } = rmsNormBackward(x, gain, d_y);
    const sum = dx.map((value, at) => value + stream[at]!);
    measureClose('rms_norm_backward', 'd_x', d_x, sum, { rtol: 2e-6 });

    const expected = byChunks(
      count,
      (first, end) => rmsNormBackward(x.subarray(first * D, end * D), gain, d_y.subarray(first * D, end * D)).dGain,
    );
    const { partial } = await runKernel(gpu, {
      ...call,
      entry: 'rms_norm_backward_gain',
      reads: { rows, x, row_scale, d_y },
      writes: { partial: unwritten(expected.length) },
      grid: [ceilDiv(D, 256), ceilDiv(count, CHUNK_ROWS)],
    });
    measureClose('rms_norm_backward_gain', 'partial', partial, expected, { rtol: 2e-6 });
  });
});

describe('the rotary embedding', () => {
  it.each([
    { D: 16, H: 8 },
    { D: 48, H: 8 },
    { D: 80, H: 8 },
    { D: 32, H: 2 },
    { D: 32, H: 1 },
  ])('turns $H heads in a width of $D by their positions, and back, and leaves the values alone', async ({ D, H }) => {
    const gpu = await openGpu();
    const random = new Random(D + H);
    const count = 37;
    const config = { ...sizes, hiddenSize: D, numHeads: H };
    const positions = Uint32Array.from({ length: count }, () => random.integer(sizes.maxPositions));
    const qkv = floats(random, count * 3 * D);
    /** Queries and keys of every row turned by a reference function, values as they were. */
    const turned = (by: typeof rope): Float64Array => {
      const expected = Float64Array.from(qkv);
      for (let n = 0; n < count; n++) {
        for (const part of [0, D]) {
          const at = n * 3 * D + part;
          expected.set(by(qkv.subarray(at, at + D), [positions[n]!], H, D / H), at);
        }
      }
      return expected;
    };
    for (const [entry, expected] of [
      ['rope_forward', turned(rope)],
      ['rope_backward', turned(ropeBackward)],
    ] as const) {
      const after = await runKernel(gpu, {
        source: ropeSource,
        entry,
        constants: modelConstants(config),
        reads: { rows: Uint32Array.of(count), positions, turns: rotaryTable(config) },
        writes: { qkv },
        grid: [ceilDiv(D, 16), ceilDiv(count, 4)],
      });
      measureClose(entry, 'qkv', after.qkv, expected, { rtol: 1e-6 });
    }
  });
});

describe('SwiGLU', () => {
  it('is the reference, forward and backward, also where the gate saturates', async () => {
    const gpu = await openGpu();
    const random = new Random(6);
    const F = sizes.intermediateSize;
    const count = 67;
    const gate = floats(random, count * F, 3);
    gate.set([0, -20, 20, -100]);
    const up = floats(random, count * F);
    const d_y = floats(random, count * F);
    /** Rows of two parts side by side, as the kernels keep them. */
    const beside = (left: Numbers, right: Numbers): number[] =>
      Array.from({ length: count }, (_, n) =>
        [left, right].flatMap((part) => Array.from(part).slice(n * F, (n + 1) * F)),
      ).flat();
    const rows = Uint32Array.of(count);
    const gate_up = Float32Array.from(beside(gate, up));
    const call = {
      source: swigluSource,
      constants: constantsOf({}),
      grid: [ceilDiv(F, 64), ceilDiv(count, 4)] as const,
    };

    const forward = await runKernel(gpu, {
      ...call,
      entry: 'swiglu_forward',
      reads: { rows, gate_up },
      writes: { y: unwritten(count * F) },
    });
    measureClose('swiglu_forward', 'y', forward.y, swiglu(gate, up), { rtol: 2e-6 });

    const { d_gate_up } = await runKernel(gpu, {
      ...call,
      entry: 'swiglu_backward',
      reads: { rows, gate_up, d_y },
      writes: { d_gate_up: unwritten(count * 2 * F) },
    });
    const { dGate, dUp } = swigluBackward(gate, up, d_y);
    measureClose('swiglu_backward', 'd_gate_up', d_gate_up, beside(dGate, dUp), { rtol: 2e-6 });
  });
});
