// How the losses of tokens become one number: every lossType is a weighted sum over tokens, with one weight a completion.
import type { Sequence } from '../engine/batch.ts';
import type { GrpoOptions } from './options.ts';

/**
 * The weight of a token's loss, by sample: 1 / (B |o_i|) for grpo and sapo, 1 / (tokens in the batch) for bnpo, dapo and cispo,
 * 1 / (B L) for dr_grpo. B counts every sample, tokens only those in the loss.
 */
export function aggregationWeights(
  samples: readonly Sequence[],
  inLoss: readonly boolean[],
  options: Pick<GrpoOptions, 'lossType' | 'maxCompletionLength'>,
): Float32Array {
  const lengths = samples.map((sample, index) => (inLoss[index] ? sample.ids.length - sample.promptLength : 0));
  const tokens = Math.max(1, lengths.reduce((sum, length) => sum + length, 0)); // prettier-ignore
  return Float32Array.from(lengths, (length) => {
    if (options.lossType === 'grpo' || options.lossType === 'sapo') return 1 / (samples.length * Math.max(1, length));
    return options.lossType === 'dr_grpo' ? 1 / (samples.length * options.maxCompletionLength) : 1 / tokens;
  });
}
