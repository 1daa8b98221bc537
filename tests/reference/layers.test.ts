import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { dot, expectClose, normals, numericalGradient } from './compare.ts';
import * as layers from './layers.ts';

const random = new Random(1);
const exact = { rtol: 1e-9 };

describe('the reference layers', () => {
  it('multiplies by a transposed weight, and back', () => {
    const [N, I, O] = [3, 5, 4];
    const [x, w, dy] = [normals(random, N * I), normals(random, O * I), normals(random, N * O)];
    expectClose('y', layers.linear([1, 2, 3, 4], [5, 6, 7, 8, 9, 10], 2, 2, 3), [17, 23, 29, 39, 53, 67], { atol: 0 });
    const dx = numericalGradient((at) => dot(layers.linear(at, w, N, I, O), dy), x);
    const dw = numericalGradient((at) => dot(layers.linear(x, at, N, I, O), dy), w);
    expectClose('dx', layers.linearBackwardInput(dy, w, N, I, O), dx, exact);
    expectClose('dw', layers.linearBackwardWeight(dy, x, N, I, O), dw, exact);
  });

  it('looks embeddings up and adds the gradients of a repeated token', () => {
    const [ids, V, D] = [[2, 0, 2, 3], 5, 3];
    const [table, dx] = [normals(random, V * D), normals(random, ids.length * D)];
    expect(layers.embedding(ids, table, D).subarray(3, 6)).toEqual(table.subarray(0, 3));
    const dTable = numericalGradient((at) => dot(layers.embedding(ids, at, D), dx), table);
    expectClose('dTable', layers.embeddingBackward(ids, dx, V, D), dTable, exact);
  });

  it('normalises by the root of the mean square, and back', () => {
    const D = 7;
    const [x, gain, dy] = [normals(random, 3 * D, 2), normals(random, D, 1, 1), normals(random, 3 * D)];
    expectClose('y', layers.rmsNorm([3, 4], [1, 2]), [3 / Math.sqrt(12.50001), 8 / Math.sqrt(12.50001)], exact);
    const { dx, dGain } = layers.rmsNormBackward(x, gain, dy);
    expectClose(
      'dx',
      dx,
      numericalGradient((at) => dot(layers.rmsNorm(at, gain), dy), x),
      exact,
    );
    expectClose(
      'dGain',
      dGain,
      numericalGradient((at) => dot(layers.rmsNorm(x, at), dy), gain),
      exact,
    );
  });

  it('rotates so that a product of query and key depends only on their distance', () => {
    const [H, K] = [2, 6];
    const [q, k] = [normals(random, H * K), normals(random, H * K)];
    const product = (i: number, j: number): number => dot(layers.rope(q, [i], H, K), layers.rope(k, [j], H, K));
    expectClose('product', [product(7, 3), product(104, 100)], [product(4, 0), product(4, 0)], exact);
    expect(Math.abs(product(4, 0) - product(5, 0))).toBeGreaterThan(1e-3);
  });

  it('rotates the first half of a head against the second, slower for later pairs', () => {
    const turned = layers.rope([1, 2, 0, 0], [3], 1, 4);
    const expected = [Math.cos(3), 2 * Math.cos(0.03), Math.sin(3), 2 * Math.sin(0.03)];
    expectClose('rope', turned, expected, exact);
  });

  it('rotates gradients back', () => {
    const [H, K, positions] = [3, 4, [0, 5, 63]];
    const [x, dy] = [normals(random, 3 * H * K), normals(random, 3 * H * K)];
    const dx = numericalGradient((at) => dot(layers.rope(at, positions, H, K), dy), x);
    expectClose('dx', layers.ropeBackward(dy, positions, H, K), dx, exact);
  });

  it('attends, and back', () => {
    const [T, H, K] = [5, 2, 3];
    const [q, k, v, dOut] = [0, 1, 2, 3].map(() => normals(random, T * H * K)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const { dQ, dK, dV } = layers.attentionBackward(q, k, v, dOut, T, H, K);
    expectClose(
      'dQ',
      dQ,
      numericalGradient((at) => dot(layers.attention(at, k, v, T, H, K), dOut), q),
      exact,
    );
    expectClose(
      'dK',
      dK,
      numericalGradient((at) => dot(layers.attention(q, at, v, T, H, K), dOut), k),
      exact,
    );
    expectClose(
      'dV',
      dV,
      numericalGradient((at) => dot(layers.attention(q, k, at, T, H, K), dOut), v),
      exact,
    );
  });

  it('attends to nothing that comes later', () => {
    const [T, H, K] = [4, 2, 3];
    const [q, k, v] = [normals(random, T * H * K), normals(random, T * H * K), normals(random, T * H * K)];
    const before = layers.attention(q, k, v, T, H, K);
    k[2 * H * K] = 9;
    v[2 * H * K] = 9;
    const after = layers.attention(q, k, v, T, H, K);
    expect(after.subarray(0, 2 * H * K)).toEqual(before.subarray(0, 2 * H * K));
    expect(after.subarray(2 * H * K)).not.toEqual(before.subarray(2 * H * K));
  });

  it('gates, and back', () => {
    const [gate, up, dy] = [normals(random, 9, 3), normals(random, 9), normals(random, 9)];
    expectClose('silu', layers.swiglu([0, 2], [5, 3]), [0, 6 / (1 + Math.exp(-2))], exact);
    const { dGate, dUp } = layers.swigluBackward(gate, up, dy);
    expectClose(
      'dGate',
      dGate,
      numericalGradient((at) => dot(layers.swiglu(at, up), dy), gate),
      exact,
    );
    expectClose(
      'dUp',
      dUp,
      numericalGradient((at) => dot(layers.swiglu(gate, at), dy), up),
      exact,
    );
  });

  it('takes log-probs and entropies at a temperature, and back', () => {
    const [V, targets, temperature] = [6, [3, 0, 5], 0.7];
    const [logits, dLogProbs] = [normals(random, 3 * V, 2), normals(random, 3)];
    const at = (x: Float64Array): Float64Array => layers.logProbs(x, targets, V, temperature).logProbs;
    const dLogits = numericalGradient((x) => dot(at(x), dLogProbs), logits);
    expectClose('dLogits', layers.logProbsBackward(logits, targets, V, temperature, dLogProbs), dLogits, exact);
    const entropyAt = (x: Float64Array): number =>
      dot(layers.logProbs(x, targets, V, temperature).entropies, dLogProbs);
    const ofEntropies = layers.entropiesBackward(logits, V, temperature, dLogProbs);
    expectClose('dLogits of entropies', ofEntropies, numericalGradient(entropyAt, logits), exact);
  });

  it('gives a certain token entropy 0, equal tokens log V, and survives huge logits', () => {
    const { logProbs, entropies } = layers.logProbs([1e4, 0, 0, 0, 7, 7, 7, 7], [0, 2], 4, 1);
    expectClose('log-probs', logProbs, [0, -Math.log(4)], { atol: 1e-12 });
    expectClose('entropies', entropies, [0, Math.log(4)], { atol: 1e-12 });
  });
});
