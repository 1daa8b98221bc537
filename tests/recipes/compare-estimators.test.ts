import { expect, it } from 'vitest';
import { ADVANTAGE_ESTIMATORS, CRITIC_OPTIONS, DEFAULT_OPTIONS, resolveOptions } from '../../src/grpo/options.ts';
import { COMPARE_ESTIMATORS, withEstimator } from '../../src/recipes/compare-estimators.ts';

it('every estimator is compared, with options that differ in nothing but the estimator and the critic', () => {
  expect([...COMPARE_ESTIMATORS.estimators].sort()).toEqual([...ADVANTAGE_ESTIMATORS].sort());
  const options = resolveOptions({ advantageEstimator: 'ppo', lam: 0.8, vfCoef: 0.5, beta: 0.01 });
  const critic = Object.fromEntries(CRITIC_OPTIONS.map((name) => [name, DEFAULT_OPTIONS[name]]));
  for (const estimator of ADVANTAGE_ESTIMATORS) {
    const expected = { ...options, advantageEstimator: estimator, ...(estimator === 'ppo' ? {} : critic) };
    expect(withEstimator(options, estimator)).toEqual(expected);
  }
});

it('a group of one is refused where the group is the baseline', () => {
  const options = resolveOptions({ advantageEstimator: 'ppo', numGenerations: 1 });
  expect(withEstimator(options, 'reinforce').numGenerations).toBe(1);
  expect(() => withEstimator(options, 'grpo')).toThrow(/numGenerations must be at least 2/);
});
