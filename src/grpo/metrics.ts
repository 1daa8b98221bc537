// What a step reports, by TRL's names.
import type { CriticReport } from './critic.ts';
import type { UpdateReport } from './objective.ts';
import type { GrpoOptions } from './options.ts';
import type { Rollout } from './trainer.ts';

export type Metrics = Readonly<Record<string, number>>;

/**
 * `loss` is the whole objective, `policy_loss` the part without KL and entropy bonus. Lengths in tokens, eos included; `step_time` in seconds;
 * `num_tokens`, prompts included, since the run began; entropy and kl in nats. `reward_std` is the mean of the groups' stds, or
 * the batch's std where advantages are scaled by that.
 */
export function stepMetrics(
  rollouts: readonly Rollout[],
  report: UpdateReport,
  rewardNames: readonly string[],
  options: GrpoOptions,
  run: { readonly seconds: number; readonly tokens: number; readonly learningRate: number },
): Metrics {
  const lengths = rollouts.map(({ ids }) => ids.length);
  const terminated = rollouts.filter(({ truncated }) => !truncated).map(({ ids }) => ids.length);
  const rewards = rollouts.map(({ reward }) => reward);
  const groupStds = rollouts.map(({ groupStd }) => groupStd);
  const metrics: Record<string, number> = {
    step_time: run.seconds,
    num_tokens: run.tokens,
    'completions/mean_length': mean(lengths),
    'completions/min_length': Math.min(...lengths),
    'completions/max_length': Math.max(...lengths),
    'completions/mean_terminated_length': mean(terminated),
    'completions/clipped_ratio': 1 - terminated.length / rollouts.length,
    reward: mean(rewards),
    reward_std: options.scaleRewards === 'batch' ? std(rewards) : mean(groupStds),
    frac_reward_zero_std: mean(groupStds.map((value) => (value < 1e-6 ? 1 : 0))),
    ...updateMetrics(report),
    learning_rate: run.learningRate,
  };
  rewardNames.forEach((name, index) => {
    const values = rollouts.map(({ rewards: graded }) => graded[index] as number);
    metrics[`rewards/${name}/mean`] = mean(values);
    metrics[`rewards/${name}/std`] = std(values);
  });
  return metrics;
}

/** What one update measures, whether or not a step surrounds it. */
export function updateMetrics(report: UpdateReport): Metrics {
  return {
    ...(report.critic && criticMetrics(report.critic)),
    loss: report.loss,
    policy_loss: report.policyLoss,
    entropy: report.entropy,
    kl: report.kl,
    'clip_ratio/low_mean': report.clippedLow,
    'clip_ratio/high_mean': report.clippedHigh,
    'clip_ratio/region_mean': report.clippedLow + report.clippedHigh,
    grad_norm: report.gradNorm,
  };
}

/** There with the estimator ppo only. `update_ms` is wall time, `memory_mib` what the critic takes on the GPU beside the policy. */
function criticMetrics(critic: CriticReport): Metrics {
  return {
    'critic/value_loss': critic.valueLoss,
    'critic/explained_variance': critic.explainedVariance,
    'critic/clip_ratio': critic.clipped,
    'critic/grad_norm': critic.gradNorm,
    'critic/update_ms': critic.updateMs,
    'critic/memory_mib': critic.memoryBytes / 2 ** 20,
  };
}

/** 0 for an empty list. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Bessel-corrected; 0 for fewer than two values. */
function std(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
}
