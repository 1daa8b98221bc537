// AdamW and the clip before it, in f64, as PyTorch's torch.optim.AdamW and clip_grad_norm_.
// Loshchilov and Hutter, arXiv:1711.05101.
//
//   g  = g min(1, maxNorm / (|g| + 1e-6))            |g| over all tensors together
//   w  = w (1 - lr decay)                            matrices only, never norm gains
//   m  = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2
//   w -= lr (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + 1e-8)
import type { Numbers } from './layers.ts';

/** The norm of all gradients together, before clipping, and what each is multiplied by. */
export function clipByGlobalNorm(gradients: Iterable<Numbers>, maxNorm: number): { norm: number; coefficient: number } {
  let squares = 0;
  for (const gradient of gradients) {
    for (const value of Array.from(gradient)) squares += value * value;
  }
  const norm = Math.sqrt(squares);
  return { norm, coefficient: Math.min(1, maxNorm / (norm + 1e-6)) };
}

/** One tensor and its two moments, all of the same length. */
export interface AdamWState {
  readonly weights: Numbers;
  readonly firstMoment: Numbers;
  readonly secondMoment: Numbers;
}

/** The state after step `step`, counted from 1. `gradient` is clipped already; `shape` decides whether the tensor decays. */
export function adamWStep(
  { weights, firstMoment, secondMoment }: AdamWState,
  gradient: Numbers,
  shape: readonly number[],
  options: {
    readonly learningRate: number;
    readonly adamBeta1: number;
    readonly adamBeta2: number;
    readonly weightDecay: number;
  },
  step: number,
): AdamWState {
  const { learningRate, adamBeta1, adamBeta2 } = options;
  const decay = shape.length > 1 ? options.weightDecay : 0;
  const m = Float64Array.from(firstMoment, (value, i) => adamBeta1 * value + (1 - adamBeta1) * gradient[i]!);
  const v = Float64Array.from(secondMoment, (value, i) => adamBeta2 * value + (1 - adamBeta2) * gradient[i]! ** 2);
  const updated = Float64Array.from(weights, (weight, i) => {
    const mean = m[i]! / (1 - adamBeta1 ** step);
    const scale = Math.sqrt(v[i]! / (1 - adamBeta2 ** step)) + 1e-8;
    return weight * (1 - learningRate * decay) - (learningRate * mean) / scale;
  });
  return { weights: updated, firstMoment: m, secondMoment: v };
}
