// GRPO in f64: advantages, and the loss of one step with its gradient with respect to every token's log-prob and entropy.
// GRPO: Shao et al., arXiv:2402.03300; DAPO: Yu et al., 2503.14476; Dr. GRPO: Liu et al., 2503.20783; sequence-level ratios
// (GSPO): Zheng et al., 2507.18071; CISPO: MiniMax, 2506.13585; SAPO: Gao et al., 2511.20347. Conventions are those of TRL's
// GRPOTrainer.
//
//   rho_t = exp(logp_t - old_t)               sequence level: exp(mean_t of the log-ratio), the same for all t
//   KL_t  = exp(ref_t - logp_t) - (ref_t - logp_t) - 1
//   clip  = -min(min(rho, delta) A, clamp(rho, 1 - epsilon, 1 + epsilonHigh) A)       grpo, bnpo, dapo, dr_grpo
//   cispo = -stopgrad(min(rho, epsilonHigh)) A logp
//   sapo  = -sigmoid(tau (rho - 1)) (4 / tau) A           tau 1 where A > 0, else 1.05
//   l_t   = one of these + beta KL_t - entropyCoef H_t, and the loss is sum_it w_it l_it with
//   w_it  = m / (B |o_i|) for grpo, sapo;   m / tokens of the batch for bnpo, dapo, cispo;   m / (B L) for dr_grpo
//
// B completions of ragged lengths, G of them a group; m is 1, or 0 throughout a completion left out as truncated;
// |o_i| = sum_t m. With topEntropyQuantile q < 1 the surrogate is 0 at tokens whose entropy H_t is below the (1 - q)-quantile of
// those with m = 1.
import type { GrpoOptions } from '../../src/grpo/options.ts';
import type { Numbers } from './layers.ts';

/** Advantages, [B], of rewards_B whose groups of G lie one after the other; those of ppo are of tokens (ppo.ts). */
export function advantages(
  rewards: Numbers,
  G: number,
  { advantageEstimator, scaleRewards }: Pick<GrpoOptions, 'advantageEstimator' | 'scaleRewards'>,
): Float64Array {
  if (advantageEstimator === 'ppo') throw new Error('ppo has no advantages of completions');
  const all = Float64Array.from(rewards);
  if (advantageEstimator === 'reinforce') return all;
  return all.map((reward, i) => {
    const group = all.subarray(i - (i % G), i - (i % G) + G);
    if (advantageEstimator === 'rloo') return reward - (sum(group) - reward) / (G - 1);
    const centred = reward - mean(group);
    if (scaleRewards === 'none') return centred;
    return centred / (standardDeviation(scaleRewards === 'group' ? group : all) + 1e-4);
  });
}

export const sum = (values: Numbers): number => Array.from(values).reduce((total, value) => total + value, 0);
const mean = (values: Numbers): number => sum(values) / values.length;

/** Bessel-corrected; 0 of a single value. */
export function standardDeviation(values: Numbers): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(sum(Float64Array.from(values, (value) => (value - centre) ** 2)) / (values.length - 1));
}

export type LossOptions = Pick<
  GrpoOptions,
  | 'lossType'
  | 'importanceSamplingLevel'
  | 'epsilon'
  | 'epsilonHigh'
  | 'delta'
  | 'beta'
  | 'entropyCoef'
  | 'topEntropyQuantile'
  | 'maxCompletionLength'
  | 'maskTruncatedCompletions'
>;

/** One entry a completion; inside it one a token. Log-probs and entropies in nats, at the sampling temperature. */
export interface LossInput {
  readonly logProbs: readonly Numbers[];
  /** Null: equal to logProbs, so that every ratio is 1 in value. */
  readonly oldLogProbs: readonly Numbers[] | null;
  /** Null only with beta 0. */
  readonly refLogProbs: readonly Numbers[] | null;
  readonly entropies: readonly Numbers[];
  /** Of completions, or of their tokens. */
  readonly advantages: Numbers | readonly Numbers[];
  readonly truncated: readonly boolean[];
}

export interface Loss {
  /** Surrogate, KL term and entropy bonus together. */
  readonly loss: number;
  /** The surrogate alone. */
  readonly policyLoss: number;
  /** d loss / d logp, ragged as logProbs. */
  readonly dLogProbs: readonly Float64Array[];
  /** d loss / d entropy, ragged as logProbs; the choice of tokens by topEntropyQuantile is held constant. */
  readonly dEntropies: readonly Float64Array[];
  /** Means over the batch's tokens, masked ones left out; NaN where there is no reference. */
  readonly kl: number;
  readonly entropy: number;
  /**
   * Shares of tokens whose ratio was past its bound on the side where the clip bites; at sequence level shares of all
   * completions, as TRL counts them, by the advantage of the first token. Null for sapo, which has no bound.
   */
  readonly clipRatio: { readonly low: number; readonly high: number; readonly region: number } | null;
}

export function grpoLoss(input: LossInput, options: LossOptions): Loss {
  const B = input.logProbs.length;
  const lengths = input.logProbs.map((logProbs, i) =>
    options.maskTruncatedCompletions && input.truncated[i]! ? 0 : logProbs.length,
  );
  const batchTokens = Math.max(1, sum(lengths));
  const chosen = highestEntropies(
    input.entropies.map((row, i) => Array.from(row).slice(0, lengths[i])),
    options.topEntropyQuantile,
  );
  const dEntropies = input.logProbs.map((row) => new Float64Array(row.length));

  let policyLoss = 0;
  let klLoss = 0;
  let bonus = 0;
  let kl = 0;
  let entropy = 0;
  const clipped = { low: 0, high: 0, region: 0 };
  const dLogProbs = input.logProbs.map((logProbs, i) => {
    const gradient = new Float64Array(logProbs.length);
    const ofCompletion = input.advantages[i]!;
    const advantage = (t: number): number =>
      chosen[i]![t] ? (typeof ofCompletion === 'number' ? ofCompletion : ofCompletion[t]!) : 0;
    const length = lengths[i]!;
    const weight = tokenWeight(options, B, length, batchTokens);
    const logRatios = Float64Array.from(logProbs, (logp, t) => logp - (input.oldLogProbs?.[i]?.[t] ?? logp));
    const sequence = options.importanceSamplingLevel === 'sequence';
    const sequenceRatio = Math.exp(sum(logRatios.subarray(0, length)) / Math.max(1, length));
    let dSequenceLogRatio = 0;

    for (let t = 0; t < length; t++) {
      const logp = logProbs[t]!;
      const ratio = sequence ? sequenceRatio : Math.exp(logRatios[t]!);
      const { value, dRatio, dLogProb } = surrogate(options, ratio, advantage(t), logp);
      policyLoss += weight * value;
      gradient[t]! += weight * dLogProb;
      if (sequence) dSequenceLogRatio += weight * dRatio * ratio;
      else gradient[t]! += weight * dRatio * ratio;

      const refMinusLogp = input.refLogProbs ? input.refLogProbs[i]![t]! - logp : NaN;
      const tokenKl = Math.exp(refMinusLogp) - refMinusLogp - 1;
      if (options.beta !== 0) {
        klLoss += weight * options.beta * tokenKl;
        gradient[t]! += weight * options.beta * (1 - Math.exp(refMinusLogp));
      }
      kl += tokenKl / batchTokens;
      entropy += input.entropies[i]![t]! / batchTokens;
      bonus += weight * options.entropyCoef * input.entropies[i]![t]!;
      dEntropies[i]![t] = -weight * options.entropyCoef;
    }
    // the sequence's log-ratio is the mean of its tokens': each token gets an equal share of its gradient
    for (let t = 0; t < length; t++) gradient[t]! += dSequenceLogRatio / length;

    const ratios = sequence ? [sequenceRatio] : logRatios.subarray(0, length).map(Math.exp);
    for (const [t, ratio] of length === 0 ? [] : ratios.entries()) {
      const share = 1 / (sequence ? B : batchTokens);
      const { low, high } = pastBound(options, ratio, advantage(t));
      if (low) clipped.low += share;
      if (high) clipped.high += share;
      if (low || high) clipped.region += share;
    }
    return gradient;
  });
  const clipRatio = options.lossType === 'sapo' ? null : clipped;
  return { loss: policyLoss + klLoss - bonus, policyLoss, dLogProbs, dEntropies, kl, entropy, clipRatio };
}

/** Which of the ragged entropies are not below the (1 - quantile)-quantile of all, interpolated linearly as torch.quantile does. */
export function highestEntropies(entropies: readonly Numbers[], quantile: number): boolean[][] {
  const sorted = entropies.flatMap((row) => Array.from(row)).sort((a, b) => a - b);
  const rank = (1 - quantile) * (sorted.length - 1);
  const [below = 0, above = below] = sorted.slice(Math.floor(rank));
  const threshold = below + (rank - Math.floor(rank)) * (above - below);
  return entropies.map((row) => Array.from(row, (entropy) => entropy >= threshold));
}

function tokenWeight(options: LossOptions, B: number, length: number, batchTokens: number): number {
  switch (options.lossType) {
    case 'grpo':
    case 'sapo':
      return 1 / (B * Math.max(1, length));
    case 'bnpo':
    case 'dapo':
    case 'cispo':
      return 1 / batchTokens;
    case 'dr_grpo':
      return 1 / (B * options.maxCompletionLength);
  }
}

/** One token's term, without KL, and its derivatives: through the ratio, and directly with respect to logp. */
function surrogate(
  options: LossOptions,
  ratio: number,
  advantage: number,
  logp: number,
): { value: number; dRatio: number; dLogProb: number } {
  const { lossType, epsilon, epsilonHigh } = options;
  if (lossType === 'cispo') {
    const weight = Math.min(ratio, epsilonHigh);
    return { value: -weight * advantage * logp, dRatio: 0, dLogProb: -weight * advantage };
  }
  if (lossType === 'sapo') {
    const tau = advantage > 0 ? 1 : 1.05;
    const gate = 1 / (1 + Math.exp(-tau * (ratio - 1)));
    return { value: (-gate * 4 * advantage) / tau, dRatio: -4 * gate * (1 - gate) * advantage, dLogProb: 0 };
  }
  const cap = options.delta ?? Infinity;
  const free = Math.min(ratio, cap) * advantage;
  const clamped = Math.min(Math.max(ratio, 1 - epsilon), 1 + epsilonHigh) * advantage;
  const moves = free <= clamped ? ratio <= cap : ratio >= 1 - epsilon && ratio <= 1 + epsilonHigh;
  return { value: -Math.min(free, clamped), dRatio: moves ? -advantage : 0, dLogProb: 0 };
}

function pastBound(options: LossOptions, ratio: number, advantage: number): { low: boolean; high: boolean } {
  if (options.lossType === 'cispo') return { low: false, high: ratio > options.epsilonHigh && advantage > 0 };
  return {
    low: ratio < 1 - options.epsilon && advantage < 0,
    high: ratio > 1 + options.epsilonHigh && advantage > 0,
  };
}
