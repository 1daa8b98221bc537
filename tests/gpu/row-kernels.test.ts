// The kernels that treat every row alike: linear layers, embedding, RMS norm, rotary embedding, SwiGLU, and the sum over shares of
// the rows; each as the engine dispatches it.
import { describe, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { ModelConfig } from '../../src/engine/config.ts';
import type { Gpu } from '../../src/engine/index.ts';
import { Kernels } from '../../src/engine/kernels.ts';
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
import { floats, runDispatch, unwritten } from './run-kernel.ts';
import { measureClose } from './worst-errors.ts';

/** Shares into which the rows of a weight's gradient are split. */
const SPLITS = 3;

const sizes: ModelConfig = {
  vocabSize: 23,
  hiddenSize: 48,
  intermediateSize: 80,
  numLayers: 1,
  numHeads: 8,
  maxPositions: 256,
};

async function kernelsFor(
  config: Partial<ModelConfig>,
  products: 'tiled' | 'plain' = 'plain',
): Promise<[Gpu, Kernels]> {
  const gpu = await openGpu();
  const { software } = gpu.adapter;
  Object.assign(gpu.adapter, { software: products === 'plain' });
  const kernels = new Kernels(gpu, { ...sizes, ...config });
  Object.assign(gpu.adapter, { software });
  return [gpu, kernels];
}

/** `before` [SPLITS, width] plus the sum over each share of the rows; the last shares may be empty. */
function plusByShares(before: Float32Array, rows: number, sum: (first: number, end: number) => Numbers): number[] {
  const share = Math.ceil(rows / SPLITS);
  const sums = Array.from({ length: SPLITS }, (_, split) =>
    Array.from(sum(Math.min(rows, split * share), Math.min(rows, (split + 1) * share))),
  );
  return sums.flat().map((value, at) => value + before[at]!);
}

describe('a linear layer', () => {
  it.each([
    { products: 'plain', IN: 48, OUT: 28, count: 67 },
    { products: 'plain', IN: 16, OUT: 64, count: 201 },
    { products: 'plain', IN: 80, OUT: 24, count: 1 },
    { products: 'tiled', IN: 48, OUT: 76, count: 201 },
    { products: 'tiled', IN: 48, OUT: 76, count: 1 },
  ] as const)('of $IN to $OUT, $products, is the reference, forward and backward, for $count rows', async (shape) => {
    const { products, IN, OUT, count } = shape;
    const width = { IN, OUT };
    const [gpu, kernels] = await kernelsFor({}, products);
    const random = new Random(IN);
    const x = floats(random, count * IN);
    const weight = floats(random, OUT * IN);
    const residual = floats(random, count * OUT, 3);
    const d_y = floats(random, count * OUT);
    const rows = Uint32Array.of(count);
    const measure = (entry: string, actual: Float32Array, expected: Numbers): void => {
      measureClose(`${entry}, ${products}`, '', actual, expected, { rtol: 2e-6 });
    };

    const product = linear(x, weight, count, IN, OUT);
    const forward = { reads: { rows, x, weight }, writes: { y: unwritten(count * OUT) } };
    const { y } = await runDispatch(gpu, count, forward, (on) => kernels.linear(on.rows, width, on.x, on.weight, on.y));
    measure('matmul_forward', y, product);

    const adding = { reads: { rows, x, weight, residual }, writes: { y: unwritten(count * OUT) } };
    const added = await runDispatch(gpu, count, adding, (on) =>
      kernels.linear(on.rows, width, on.x, on.weight, on.y, on.residual),
    );
    const sum = product.map((value, at) => value + residual[at]!);
    measure('matmul_forward_residual', added.y, sum);

    const input = { reads: { rows, d_y, weight }, writes: { d_x: unwritten(count * IN) } };
    const { d_x } = await runDispatch(gpu, count, input, (on) =>
      kernels.linearBackwardInput(on.rows, width, on.d_y, on.weight, on.d_x),
    );
    measure('matmul_backward_input', d_x, linearBackwardInput(d_y, weight, count, IN, OUT));

    const before = floats(random, SPLITS * OUT * IN);
    const gather = { reads: { rows, x, d_y }, writes: { partial: before } };
    const { partial } = await runDispatch(gpu, count, gather, (on) =>
      kernels.linearBackwardWeight(on.rows, width, on.x, on.d_y, on.partial, SPLITS),
    );
    const gathered = plusByShares(before, count, (first, end) => {
      const [dy, xs] = [d_y.subarray(first * OUT, end * OUT), x.subarray(first * IN, end * IN)];
      return linearBackwardWeight(dy, xs, end - first, IN, OUT);
    });
    measure('matmul_backward_weight', partial, gathered);
  });
});

describe('the sum over shares', () => {
  it('takes the place of the gradient', async () => {
    const [gpu, kernels] = await kernelsFor({});
    const elements = 23 * 48;
    const partial = floats(new Random(2), elements * SPLITS);
    const arrays = { reads: { partial }, writes: { gradient: unwritten(elements) } };
    const { gradient } = await runDispatch(gpu, 1, arrays, (on) =>
      kernels.reduce(on.partial, on.gradient, elements, SPLITS),
    );
    const expected = Float64Array.from(
      gradient,
      (_, e) => partial[e]! + partial[elements + e]! + partial[2 * elements + e]!,
    );
    measureClose('reduce_splits', 'gradient', gradient, expected, { rtol: 1e-6 });
  });
});

describe('the embedding', () => {
  it('looks up the rows of the table, and its gradient gathers them again', async () => {
    const [gpu, kernels] = await kernelsFor({});
    const random = new Random(3);
    const { vocabSize: V, hiddenSize: D } = sizes;
    const VP = V + 1;
    const count = 201;
    const ids = Uint32Array.from({ length: count }, () => random.integer(V));
    const weight = floats(random, VP * D);
    const rows = Uint32Array.of(count);

    const forward = { reads: { rows, ids, weight }, writes: { x: unwritten(count * D) } };
    const { x } = await runDispatch(gpu, count, forward, (on) => kernels.embed(on.rows, on.ids, on.weight, on.x));
    measureClose('embedding_forward', 'x', x, embedding(ids, weight, D), {});

    const d_x = floats(random, count * D);
    const before = floats(random, SPLITS * VP * D);
    const gather = { reads: { rows, ids, d_x }, writes: { partial: before } };
    const { partial } = await runDispatch(gpu, count, gather, (on) =>
      kernels.embedBackward(on.rows, on.ids, on.d_x, on.partial, SPLITS),
    );
    const expected = plusByShares(before, count, (first, end) =>
      embeddingBackward(ids.subarray(first, end), d_x.subarray(first * D, end * D), VP, D),
    );
    measureClose('embedding_backward', 'partial', partial, expected, { rtol: 1e-6 });
  });
});

describe('RMS norm', () => {
  it.each([
    { D: 48, count: 67 },
    { D: 80, count: 201 },
    { D: 16, count: 1 },
  ])('of width $D is the reference, forward and backward, for $count rows', async ({ D, count }) => {
    const [gpu, kernels] = await kernelsFor({ hiddenSize: D });
    const random = new Random(D);
    const x = floats(random, count * D, 2, 0.5);
    x.fill(1e-4, 0, D); // a row whose mean square is far below eps
    const gain = floats(random, D, 0.5, 1);
    const d_y = floats(random, count * D);
    const stream = floats(random, count * D);
    const rows = Uint32Array.of(count);

    const forward = { reads: { rows, x, gain }, writes: { y: unwritten(count * D), scale: unwritten(count) } };
    const { y, scale } = await runDispatch(gpu, count, forward, (on) =>
      kernels.norm(on.rows, on.x, on.gain, on.y, on.scale),
    );
    measureClose('rms_norm_forward', 'y', y, rmsNorm(x, gain), { rtol: 1e-6 });
    measureClose('rms_norm_forward', 'scale', scale, inverseRms(x, D), { rtol: 1e-6 });

    const input = { reads: { rows, x, gain, scale, d_y }, writes: { d_x: stream } };
    const { d_x } = await runDispatch(gpu, count, input, (on) =>
      kernels.normBackward(on.rows, on.x, on.gain, on.scale, on.d_y, on.d_x),
    );
    const sum = rmsNormBackward(x, gain, d_y).dx.map((value, at) => value + stream[at]!);
    measureClose('rms_norm_backward', 'd_x', d_x, sum, { rtol: 2e-6 });

    const before = floats(random, SPLITS * D);
    const gather = { reads: { rows, x, scale, d_y }, writes: { partial: before } };
    const { partial } = await runDispatch(gpu, count, gather, (on) =>
      kernels.normBackwardGain(on.rows, on.x, on.scale, on.d_y, on.partial, SPLITS),
    );
    const expected = plusByShares(
      before,
      count,
      (first, end) => rmsNormBackward(x.subarray(first * D, end * D), gain, d_y.subarray(first * D, end * D)).dGain,
    );
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
    const [gpu, kernels] = await kernelsFor({ hiddenSize: D, numHeads: H });
    const random = new Random(D + H);
    const count = 37;
    const positions = Uint32Array.from({ length: count }, () => random.integer(sizes.maxPositions));
    const qkv = floats(random, count * 3 * D);
    const arrays = { reads: { rows: Uint32Array.of(count), positions }, writes: { qkv } };
    for (const [entry, reference] of [
      ['rope_forward', rope],
      ['rope_backward', ropeBackward],
    ] as const) {
      const expected = Float64Array.from(qkv);
      for (let n = 0; n < count; n++) {
        for (const at of [n * 3 * D, n * 3 * D + D])
          expected.set(reference(qkv.subarray(at, at + D), [positions[n]!], H, D / H), at);
      }
      const turned = await runDispatch(gpu, count, arrays, (on) => kernels.rope(entry, on.rows, on.positions, on.qkv));
      measureClose(entry, 'qkv', turned.qkv, expected, { rtol: 1e-6 });
    }
  });
});

describe('SwiGLU', () => {
  it('is the reference, forward and backward, also where the gate saturates', async () => {
    const [gpu, kernels] = await kernelsFor({});
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

    const forward = { reads: { rows, gate_up }, writes: { y: unwritten(count * F) } };
    const { y } = await runDispatch(gpu, count, forward, (on) => kernels.swiglu(on.rows, on.gate_up, on.y));
    measureClose('swiglu_forward', 'y', y, swiglu(gate, up), { rtol: 2e-6 });

    const back = { reads: { rows, gate_up, d_y }, writes: { d_gate_up: unwritten(count * 2 * F) } };
    const { d_gate_up } = await runDispatch(gpu, count, back, (on) =>
      kernels.swigluBackward(on.rows, on.gate_up, on.d_y, on.d_gate_up),
    );
    const { dGate, dUp } = swigluBackward(gate, up, d_y);
    measureClose('swiglu_backward', 'd_gate_up', d_gate_up, beside(dGate, dUp), { rtol: 2e-6 });
  });
});
