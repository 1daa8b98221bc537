// What training costs, in floating-point operations, so that two ways of training can be given equal compute. Counted as in Kaplan
// et al. 2020 (arXiv:2001.08361, section 2.1) and Hoffmann et al. 2022 (appendix F), with the exact causal attention: a multiply
// and an add are two; only matrix products count; backward is twice forward.
import type { ModelConfig, Sequence } from '../engine/index.ts';

/**
 * One pass over a sequence. Every token but the last passes through the four attention projections (4 D^2), the three of the MLP
 * (3 D F) and the head (D V); in each layer token t attends to t tokens, by one product with the keys and one with the values (2 D t).
 * Sampling with a cache of keys and values computes exactly the same.
 */
export function forwardFlops(config: ModelConfig, { ids }: Pick<Sequence, 'ids'>): number {
  const { hiddenSize: D, intermediateSize: F, numLayers: L, vocabSize: V } = config;
  const T = Math.max(0, ids.length - 1);
  const products = L * (4 * D * D + 3 * D * F) + D * V;
  const attention = L * 2 * D * ((T * (T + 1)) / 2);
  return 2 * (T * products + attention);
}

/** Forward and backward. */
export function trainingFlops(config: ModelConfig, sequence: Pick<Sequence, 'ids'>): number {
  return 3 * forwardFlops(config, sequence);
}

/** A completion's way through a GRPO step: sampled, scored by the reference where there is a KL term, and trained on `numIterations` times. */
export function grpoFlops(
  config: ModelConfig,
  sequence: Pick<Sequence, 'ids'>,
  { beta, numIterations }: { readonly beta: number; readonly numIterations: number },
): number {
  const forward = forwardFlops(config, sequence);
  return forward + (beta > 0 ? forward : 0) + numIterations * trainingFlops(config, sequence);
}
