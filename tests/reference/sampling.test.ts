import { describe, expect, it } from 'vitest';
import { expectClose } from './compare.ts';
import { samplingFixtures } from './fixtures.ts';
import { samplingDistribution } from './sampling.ts';

describe('the reference sampler', () => {
  it.each(samplingFixtures)("gives Hugging Face's distribution: $options, forbidden $forbidden", (fixture) => {
    const actual = samplingDistribution(fixture.logits, fixture.options, fixture.forbidden);
    expectClose('probabilities', actual, fixture.probabilities, { atol: 1e-11 });
    const kept = (p: number): boolean => p > 0;
    expect(Array.from(actual, kept)).toEqual(fixture.probabilities.map(kept));
  });

  it('narrows the outcome of the filter before', () => {
    const logits = [0.4, 0.3, 0.2, 0.1].map(Math.log);
    const all = { temperature: 1, topK: 0, topP: 1, minP: 0 };
    expectClose('top-p', samplingDistribution(logits, { ...all, topP: 0.5 }), [4 / 7, 3 / 7, 0, 0], { atol: 1e-12 });
    const after = samplingDistribution(logits, { ...all, topK: 2, topP: 0.5 });
    expectClose('top-p after top-k', after, [1, 0, 0, 0], { atol: 1e-12 });
  });

  it('keeps equally likely tokens together', () => {
    const actual = samplingDistribution([1, 1, 0], { temperature: 1, topK: 1, topP: 0.2, minP: 0 });
    expectClose('probabilities', actual, [0.5, 0.5, 0], { atol: 1e-12 });
  });
});
