// The buffers of an objective and its dispatches: each kernel of the loss bound to what it reads and writes.
import advantageSource from '../../shaders/advantage.wgsl?raw';
import logProbSource from '../../shaders/log-prob.wgsl?raw';
import objectiveSource from '../../shaders/objective.wgsl?raw';
import policyGradientSource from '../../shaders/policy-gradient.wgsl?raw';
import softmaxSource from '../../shaders/softmax.wgsl?raw';
import tokenAdvantageSource from '../../shaders/token-advantage.wgsl?raw';
import { NO_TARGET } from '../engine/batch.ts';
import { paddedVocabulary } from '../engine/config.ts';
import type { Dispatch, Gpu, KernelCall } from '../engine/gpu/gpu.ts';
import type { Engine } from '../engine/index.ts';

/** Sums that policy_gradient_metrics makes. */
export const METRICS = 8;

export interface Plan {
  /** Advantages of completions, then of their tokens. */
  readonly advantages: Dispatch;
  readonly spread: Dispatch;
  /** The entropy below which tokens are left out, and leaving them out. */
  readonly threshold: Dispatch;
  readonly mask: Dispatch;
  readonly statistics: Dispatch;
  readonly policyLogProbs: Dispatch;
  readonly referenceLogProbs: Dispatch;
  readonly loss: readonly Dispatch[];
}

export type Buffers = ReturnType<typeof allocate>;

export function allocate(gpu: Gpu, maxSamples: number, stepRows: number, batchRows: number, rewardFunctions: number) {
  const floats = (label: string, count: number): GPUBuffer => gpu.buffer(label, count * 4);
  return {
    objective: gpu.uniform('objective', 48),
    grouping: gpu.uniform('grouping', 32),
    ranking: gpu.uniform('ranking', 16),
    rewards: floats('rewards', maxSamples * rewardFunctions),
    rewardWeights: floats('reward weights', rewardFunctions),
    outcomes: floats('outcomes', maxSamples * 4),
    weights: floats('aggregation weights', maxSamples),
    advantages: floats('advantages of tokens', stepRows),
    threshold: floats('entropy threshold', 1),
    lse: floats('log-sum-exp', batchRows),
    entropies: floats('entropies', stepRows),
    logProbs: floats('log-probs', stepRows),
    old: floats('old log-probs', stepRows),
    reference: floats('reference log-probs', stepRows),
    terms: floats('loss terms', stepRows * 4),
    slopes: floats('slopes', stepRows),
    metrics: floats('metrics', METRICS),
  };
}

export async function makePlan({ gpu, learner, config }: Engine, buffers: Buffers): Promise<Plan> {
  const { objective, ranking, lse, entropies, logProbs, old, reference, outcomes, weights, advantages, threshold, terms, slopes, metrics } = buffers; // prettier-ignore
  const { logits, spans, labels } = learner.tables;
  const constants = { V: config.vocabSize, VP: paddedVocabulary(config.vocabSize), NO_TARGET };
  const perRow = (rows: number): [number, number, number] => [Math.ceil(rows / 64), 1, 1];
  const one = (): [number, number, number] => [1, 1, 1];
  const make = (file: string, entry: string, bind: KernelCall['bind'], grid = perRow): Promise<Dispatch> =>
    gpu.dispatch({ source: `${objectiveSource}\n${file}`, entry, constants, bind, grid });
  const gather = (log_probs: GPUBuffer): Promise<Dispatch> =>
    make(logProbSource, 'log_prob_gather', { objective, logits, lse, labels, log_probs });
  const [completions, spread, lowest, mask, statistics, policyLogProbs, referenceLogProbs, loss] = await Promise.all([
    gpu.dispatch({
      source: advantageSource,
      entry: 'advantage_normalize',
      constants: {},
      bind: { grouping: buffers.grouping, rewards: buffers.rewards, weights: buffers.rewardWeights, outcomes },
      grid: perRow,
    }),
    make(tokenAdvantageSource, 'token_advantage_spread', { objective, labels, outcomes, advantages }),
    make(tokenAdvantageSource, 'token_advantage_threshold', { ranking, entropies, threshold }, one),
    make(tokenAdvantageSource, 'token_advantage_mask', { objective, entropies, lowest: threshold, advantages }),
    make(softmaxSource, 'softmax_statistics', { objective, logits, labels, lse, entropies }),
    gather(logProbs),
    gather(reference),
    Promise.all([
      make(policyGradientSource, 'policy_gradient_loss', { objective, spans, labels, log_probs: logProbs, old_log_probs: old, reference_log_probs: reference, advantages, weights, terms }), // prettier-ignore
      make(policyGradientSource, 'policy_gradient_metrics', { objective, labels, log_probs: logProbs, row_terms: terms, weights, entropies, metrics }, one), // prettier-ignore
      make(policyGradientSource, 'policy_gradient_logits', { objective, labels, row_terms: terms, weights, entropies, logits, lse, slopes }), // prettier-ignore
    ]),
  ]);
  return {
    advantages: completions,
    spread,
    threshold: lowest,
    mask,
    statistics,
    policyLogProbs,
    referenceLogProbs,
    loss,
  };
}
