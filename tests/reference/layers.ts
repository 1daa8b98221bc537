// Each layer of the transformer in f64, forward and backward, by plain loops: what every WGSL entry point is measured
// against. Clear over fast; nothing is shared with the engine but two constants.
//
// Shapes, row-major: N rows, T positions of one sequence, D model width, H heads, K head width, V vocabulary, I in, O out.
import { RMS_NORM_EPS, ROPE_THETA } from '../../src/engine/config.ts';

export type Numbers = ArrayLike<number>;

/** y_NO = x_NI w_OI^T: a linear layer without bias. */
export function linear(x: Numbers, w: Numbers, N: number, I: number, O: number): Float64Array {
  const y = new Float64Array(N * O);
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      for (let i = 0; i < I; i++) y[n * O + o]! += x[n * I + i]! * w[o * I + i]!;
    }
  }
  return y;
}

/** dx_NI = dy_NO w_OI. */
export function linearBackwardInput(dy: Numbers, w: Numbers, N: number, I: number, O: number): Float64Array {
  const dx = new Float64Array(N * I);
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      for (let i = 0; i < I; i++) dx[n * I + i]! += dy[n * O + o]! * w[o * I + i]!;
    }
  }
  return dx;
}

/** dw_OI = dy_NO^T x_NI. */
export function linearBackwardWeight(dy: Numbers, x: Numbers, N: number, I: number, O: number): Float64Array {
  const dw = new Float64Array(O * I);
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < O; o++) {
      for (let i = 0; i < I; i++) dw[o * I + i]! += dy[n * O + o]! * x[n * I + i]!;
    }
  }
  return dw;
}

/** x_ND, row n being row ids[n] of table_VD. */
export function embedding(ids: Numbers, table: Numbers, D: number): Float64Array {
  const x = new Float64Array(ids.length * D);
  for (let n = 0; n < ids.length; n++) {
    for (let d = 0; d < D; d++) x[n * D + d] = table[ids[n]! * D + d]!;
  }
  return x;
}

/** dTable_VD: every dx_ND row added to its token's row. */
export function embeddingBackward(ids: Numbers, dx: Numbers, V: number, D: number): Float64Array {
  const dTable = new Float64Array(V * D);
  for (let n = 0; n < ids.length; n++) {
    for (let d = 0; d < D; d++) dTable[ids[n]! * D + d]! += dx[n * D + d]!;
  }
  return dTable;
}

/** 1 / sqrt(mean_d x_nd^2 + eps) of every row: [N]. */
export function inverseRms(x: Numbers, D: number): Float64Array {
  const inverse = new Float64Array(x.length / D);
  for (let n = 0; n < inverse.length; n++) {
    let squares = 0;
    for (let d = 0; d < D; d++) squares += x[n * D + d]! ** 2;
    inverse[n] = 1 / Math.sqrt(squares / D + RMS_NORM_EPS);
  }
  return inverse;
}

/** y_ND = x_ND gain_D / rms(x). */
export function rmsNorm(x: Numbers, gain: Numbers): Float64Array {
  const D = gain.length;
  const inverse = inverseRms(x, D);
  return Float64Array.from(x, (value, at) => value * inverse[Math.floor(at / D)]! * gain[at % D]!);
}

/** dx_ND = (g - x sum_d(g x) / (D rms^2)) / rms with g = dy gain; dGain_D = sum_n dy x / rms. */
export function rmsNormBackward(x: Numbers, gain: Numbers, dy: Numbers): { dx: Float64Array; dGain: Float64Array } {
  const D = gain.length;
  const inverse = inverseRms(x, D);
  const dx = new Float64Array(x.length);
  const dGain = new Float64Array(D);
  for (let n = 0; n < inverse.length; n++) {
    const r = inverse[n]!;
    let dot = 0;
    for (let d = 0; d < D; d++) dot += dy[n * D + d]! * gain[d]! * x[n * D + d]!;
    for (let d = 0; d < D; d++) {
      dx[n * D + d] = r * (dy[n * D + d]! * gain[d]! - (x[n * D + d]! * dot * r * r) / D);
      dGain[d]! += dy[n * D + d]! * x[n * D + d]! * r;
    }
  }
  return { dx, dGain };
}

/**
 * Rotates the pairs (k, k + K/2) of x_NHK by positions[n] theta^(-2k/K): Hugging Face's half-split order
 * (`rotate_half`). K is even.
 * A rotation's transpose is its inverse: the gradient is `rope` of dy at the negated positions, `ropeBackward`.
 */
export function rope(x: Numbers, positions: Numbers, H: number, K: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let n = 0; n < positions.length; n++) {
    for (let h = 0; h < H; h++) {
      for (let k = 0; k < K / 2; k++) {
        const angle = positions[n]! * ROPE_THETA ** ((-2 * k) / K);
        const low = (n * H + h) * K + k;
        const high = low + K / 2;
        y[low] = x[low]! * Math.cos(angle) - x[high]! * Math.sin(angle);
        y[high] = x[high]! * Math.cos(angle) + x[low]! * Math.sin(angle);
      }
    }
  }
  return y;
}

export function ropeBackward(dy: Numbers, positions: Numbers, H: number, K: number): Float64Array {
  const negated = Float64Array.from(positions, (position) => -position);
  return rope(dy, negated, H, K);
}

/** Causal attention weights of one sequence, [H, T, T]: softmax over s <= t of q_t k_s / sqrt(K), zero for s > t. */
export function attentionWeights(q: Numbers, k: Numbers, T: number, H: number, K: number): Float64Array {
  const weights = new Float64Array(H * T * T);
  for (let h = 0; h < H; h++) {
    for (let t = 0; t < T; t++) {
      const scores = new Float64Array(t + 1);
      for (let s = 0; s <= t; s++) {
        for (let i = 0; i < K; i++) scores[s]! += q[(t * H + h) * K + i]! * k[(s * H + h) * K + i]!;
        scores[s]! /= Math.sqrt(K);
      }
      weights.set(softmax(scores), (h * T + t) * T);
    }
  }
  return weights;
}

/** out_THK = sum_{s<=t} weights_hts v_s, of one sequence. */
export function attention(q: Numbers, k: Numbers, v: Numbers, T: number, H: number, K: number): Float64Array {
  const weights = attentionWeights(q, k, T, H, K);
  const out = new Float64Array(T * H * K);
  for (let h = 0; h < H; h++) {
    for (let t = 0; t < T; t++) {
      for (let s = 0; s <= t; s++) {
        for (let i = 0; i < K; i++)
          out[(t * H + h) * K + i]! += weights[(h * T + t) * T + s]! * v[(s * H + h) * K + i]!;
      }
    }
  }
  return out;
}

/** Gradients with respect to q, k and v (after rope), each [T, H, K], from dOut_THK. */
export function attentionBackward(
  q: Numbers,
  k: Numbers,
  v: Numbers,
  dOut: Numbers,
  T: number,
  H: number,
  K: number,
): { dQ: Float64Array; dK: Float64Array; dV: Float64Array } {
  const weights = attentionWeights(q, k, T, H, K);
  const dQ = new Float64Array(T * H * K);
  const dK = new Float64Array(T * H * K);
  const dV = new Float64Array(T * H * K);
  for (let h = 0; h < H; h++) {
    for (let t = 0; t < T; t++) {
      const weight = weights.subarray((h * T + t) * T, (h * T + t) * T + t + 1);
      const dWeight = new Float64Array(t + 1);
      for (let s = 0; s <= t; s++) {
        for (let i = 0; i < K; i++) {
          dWeight[s]! += dOut[(t * H + h) * K + i]! * v[(s * H + h) * K + i]!;
          dV[(s * H + h) * K + i]! += weight[s]! * dOut[(t * H + h) * K + i]!;
        }
      }
      const mean = weight.reduce((sum, p, s) => sum + p * dWeight[s]!, 0);
      for (let s = 0; s <= t; s++) {
        const dScore = (weight[s]! * (dWeight[s]! - mean)) / Math.sqrt(K);
        for (let i = 0; i < K; i++) {
          dQ[(t * H + h) * K + i]! += dScore * k[(s * H + h) * K + i]!;
          dK[(s * H + h) * K + i]! += dScore * q[(t * H + h) * K + i]!;
        }
      }
    }
  }
  return { dQ, dK, dV };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** silu(gate) * up, elementwise; silu(x) = x sigmoid(x). */
export function swiglu(gate: Numbers, up: Numbers): Float64Array {
  return Float64Array.from(gate, (g, at) => g * sigmoid(g) * up[at]!);
}

export function swigluBackward(gate: Numbers, up: Numbers, dy: Numbers): { dGate: Float64Array; dUp: Float64Array } {
  const dGate = Float64Array.from(gate, (g, at) => dy[at]! * up[at]! * sigmoid(g) * (1 + g * (1 - sigmoid(g))));
  const dUp = Float64Array.from(gate, (g, at) => dy[at]! * g * sigmoid(g));
  return { dGate, dUp };
}

/** One row: logits - log(sum(exp(logits))). */
export function logSoftmax(logits: Numbers): Float64Array {
  const row = Float64Array.from(logits);
  const max = Math.max(...row);
  const logSum = max + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
  return row.map((logit) => logit - logSum);
}

export function softmax(logits: Numbers): Float64Array {
  return logSoftmax(logits).map(Math.exp);
}

/** Of rows of logits_NV divided by the temperature: each row's log-prob of its target and its entropy, [N], in nats. */
export function logProbs(
  logits: Numbers,
  targets: Numbers,
  V: number,
  temperature: number,
): { logProbs: Float64Array; entropies: Float64Array } {
  const all = Float64Array.from(logits, (logit) => logit / temperature);
  const rows = Array.from(targets, (_, n) => logSoftmax(all.subarray(n * V, (n + 1) * V)));
  return {
    logProbs: Float64Array.from(rows, (row, n) => row[targets[n]!]!),
    // p log p tends to 0 where p does
    entropies: Float64Array.from(rows, (row) =>
      row.reduce((sum, l) => (l === -Infinity ? sum : sum - l * Math.exp(l)), 0),
    ),
  };
}

/** dLogits_NV = dLogProb_n (onehot(target_n) - softmax(logits_n / temperature)) / temperature. */
export function logProbsBackward(
  logits: Numbers,
  targets: Numbers,
  V: number,
  temperature: number,
  dLogProbs: Numbers,
): Float64Array {
  const all = Float64Array.from(logits, (logit) => logit / temperature);
  const dLogits = new Float64Array(all.length);
  for (let n = 0; n < targets.length; n++) {
    const probs = softmax(all.subarray(n * V, (n + 1) * V));
    for (let v = 0; v < V; v++) {
      dLogits[n * V + v] = (dLogProbs[n]! * ((v === targets[n] ? 1 : 0) - probs[v]!)) / temperature;
    }
  }
  return dLogits;
}

/** dLogits_NV = -dEntropy_n p (log p + entropy_n) / temperature, p = softmax(logits_n / temperature). */
export function entropiesBackward(logits: Numbers, V: number, temperature: number, dEntropies: Numbers): Float64Array {
  const all = Float64Array.from(logits, (logit) => logit / temperature);
  const dLogits = new Float64Array(all.length);
  for (let n = 0; n < dEntropies.length; n++) {
    const row = logSoftmax(all.subarray(n * V, (n + 1) * V));
    const entropy = row.reduce((sum, l) => sum - l * Math.exp(l), 0);
    dLogits.set(row.map((l) => (-dEntropies[n]! * Math.exp(l) * (l + entropy)) / temperature), n * V); // prettier-ignore
  }
  return dLogits;
}
