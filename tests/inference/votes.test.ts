import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import {
  majorityAtN,
  majorityChance,
  passAtN,
  problemChances,
  tally,
  voteCurve,
  voteSizes,
  type Vote,
} from '../../src/inference/votes.ts';

const votes = (text: string): Vote[] =>
  [...text].map((answer) => ({ answer: answer === '-' ? null : answer, right: answer === 'r' }));

/** The mean over all subsets of `n`. */
function overSubsets(items: readonly Vote[], n: number, value: (subset: readonly Vote[]) => number): number {
  const subsets = (from: number, size: number): Vote[][] =>
    size === 0
      ? [[]]
      : items.slice(from).flatMap((item, at) => subsets(from + at + 1, size - 1).map((rest) => [item, ...rest]));
  const all = subsets(0, n);
  return all.reduce((sum, subset) => sum + value(subset), 0) / all.length;
}

describe('the majority vote', () => {
  it('counts equal answers, the most frequent first, and no vote of whoever gave no answer', () => {
    expect(tally(votes('xr-rx-r'))).toEqual([
      { answer: 'r', right: true, votes: 3 },
      { answer: 'x', right: false, votes: 2 },
    ]);
  });

  it('is right with most votes, and by lot where several have most', () => {
    expect(majorityChance(votes('rrx'))).toBe(1);
    expect(majorityChance(votes('rxx'))).toBe(0);
    expect(majorityChance(votes('rrxxyyz'))).toBeCloseTo(1 / 3);
    expect(majorityChance(votes('r-----'))).toBe(1);
  });

  it('is wrong where nobody answers', () => {
    expect(majorityChance(votes('---'))).toBe(0);
    expect(majorityChance([])).toBe(0);
  });

  it('of one answer is the share of right ones, and of all answers the vote of all, without any chance', () => {
    const all = votes('rrrxxy--');
    const [one, eight] = majorityAtN(all, [1, 8], new Random(3));
    expect(one).toBeCloseTo(3 / 8, 12);
    expect(eight).toBe(1);
  });

  it('of n comes near the mean over all subsets of n', () => {
    const all = votes('rrrxxyyz');
    const [estimate] = majorityAtN(all, [4], new Random(1));
    expect(estimate).toBeCloseTo(overSubsets(all, 4, majorityChance), 1);
  });

  it('is the same for the same seed', () => {
    const all = votes('rrxxxyz-');
    expect(problemChances(all, [2, 4], 5)).toEqual(problemChances(all, [2, 4], 5));
  });
});

describe('pass@n', () => {
  it('is the share of subsets of n that hold a right answer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(8), fc.nat(7), (samples, right, size) => {
        const c = Math.min(right, samples);
        const n = 1 + (size % samples);
        const all = votes('r'.repeat(c) + 'x'.repeat(samples - c));
        const counted = overSubsets(all, n, (subset) => (subset.some((vote) => vote.right) ? 1 : 0));
        expect(passAtN(samples, c, n)).toBeCloseTo(counted, 10);
      }),
    );
  });

  it('has no bias: over many draws its mean is the chance that one of n is right', () => {
    const random = new Random(9);
    const chance = 0.3;
    const draws = Array.from({ length: 4000 }, () => {
      const right = Array.from({ length: 10 }, () => random.unit()).filter((draw) => draw < chance).length;
      return passAtN(10, right, 4);
    });
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    expect(Math.abs(mean - (1 - (1 - chance) ** 4))).toBeLessThan(0.015);
  });

  it('stays a number for the largest groups', () => {
    expect(passAtN(64, 0, 64)).toBe(0);
    expect(passAtN(64, 1, 32)).toBeCloseTo(0.5, 12);
    expect(passAtN(64, 64, 1)).toBe(1);
  });
});

describe('the curve', () => {
  it('goes by doubling', () => {
    expect(voteSizes(1)).toEqual([1]);
    expect(voteSizes(64)).toEqual([1, 2, 4, 8, 16, 32, 64]);
  });

  it('is the mean over problems with its standard error', () => {
    const sizes = voteSizes(2);
    const problems = [votes('rr'), votes('xx'), votes('rx'), votes('xy')].map((each) => problemChances(each, sizes, 1));
    const [one, two] = voteCurve(problems, sizes);
    expect(one?.best.mean).toBeCloseTo((1 + 0 + 0.5 + 0) / 4);
    expect(two?.best.mean).toBeCloseTo(0.5);
    expect(two?.majority.mean).toBeCloseTo((1 + 0 + 0.5 + 0) / 4);
    expect(two?.best.error).toBeCloseTo(Math.sqrt(1 / 3 / 4)); // 1, 0, 1, 0: variance 1/3
  });

  it('claims no error from a single problem', () => {
    const [point] = voteCurve([problemChances(votes('rx'), [1], 1)], [1]);
    expect(point).toEqual({ n: 1, majority: { mean: 0.5, error: null }, best: { mean: 0.5, error: null } });
  });
});
