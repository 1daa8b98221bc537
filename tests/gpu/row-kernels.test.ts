// The kernels that treat every row alike: linear layers with what goes into them, embedding, RMS norm, rotary embedding, and the sum
// over shares of the rows; each as the engine dispatches it.
import { describe, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { ModelConfig } from '../../src/engine/config.ts';
import type { Gpu } from '../../src/engine/index.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import {
  embedding,
  embeddingBackward,
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
  return [gpu, new Kernels(gpu, { ...sizes, ...config }, products === 'plain')];
}

/** [SPLITS, width]: the sum over each share of the rows; the last shares may be empty. */
function byShares(rows: number, sum: (first: number, end: number) => Numbers): number[] {
  const share = Math.ceil(rows / SPLITS);
  return Array.from({ length: SPLITS }, (_, split) =>
    Array.from(sum(Math.min(rows, split * share), Math.min(rows, (split + 1) * share))),
  ).flat();
}

/** The sum of partial sums, [splits, width]. */
function acrossSplits(partial: Float32Array, splits: number): Float64Array {
  const width = partial.length / splits;
  const sums = new Float64Array(width);
  partial.forEach((value, at) => (sums[at % width]! += value));
  return sums;
}

/** Rows of gates and rows of ups side by side, as the kernels keep them. */
function beside(gates: Numbers, ups: Numbers, width: number): Float32Array {
  return Float32Array.from({ length: 2 * gates.length }, (_, at) => {
    const column = at % (2 * width);
    const from = Math.floor(at / (2 * width)) * width + (column % width);
    return column < width ? gates[from]! : ups[from]!;
  });
}

/** Some of the gates saturate. */
function gatesAndUps(random: Random, length: number): { gate: Float32Array; up: Float32Array } {
  const gate = floats(random, length, 3);
  gate.set([0, -20, 20, -100]);
  return { gate, up: floats(random, length) };
}

const LAYERS = [
  { products: 'plain', IN: 48, OUT: 28, counts: [67] },
  { products: 'plain', IN: 16, OUT: 64, counts: [201] },
  { products: 'plain', IN: 80, OUT: 24, counts: [1] },
  { products: 'plain', IN: 20, OUT: 4, counts: [67] },
  { products: 'tiled', IN: 48, OUT: 76, counts: [201, 1] },
  { products: 'tiled', IN: 48, OUT: 4, counts: [67] },
] as const;

describe.each(LAYERS)('a linear layer of $IN to $OUT, $products,', ({ products, IN, OUT, counts }) => {
  const width = { IN, OUT };
  const measure = (entry: string, actual: Numbers, expected: Numbers): void => {
    measureClose(`${entry}, ${products}`, '', actual, expected, { rtol: 3e-6 });
  };

  it('is the product, alone, with a residual, and as gates and ups', async () => {
    const [gpu, kernels] = await kernelsFor({}, products);
    for (const count of counts) {
      const random = new Random(IN + count);
      const x = floats(random, count * IN, 2, 0.5);
      const weight = floats(random, OUT * IN);
      const residual = floats(random, count * OUT, 3);
      const rows = Uint32Array.of(count);

      const product = linear(x, weight, count, IN, OUT);
      const forward = { reads: { rows, x, weight }, writes: { y: unwritten(count * OUT) } };
      const { y } = await runDispatch(gpu, count, forward, (on) =>
        kernels.linear(on.rows, width, on.x, on.weight, on.y),
      );
      measure('matmul_forward', y, product);

      const adding = { reads: { rows, x, weight, residual }, writes: { y: unwritten(count * OUT) } };
      const added = await runDispatch(gpu, count, adding, (on) =>
        kernels.linear(on.rows, width, on.x, on.weight, on.y, on.residual),
      );
      const sum = product.map((value, at) => value + residual[at]!);
      measure('matmul_forward_residual', added.y, sum);

      // Twice as wide: the first half are gates, some of which saturate.
      const gates = floats(random, OUT * IN, 20);
      const gating = {
        reads: { rows, x, weight: Float32Array.of(...gates, ...weight) },
        writes: { gate_up: unwritten(count * 2 * OUT), gated: unwritten(count * OUT) },
      };
      const { gate_up, gated } = await runDispatch(gpu, count, gating, (on) =>
        kernels.linearGated(on.rows, { IN, OUT: 2 * OUT }, on.x, on.weight, on.gate_up, on.gated),
      );
      const gate = linear(x, gates, count, IN, OUT);
      measure('matmul_forward_gated', gate_up, beside(gate, product, OUT));
      measure('matmul_forward_gated, silu(gate) * up', gated, swiglu(gate, product));
    }
  });

  it('gives the gradients of its weight, of its input, and of the gates and ups behind it', async () => {
    const [gpu, kernels] = await kernelsFor({}, products);
    for (const count of counts) {
      const random = new Random(OUT + count);
      const weight = floats(random, OUT * IN);
      const x = floats(random, count * IN, 2, 0.5);
      const d_y = floats(random, count * OUT);
      const rows = Uint32Array.of(count);

      const gather = { reads: { rows, x, d_y }, writes: { partial: unwritten(SPLITS * OUT * IN) } };
      const { partial } = await runDispatch(gpu, count, gather, (on) =>
        kernels.linearBackwardWeight(on.rows, width, on.x, on.d_y, on.partial, SPLITS),
      );
      const sums = acrossSplits(partial, SPLITS);
      measure('matmul_backward_weight', sums, linearBackwardWeight(d_y, x, count, IN, OUT));

      const back = { reads: { rows, d_y, weight }, writes: { d_x: unwritten(count * IN) } };
      const { d_x } = await runDispatch(gpu, count, back, (on) =>
        kernels.linearBackwardInput(on.rows, width, on.d_y, on.weight, on.d_x),
      );
      const d_input = linearBackwardInput(d_y, weight, count, IN, OUT);
      measure('matmul_backward_input', d_x, d_input);

      const { gate, up } = gatesAndUps(random, count * IN);
      const writes = { gate_up: beside(gate, up, IN), gated: unwritten(count * IN) };
      const { gate_up, gated } = await runDispatch(gpu, count, { reads: { rows, d_y, weight }, writes }, (on) =>
        kernels.linearBackwardGated(on.rows, width, on.d_y, on.weight, on.gate_up, on.gated),
      );
      measure('matmul_backward_gated, what went in', gated, swiglu(gate, up));
      const { dGate, dUp } = swigluBackward(gate, up, d_input);
      measure('matmul_backward_gated', gate_up, beside(dGate, dUp, IN));
    }
  });
});

describe('the sum over shares', () => {
  it.each(['plain', 'tiled'] as const)('is added to the gradient, %s', async (products) => {
    const [gpu, kernels] = await kernelsFor({}, products);
    const elements = 23 * 48;
    const partial = floats(new Random(2), elements * SPLITS);
    const before = floats(new Random(3), elements);
    const arrays = { reads: { partial }, writes: { gradient: before } };
    const { gradient } = await runDispatch(gpu, 1, arrays, (on) =>
      kernels.reduce(on.partial, on.gradient, elements, SPLITS),
    );
    const expected = Float64Array.from(
      gradient,
      (_, e) => before[e]! + partial[e]! + partial[elements + e]! + partial[2 * elements + e]!,
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
    const gather = { reads: { rows, ids, d_x }, writes: { partial: unwritten(SPLITS * VP * D) } };
    const { partial } = await runDispatch(gpu, count, gather, (on) =>
      kernels.embedBackward(on.rows, on.ids, on.d_x, on.partial, SPLITS),
    );
    const expected = byShares(count, (first, end) =>
      embeddingBackward(ids.subarray(first, end), d_x.subarray(first * D, end * D), VP, D),
    );
    measureClose('embedding_backward', 'partial', partial, expected, { rtol: 1e-6 });
  });
});

describe('RMS norm', () => {
  it.each([
    { products: 'plain', D: 48, count: 67 },
    { products: 'plain', D: 80, count: 1201 },
    { products: 'plain', D: 16, count: 1 },
    { products: 'tiled', D: 48, count: 67 },
    { products: 'tiled', D: 80, count: 1201 },
    { products: 'tiled', D: 16, count: 1 },
  ] as const)('of width $D is the reference, $products, for $count rows', async ({ products, D, count }) => {
    const [gpu, kernels] = await kernelsFor({ hiddenSize: D }, products);
    const random = new Random(D);
    const x = floats(random, count * D, 2, 0.5);
    x.fill(1e-4, 0, D); // a row whose mean square is far below eps
    const gain = floats(random, D, 0.5, 1);
    const d_y = floats(random, count * D);
    const stream = floats(random, count * D);
    const rows = Uint32Array.of(count);

    const forward = { reads: { rows, x, gain }, writes: { y: unwritten(count * D) } };
    const { y } = await runDispatch(gpu, count, forward, (on) => kernels.norm(on.rows, on.x, on.gain, on.y));
    measureClose('rms_norm_forward', 'y', y, rmsNorm(x, gain), { rtol: 1e-6 });

    const splits = kernels.normSplits;
    const back = {
      reads: { rows, x, gain },
      writes: { d_y, d_x: stream, partial: unwritten(splits * D) },
    };
    const {
      d_y: normed,
      d_x,
      partial,
    } = await runDispatch(gpu, count, back, (on) =>
      kernels.normBackward(on.rows, on.x, on.gain, on.d_y, on.d_x, on.partial),
    );
    const { dx, dGain } = rmsNormBackward(x, gain, d_y);
    measureClose(
      'rms_norm_backward',
      'd_x',
      d_x,
      dx.map((value, at) => value + stream[at]!),
      { rtol: 2e-6 },
    );
    measureClose('rms_norm_backward', 'norm(x)', normed, rmsNorm(x, gain), { rtol: 1e-6 });
    measureClose('rms_norm_backward', 'the gain', acrossSplits(partial, splits), dGain, { rtol: 2e-6 });
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
