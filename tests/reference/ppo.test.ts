import { describe, expect, it } from 'vitest';
import { expectClose, numericalGradient } from './compare.ts';
import { ppoFixture } from './fixtures.ts';
import { estimates, valueLoss } from './ppo.ts';

const flat = (rows: readonly ArrayLike<number>[]): number[] => rows.flatMap((row) => Array.from(row));
const { rewards, oldValues, values } = ppoFixture;

describe.each(ppoFixture.cases)('the reference critic with $options', (fixture) => {
  const { options } = fixture;

  it("has PyTorch's returns, advantages and explained variance", () => {
    const { returns, advantages, explainedVariance } = estimates(oldValues, rewards, options);
    expectClose('returns', flat(returns), flat(fixture.returns), { atol: 1e-11 });
    expectClose('advantages', flat(advantages), flat(fixture.advantages), { atol: 1e-10 });
    expect(explainedVariance).toBeCloseTo(fixture.explainedVariance, 10);
  });

  it("has PyTorch's value loss and gradient, which is that of central differences", () => {
    const { loss, clipped, dValues } = valueLoss(values, oldValues, fixture.returns, options);
    expect(loss).toBeCloseTo(fixture.valueLoss, 11);
    expect(clipped).toBeCloseTo(fixture.clipped, 11);
    expectClose('dValues', flat(dValues), flat(fixture.dValues), { atol: 1e-11 });
    const lossAt = (all: Float64Array): number => {
      let end = 0;
      const rows = values.map((row) => all.subarray(end, (end += row.length)));
      return valueLoss(rows, oldValues, fixture.returns, options).loss;
    };
    expectClose('dValues', flat(dValues), numericalGradient(lossAt, flat(values), 1e-5), { rtol: 1e-8 });
  });
});

describe('the reference critic', () => {
  it('clips some values and not others, so that both are tested', () => {
    const shares = ppoFixture.cases.map(({ clipped }) => clipped);
    expect(shares.some((share) => share > 0.2 && share < 0.8)).toBe(true);
    expect(shares).toContain(0);
  });

  it('with gamma and lambda 1 makes every return the reward', () => {
    const { returns } = estimates(oldValues, rewards, { gamma: 1, lam: 1 });
    returns.forEach((row, i) => expectClose('returns', row, new Float64Array(row.length).fill(rewards[i]!), { atol: 1e-15 })); // prettier-ignore
  });
});
