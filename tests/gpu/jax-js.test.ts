// The comparison of tests/bench/jax-js is of the same computation: at a tiny size, so that it stays true.
import { expect, it } from 'vitest';
import { checkAgreement } from '../bench/jax-js/compare.ts';
import { openContestants } from '../bench/jax-js/contestants.ts';

it('has the losses, gradient norms and log-probs of the same model written with jax-js, over three updates', async () => {
  const size = { hiddenSize: 16, layers: 1, heads: 2, sequences: 16, promptTokens: 3, newTokens: 6 };
  const agreement = await checkAgreement(await openContestants(size));
  expect(Object.keys(agreement)).toEqual(['loss', 'meanLogProb', 'gradNorm', 'drawnLogProbs']);
  for (const difference of Object.values(agreement)) expect(difference).toBeLessThan(1e-3);
}, 60_000); // most of it is the compilation of jax-js's kernels
