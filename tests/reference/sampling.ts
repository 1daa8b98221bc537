// What a token is drawn from, in f64: the softmax of logits / temperature without the forbidden tokens, then narrowed by
// top-k, top-p and min-p in this order, each on the renormalised outcome of the one before, as Hugging Face's warpers do.
import type { GrpoOptions } from '../../src/grpo/options.ts';
import { softmax, type Numbers } from './layers.ts';

/**
 * The probability of every token, [V]. Equally likely tokens are kept or left out together.
 * topK 0, topP 1 and minP 0 leave nothing out.
 */
export function samplingDistribution(
  logits: Numbers,
  options: Pick<GrpoOptions, 'temperature' | 'topK' | 'topP' | 'minP'>,
  forbidden: readonly number[] = [],
): Float64Array {
  const { temperature, topK, topP, minP } = options;
  const banned = new Set(forbidden);
  const tempered = Float64Array.from(logits, (logit, v) => (banned.has(v) ? -Infinity : logit / temperature));
  let probs = softmax(tempered);

  const likelier = (v: number): Float64Array => probs.filter((p) => p > probs[v]!);
  const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
  const keep = (kept: (v: number) => boolean): void => {
    const left = probs.map((p, v) => (kept(v) ? p : 0));
    probs = left.map((p) => p / total(left));
  };
  if (topK > 0) keep((v) => likelier(v).length < topK);
  if (topP < 1) keep((v) => total(likelier(v)) < topP);
  if (minP > 0) keep((v) => probs[v]! >= minP * Math.max(...probs));
  return probs;
}
