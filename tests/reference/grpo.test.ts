import { describe, expect, it } from 'vitest';
import { ADVANTAGE_ESTIMATORS, IMPORTANCE_SAMPLING_LEVELS, LOSS_TYPES, SCALE_REWARDS } from '../../src/grpo/options.ts';
import { expectClose, numericalGradient } from './compare.ts';
import { advantageFixtures, lossFixture } from './fixtures.ts';
import { advantages, grpoLoss, highestEntropies, type LossInput } from './grpo.ts';

const flat = (rows: readonly ArrayLike<number>[]): number[] => rows.flatMap((row) => Array.from(row));

describe('the reference advantages', () => {
  it('are tested for every estimator and scale', () => {
    const tested = new Set(advantageFixtures.map((fixture) => `${fixture.advantageEstimator} ${fixture.scaleRewards}`));
    expect(tested.size).toBe((ADVANTAGE_ESTIMATORS.length - 1) * SCALE_REWARDS.length); // those of ppo are of tokens
  });

  it.each(advantageFixtures)(
    "are PyTorch's: $advantageEstimator, scaled by $scaleRewards, in groups of $numGenerations",
    (fixture) => {
      const actual = advantages(fixture.rewards, fixture.numGenerations, fixture);
      expectClose('advantages', actual, fixture.advantages, { atol: 1e-10, rtol: 1e-11 });
    },
  );

  it('are 0 throughout a group that agrees', () => {
    expect([...advantages([1, 1, 0, 1], 2, { advantageEstimator: 'grpo', scaleRewards: 'group' })]).toEqual([
      0,
      0,
      expect.closeTo(-Math.SQRT1_2, 3),
      expect.closeTo(Math.SQRT1_2, 3),
    ]);
  });
});

describe('the reference loss', () => {
  const input = (old: boolean, ofTokens = false): LossInput => ({
    ...lossFixture,
    oldLogProbs: old ? lossFixture.oldLogProbs : null,
    advantages: ofTokens ? lossFixture.tokenAdvantages : lossFixture.advantages,
  });
  /** The batch with other log-probs, given end to end. */
  const withLogProbs = (batch: LossInput, values: Float64Array): LossInput => {
    let end = 0;
    return { ...batch, logProbs: batch.logProbs.map((row) => values.subarray(end, (end += row.length))) };
  };

  it('is tested for every loss type at both levels', () => {
    const tested = new Set(lossFixture.cases.map((c) => `${c.options.lossType} ${c.options.importanceSamplingLevel}`));
    expect(tested.size).toBe(LOSS_TYPES.length * IMPORTANCE_SAMPLING_LEVELS.length);
  });

  it.each(lossFixture.cases)(
    "is PyTorch's: $options.lossType, $options.importanceSamplingLevel, delta $options.delta, beta $options.beta, mask $options.maskTruncatedCompletions, old $old, quantile $options.topEntropyQuantile, entropy $options.entropyCoef, advantages of tokens $ofTokens",
    ({ options, old, ofTokens, loss, policyLoss, metrics, dLogProbs, dEntropies }) => {
      const actual = grpoLoss(input(old, ofTokens), options);
      expectClose('loss and policyLoss', [actual.loss, actual.policyLoss], [loss, policyLoss], { atol: 1e-11 });
      expectClose('dLogProbs', flat(actual.dLogProbs), flat(dLogProbs), { rtol: 1e-10 });
      if (dEntropies) expectClose('dEntropies', flat(actual.dEntropies), flat(dEntropies), { rtol: 1e-10 });
      else expect(flat(actual.dEntropies).every((value) => value === 0)).toBe(true);
      const { low, high, region } = actual.clipRatio ?? {};
      const named = {
        kl: actual.kl,
        entropy: actual.entropy,
        'clip_ratio/low_mean': low,
        'clip_ratio/high_mean': high,
        'clip_ratio/region_mean': region,
      };
      for (const [name, value] of Object.entries(named)) {
        if (name in metrics) expect(value, name).toBeCloseTo(metrics[name]!, 10);
        else expect(value, name).toBeUndefined();
      }
    },
  );

  // cispo's weight, and without old log-probs the lower half of every ratio, are held constant in the gradient: a
  // difference quotient would not hold them.
  it.each(lossFixture.cases.filter(({ options, old }) => options.lossType !== 'cispo' && old))(
    'has the gradient of central differences: $options.lossType, $options.importanceSamplingLevel, delta $options.delta, beta $options.beta, quantile $options.topEntropyQuantile, advantages of tokens $ofTokens',
    ({ options, ofTokens }) => {
      const batch = input(true, ofTokens);
      const objective = (values: Float64Array): number => grpoLoss(withLogProbs(batch, values), options).loss;
      const expected = numericalGradient(objective, flat(lossFixture.logProbs), 1e-5);
      expectClose('dLogProbs', flat(grpoLoss(batch, options).dLogProbs), expected, { rtol: 1e-7 });
    },
  );

  it.each(LOSS_TYPES.filter((lossType) => lossType !== 'sapo'))(
    'clips tokens on both sides in the fixtures, so that both are tested: %s',
    (lossType) => {
      const cases = lossFixture.cases.filter(({ options, old, ofTokens }) => {
        return old && !ofTokens && options.lossType === lossType && options.topEntropyQuantile === 1;
      });
      for (const { options } of cases.filter(({ options: { epsilonHigh } }) => epsilonHigh < 1)) {
        const { low, high } = grpoLoss(lossFixture, options).clipRatio!;
        expect(high).toBeGreaterThan(0);
        if (lossType === 'cispo') expect(low).toBe(0);
        else expect(low).toBeGreaterThan(0);
      }
    },
  );

  it('with one update a rollout is minus the advantage in value, and pushes all the same', () => {
    const { options } = lossFixture.cases[0]!;
    const batch = { ...lossFixture, oldLogProbs: null };
    const { policyLoss, dLogProbs } = grpoLoss(batch, { ...options, lossType: 'grpo', beta: 0 });
    const mean = Array.from(batch.advantages).reduce((sum, a) => sum + a, 0) / batch.advantages.length;
    expect(policyLoss).toBeCloseTo(-mean, 12);
    dLogProbs.forEach((row, i) => {
      const push = -batch.advantages[i]! / (batch.advantages.length * row.length);
      expectClose(
        `completion ${i}`,
        row,
        row.map(() => push),
        { atol: 1e-15 },
      );
    });
  });

  it('leaves truncated completions out of the token count but not out of the mean over completions', () => {
    const { options } = lossFixture.cases[0]!;
    const batch = {
      logProbs: [
        [-1, -1],
        [-1, -1, -1],
      ],
      oldLogProbs: null,
      refLogProbs: null,
      entropies: [
        [1, 1],
        [9, 9, 9],
      ],
      advantages: [1, 1],
      truncated: [false, true],
    };
    const push = (lossType: (typeof LOSS_TYPES)[number]): number[] =>
      flat(grpoLoss(batch, { ...options, lossType, beta: 0, maskTruncatedCompletions: true }).dLogProbs);
    expect(push('dapo')).toEqual([-1 / 2, -1 / 2, 0, 0, 0]);
    expect(push('grpo')).toEqual([-1 / 4, -1 / 4, 0, 0, 0]);
    expect(push('dr_grpo')).toEqual([-1 / 24, -1 / 24, 0, 0, 0]);
    expect(grpoLoss(batch, { ...options, maskTruncatedCompletions: true }).entropy).toBe(1);
  });

  it('is 0, with zero gradients, when every completion is left out', () => {
    for (const { options } of lossFixture.cases) {
      const batch = { ...lossFixture, truncated: lossFixture.truncated.map(() => true) };
      const { loss, dLogProbs } = grpoLoss(batch, { ...options, maskTruncatedCompletions: true });
      expect(loss).toBe(0);
      expect(flat(dLogProbs).every((value) => value === 0)).toBe(true);
    }
  });
});

describe('the highest entropies', () => {
  it('are a share of the tokens, ties included', () => {
    const entropies = [[0.5, 0, 0.1], [0.3], [0.2, 0.2]];
    expect(highestEntropies(entropies, 1).flat()).toEqual([true, true, true, true, true, true]);
    expect(highestEntropies(entropies, 0.5).flat()).toEqual([true, false, false, true, true, true]);
    expect(highestEntropies(entropies, 0.2)).toEqual([[true, false, false], [true], [false, false]]);
    expect(highestEntropies(entropies, 0).flat()).toEqual([true, false, false, false, false, false]);
  });

  it('of nothing are nothing', () => {
    expect(highestEntropies([[], []], 0.5)).toEqual([[], []]);
  });
});
