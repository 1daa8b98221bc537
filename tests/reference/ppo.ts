// PPO's critic in f64: generalised advantage estimation and the clipped value loss with its gradient. Schulman et al.,
// arXiv:1506.02438 and 1707.06347; conventions are those of TRL's PPOTrainer, but that the KL stays in the policy's loss.
//
//   A_t = r_t + gamma V_(t+1) - V_t + gamma lam A_(t+1)     r only at the last token; V = A = 0 after it
//   R_t = A_t + V_t
//   whitened A = (A - mean) / sqrt(var + 1e-8)              over all tokens, the variance Bessel-corrected
//   loss = 1/2 mean_t max((v - R)^2, (clamp(v, V - range, V + range) - R)^2)
import type { GrpoOptions } from '../../src/grpo/options.ts';
import { standardDeviation, sum } from './grpo.ts';
import type { Numbers } from './layers.ts';

export interface Estimates {
  readonly returns: readonly Float64Array[];
  /** Whitened. */
  readonly advantages: readonly Float64Array[];
  /** 1 - var(R - V) / var(R). */
  readonly explainedVariance: number;
}

/** From the values of the rollout, ragged, and one reward a completion. */
export function estimates(
  values: readonly Numbers[],
  rewards: Numbers,
  { gamma, lam }: Pick<GrpoOptions, 'gamma' | 'lam'>,
): Estimates {
  const raw = values.map((row, i) => {
    const advantages = new Float64Array(row.length);
    for (let t = row.length - 1; t >= 0; t--) {
      const last = t === row.length - 1;
      const delta = (last ? rewards[i]! : gamma * row[t + 1]!) - row[t]!;
      advantages[t] = delta + (last ? 0 : gamma * lam * advantages[t + 1]!);
    }
    return advantages;
  });
  const returns = raw.map((row, i) => row.map((advantage, t) => advantage + values[i]![t]!));
  const all = raw.flatMap((row) => Array.from(row));
  const mean = sum(all) / all.length;
  const variance = standardDeviation(all) ** 2;
  return {
    returns,
    advantages: raw.map((row) => row.map((advantage) => (advantage - mean) / Math.sqrt(variance + 1e-8))),
    explainedVariance: 1 - variance / standardDeviation(returns.flatMap((row) => Array.from(row))) ** 2,
  };
}

export interface ValueLoss {
  readonly loss: number;
  /** d loss / d v, ragged as the values. */
  readonly dValues: readonly Float64Array[];
  /** Share of tokens where the clip decides. */
  readonly clipped: number;
}

export function valueLoss(
  values: readonly Numbers[],
  oldValues: readonly Numbers[],
  returns: readonly Numbers[],
  { cliprangeValue }: Pick<GrpoOptions, 'cliprangeValue'>,
): ValueLoss {
  const tokens = sum(values.map((row) => row.length));
  let loss = 0;
  let clipped = 0;
  const dValues = values.map((row, i) =>
    Float64Array.from(row, (value, t) => {
      const old = oldValues[i]![t]!;
      const clamped = Math.min(Math.max(value, old - cliprangeValue), old + cliprangeValue);
      const free = value - returns[i]![t]!;
      const shut = clamped - returns[i]![t]!;
      loss += (0.5 * Math.max(free ** 2, shut ** 2)) / tokens;
      if (shut ** 2 > free ** 2) clipped += 1 / tokens;
      return shut ** 2 > free ** 2 ? 0 : free / tokens;
    }),
  );
  return { loss, dValues, clipped };
}
