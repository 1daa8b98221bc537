// What a step reports, against figures worked out by hand.
import { describe, expect, it } from 'vitest';
import { mean, stepMetrics, updateMetrics } from '../../src/grpo/metrics.ts';
import type { UpdateReport } from '../../src/grpo/objective.ts';
import { resolveOptions, type GrpoOptions } from '../../src/grpo/options.ts';
import type { Rollout } from '../../src/grpo/trainer.ts';

const report: UpdateReport = {
  loss: 0.5,
  policyLoss: 0.4,
  kl: 0.1,
  entropy: 0.3,
  negativeLogProb: 0.7,
  clippedLow: 0.01,
  clippedHigh: 0.02,
  gradNorm: 1.5,
  tokens: 16,
  outcomes: [],
  slopes: [],
  critic: null,
};

const rollout = (length: number, truncated: boolean, rewards: [number, number], groupStd: number): Rollout => ({
  prompt: [1, 2, 3],
  ids: new Array<number>(length).fill(0),
  logProbs: new Array<number>(length).fill(-1),
  truncated,
  rewards,
  reward: rewards[0] + rewards[1],
  advantage: 0,
  groupStd,
  slopes: new Float32Array(length),
});

/** Two groups of two: rewards 1 and 0, whose std is sqrt(1/2), then 0.5 twice, whose std is 0. */
const rollouts = [
  rollout(2, false, [1, 0], Math.SQRT1_2),
  rollout(4, false, [0, 0], Math.SQRT1_2),
  rollout(6, true, [0, 0.5], 0),
  rollout(3, false, [0, 0.5], 0),
];

const metricsOf = (given: readonly Rollout[] = rollouts, options: Partial<GrpoOptions> = {}) =>
  stepMetrics(given, report, ['accuracy', 'format'], resolveOptions(options), {
    seconds: 2.5,
    tokens: 1234,
    learningRate: 1e-4,
  });

describe('the metrics of a step', () => {
  it('have the names of TRL', () => {
    expect(Object.keys(metricsOf()).sort()).toEqual(
      [
        'step_time',
        'num_tokens',
        'completions/mean_length',
        'completions/min_length',
        'completions/max_length',
        'completions/mean_terminated_length',
        'completions/clipped_ratio',
        'reward',
        'reward_std',
        'frac_reward_zero_std',
        'rewards/accuracy/mean',
        'rewards/accuracy/std',
        'rewards/format/mean',
        'rewards/format/std',
        'loss',
        'policy_loss',
        'entropy',
        'kl',
        'clip_ratio/low_mean',
        'clip_ratio/high_mean',
        'clip_ratio/region_mean',
        'grad_norm',
        'learning_rate',
      ].sort(),
    );
  });

  it('measure lengths over all completions, and over those that ended', () => {
    expect(metricsOf()).toMatchObject({
      'completions/mean_length': 15 / 4,
      'completions/min_length': 2,
      'completions/max_length': 6,
      'completions/mean_terminated_length': 9 / 3,
      'completions/clipped_ratio': 1 / 4,
    });
  });

  it('are numbers even where every completion was cut off', () => {
    const all = metricsOf(rollouts.map((each) => ({ ...each, truncated: true })));
    expect(all).toMatchObject({ 'completions/mean_terminated_length': 0, 'completions/clipped_ratio': 1 });
    for (const [name, value] of Object.entries(all)) expect(value, name).toSatisfy(Number.isFinite);
  });

  it('give each reward its mean and its Bessel-corrected std over the batch', () => {
    const metrics = metricsOf();
    expect(metrics['rewards/accuracy/mean']).toBe(1 / 4);
    expect(metrics['rewards/accuracy/std']).toBeCloseTo(Math.sqrt((0.75 ** 2 + 3 * 0.25 ** 2) / 3), 12);
    expect(metrics['rewards/format/mean']).toBe(1 / 4);
    expect(metrics['rewards/format/std']).toBeCloseTo(Math.sqrt((4 * 0.25 ** 2) / 3), 12);
  });

  it('give a single completion the std 0', () => {
    expect(metricsOf(rollouts.slice(0, 1))).toMatchObject({ 'rewards/accuracy/std': 0, 'rewards/format/std': 0 });
  });

  it.each(['group', 'none'] as const)('scaled by %s, take the mean of the stds of the groups', (scaleRewards) => {
    const metrics = metricsOf(rollouts, { scaleRewards });
    expect(metrics['reward']).toBe(2 / 4);
    expect(metrics['reward_std']).toBeCloseTo(Math.SQRT1_2 / 2, 12);
  });

  it('scaled by the batch, take its std', () => {
    const metrics = metricsOf(rollouts, { scaleRewards: 'batch' });
    expect(metrics['reward_std']).toBeCloseTo(Math.sqrt((2 * 0.5 ** 2) / 3), 12);
  });

  it('count the groups whose rewards are all the same, whatever f32 makes of that', () => {
    expect(metricsOf()['frac_reward_zero_std']).toBe(1 / 2);
    const rounded = rollouts.map((each) => ({ ...each, groupStd: each.groupStd + 1e-7 }));
    expect(metricsOf(rounded)['frac_reward_zero_std']).toBe(1 / 2);
  });

  it('pass on what the update and the run measured', () => {
    const metrics = metricsOf();
    expect(metrics).toMatchObject({
      step_time: 2.5,
      num_tokens: 1234,
      learning_rate: 1e-4,
      loss: 0.5,
      policy_loss: 0.4,
      entropy: 0.3,
      kl: 0.1,
      'clip_ratio/low_mean': 0.01,
      'clip_ratio/high_mean': 0.02,
      grad_norm: 1.5,
    });
    expect(metrics['clip_ratio/region_mean']).toBeCloseTo(0.03, 12);
  });
});

it('the metrics of a critic come with it, in mebibytes and milliseconds', () => {
  const critic = { valueLoss: 0.2, explainedVariance: 0.6, clipped: 0.1, gradNorm: 2, updateMs: 7, memoryBytes: 3 * 2 ** 20, advantages: [] }; // prettier-ignore
  expect(updateMetrics({ ...report, critic })).toEqual({
    ...updateMetrics(report),
    'critic/value_loss': 0.2,
    'critic/explained_variance': 0.6,
    'critic/clip_ratio': 0.1,
    'critic/grad_norm': 2,
    'critic/update_ms': 7,
    'critic/memory_mib': 3,
  });
});

it('the mean of nothing is 0', () => {
  expect(mean([])).toBe(0);
  expect(mean([1, 2, 6])).toBe(3);
});
