// What an update was given, checked before the GPU sees it.
import { PlaygroundError } from '../base/errors.ts';
import type { Sequence } from '../engine/batch.ts';
import type { ModelConfig } from '../engine/config.ts';

/** Throws bad-settings for too many samples, one without a prompt, one too long, or a token outside the vocabulary. */
export function checkSamples(samples: readonly Sequence[], maxSamples: number, config: ModelConfig): void {
  const { vocabSize, maxPositions } = config;
  if (samples.length > maxSamples) {
    throw new PlaygroundError(
      'bad-settings',
      `an update takes at most ${maxSamples} completions, but ${samples.length} came`,
    );
  }
  for (const { ids, promptLength } of samples) {
    if (promptLength < 1 || promptLength > ids.length || ids.length > maxPositions) {
      throw new PlaygroundError(
        'bad-settings',
        `prompt and completion must have 1 to ${maxPositions} tokens together, but one has ${ids.length}`,
      );
    }
    for (const id of ids) {
      if (!(Number.isInteger(id) && id >= 0 && id < vocabSize))
        throw new PlaygroundError('bad-settings', `a token must be 0 to ${vocabSize - 1}, but one is ${id}`);
    }
  }
}

/** Throws bad-settings unless there are `functions` finite rewards, each with a weight, for each of `count` completions in whole groups. */
export function checkRewards(
  { values, groupSize }: { readonly values: readonly (readonly number[])[]; readonly groupSize: number },
  count: number,
  functions: number,
  weights: readonly number[],
): void {
  const flat = values.flat();
  if (values.length !== count || count % groupSize !== 0 || flat.length !== count * functions) {
    throw new PlaygroundError(
      'bad-settings',
      `expected ${functions} rewards for each of ${count} completions in groups of ${groupSize}, but ${values.length} lists with ${flat.length} rewards came`,
    );
  }
  if (weights.length < functions) {
    throw new PlaygroundError(
      'bad-settings',
      `expected a weight for each of ${functions} reward functions, but rewardWeights has ${weights.length}`,
    );
  }
  const broken = flat.find((value) => !Number.isFinite(value));
  if (broken !== undefined)
    throw new PlaygroundError('bad-settings', `a reward must be a finite number, but one is ${broken}`);
}
