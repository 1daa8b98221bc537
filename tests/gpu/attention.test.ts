// Attention over packed sequences, forward and backward, and against a cache of keys and values.
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { Gpu } from '../../src/engine/index.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import { attention, attentionBackward } from '../reference/layers.ts';
import { openGpu } from './open.ts';
import { floats, runDispatch, unwritten } from './run-kernel.ts';
import { measureClose } from './worst-errors.ts';

async function kernelsFor(H: number, K: number, software: boolean): Promise<[Gpu, Kernels]> {
  const sizes = { vocabSize: 23, intermediateSize: 16, numLayers: 1, maxPositions: 256 };
  const gpu = await openGpu();
  return [gpu, new Kernels(gpu, { ...sizes, hiddenSize: H * K, numHeads: H }, software)];
}

/** Queries, keys and values, each [rows, D], out of rows of all three side by side. */
function splitParts(qkv: Float32Array, D: number): [Float32Array, Float32Array, Float32Array] {
  const rows = qkv.length / (3 * D);
  const part = (first: number): Float32Array =>
    Float32Array.from({ length: rows * D }, (_, at) => qkv[Math.floor(at / D) * 3 * D + first + (at % D)]!);
  return [part(0), part(D), part(2 * D)];
}

/** log sum over s <= t of exp(q_t k_s / sqrt(K)) of one sequence, [T, H]. */
function logSumExp(q: Float32Array, k: Float32Array, T: number, H: number, K: number): Float64Array {
  return Float64Array.from({ length: T * H }, (_, at) => {
    const t = Math.floor(at / H);
    const h = at % H;
    const scores = Array.from({ length: t + 1 }, (_, s) => {
      let score = 0;
      for (let i = 0; i < K; i++) score += q[(t * H + h) * K + i]! * k[(s * H + h) * K + i]!;
      return score / Math.sqrt(K);
    });
    const highest = Math.max(...scores);
    return highest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - highest), 0));
  });
}

describe.each(['GPU', 'software'])('attention over packed sequences, by %s', (adapter) => {
  it.each([
    { H: 8, K: 2, sharpness: 1 },
    { H: 8, K: 6, sharpness: 1 },
    { H: 8, K: 10, sharpness: 4 }, // scores of several hundred: nearly one-hot
    { H: 3, K: 16, sharpness: 1 },
    { H: 1, K: 32, sharpness: 1 },
    { H: 1, K: 72, sharpness: 1 },
  ])('is the reference for $H heads of $K, scores times $sharpness, and so is its gradient', async (size) => {
    const { H, K, sharpness } = size;
    const [gpu, kernels] = await kernelsFor(H, K, adapter === 'software');
    const random = new Random(K);
    const D = H * K;
    const lengths = [1, 5, 64, 19, 2, 130];
    const count = lengths.reduce((sum, length) => sum + length, 0);
    const firstRow = lengths.map((_, sequence) => lengths.slice(0, sequence).reduce((sum, length) => sum + length, 0));
    const spans = Uint32Array.from(
      lengths.flatMap((length, i) => Array.from({ length }, () => [firstRow[i]!, firstRow[i]! + length]).flat()),
    );
    const qkv = floats(random, count * 3 * D, sharpness * 1.5);
    const d_out = floats(random, count * D);
    const rows = Uint32Array.of(count);
    const out = new Float64Array(count * D);
    const lse = new Float64Array(count * H);
    const d_qkv = new Float64Array(count * 3 * D);
    lengths.forEach((T, i) => {
      const first = firstRow[i]!;
      const [q, k, v] = splitParts(qkv.subarray(first * 3 * D, (first + T) * 3 * D), D);
      out.set(attention(q, k, v, T, H, K), first * D);
      lse.set(logSumExp(q, k, T, H, K), first * H);
      const { dQ, dK, dV } = attentionBackward(q, k, v, d_out.subarray(first * D, (first + T) * D), T, H, K);
      for (let t = 0; t < T; t++) {
        [dQ, dK, dV].forEach((part, which) => {
          d_qkv.set(part.subarray(t * D, (t + 1) * D), ((first + t) * 3 + which) * D);
        });
      }
    });

    const written = { out: unwritten(count * D), lse: unwritten(count * H) };
    const forward = await runDispatch(gpu, count, { reads: { rows, spans, qkv }, writes: written }, (on) =>
      kernels.attention('attention_forward', on),
    );
    measureClose('attention_forward', 'out', forward.out, out, { rtol: 1e-5 });
    measureClose('attention_forward', 'lse', forward.lse, lse, { rtol: 2e-6 });

    const shared = { rows, spans, qkv, lse: forward.lse, d_out };
    const asking = {
      reads: { ...shared, out: forward.out },
      writes: { delta: unwritten(count * H), d_qkv: unwritten(count * 3 * D) },
    };
    const query = await runDispatch(gpu, count, asking, (on) => kernels.attention('attention_backward_query', on));
    const answering = { reads: { ...shared, delta: query.delta }, writes: { d_qkv: query.d_qkv } };
    const both = await runDispatch(gpu, count, answering, (on) =>
      kernels.attention('attention_backward_key_value', on),
    );
    const [dQ, dK, dV] = splitParts(both.d_qkv, D);
    const [expectedQ, expectedK, expectedV] = splitParts(new Float32Array(d_qkv), D);
    measureClose('attention_backward_query', 'queries', dQ, expectedQ, { rtol: 2e-5 });
    measureClose('attention_backward_key_value', 'keys', dK, expectedK, { rtol: 2e-5 });
    measureClose('attention_backward_key_value', 'values', dV, expectedV, { rtol: 2e-5 });
  });
});

describe('attention with a cache', () => {
  it.each([
    { adapter: 'GPU', H: 8, K: 6, maxLength: 70 },
    { adapter: 'GPU', H: 1, K: 160, maxLength: 131 },
    { adapter: 'software', H: 8, K: 6, maxLength: 70 },
    { adapter: 'software', H: 1, K: 160, maxLength: 131 },
  ])('is the last row of the whole for $H heads of $K, by $adapter, and keeps the new key and value', async (size) => {
    const { adapter, H, K, maxLength } = size;
    const [gpu, kernels] = await kernelsFor(H, K, adapter === 'software');
    const random = new Random(K);
    const D = H * K;
    const sequences = Uint32Array.of(3, 0, 4, 1); // sequence 2 has ended
    const positions = Uint32Array.of(0, maxLength - 1, 65, 7);
    const count = sequences.length;
    const qkv = floats(random, count * 3 * D);
    const [queries, keys, values] = splitParts(qkv, D);
    const key_cache = floats(random, 5 * maxLength * D);
    const value_cache = floats(random, 5 * maxLength * D);
    const arrays = {
      reads: { rows: Uint32Array.of(count), qkv, sequences, positions },
      writes: { out: unwritten(count * D), key_cache, value_cache },
    };
    const after = await runDispatch(gpu, count, arrays, (on) => kernels.attentionCached(on, maxLength));

    const expectedKeys = key_cache.slice();
    const expectedValues = value_cache.slice();
    const out = new Float64Array(count * D);
    for (let n = 0; n < count; n++) {
      const T = positions[n]! + 1;
      const first = sequences[n]! * maxLength * D;
      expectedKeys.set(keys.subarray(n * D, (n + 1) * D), first + (T - 1) * D);
      expectedValues.set(values.subarray(n * D, (n + 1) * D), first + (T - 1) * D);
      const q = new Float32Array(T * D); // only the last row's query matters
      q.set(queries.subarray(n * D, (n + 1) * D), (T - 1) * D);
      const k = expectedKeys.subarray(first, first + T * D);
      const v = expectedValues.subarray(first, first + T * D);
      out.set(attention(q, k, v, T, H, K).subarray((T - 1) * D), n * D);
    }
    const entry = adapter === 'software' ? 'attention_decode_alone' : 'attention_decode';
    measureClose(entry, 'out', after.out, out, { rtol: 5e-6 });
    expect(after.key_cache).toEqual(expectedKeys);
    expect(after.value_cache).toEqual(expectedValues);
  });
});
