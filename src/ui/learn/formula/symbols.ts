// The symbols of GRPO's objective: what each means, what it is in the step at hand, and where the GPU computes it.
import type { CompletionView, RunSettings } from '../../../worker/protocol.ts';
import type { StepRecord } from '../../state/run-view.ts';
import { count, figure, percent, signed } from '../../state/sentences.ts';
import type { Place } from './shader-lines.ts';

/** One token of one answer of one step: what the formula is filled in with. */
export interface Moment {
  readonly settings: RunSettings;
  readonly parameters: number;
  readonly record: StepRecord;
  readonly completions: readonly CompletionView[];
  /** Index of the answer among `completions`. */
  readonly answer: number;
  /** Index of the token in the answer. */
  readonly token: number;
}

export interface FormulaSymbol {
  /** As it is read aloud. */
  readonly name: string;
  readonly meaning: string;
  /** In words and figures; null where the step holds no such figure. */
  readonly value: (moment: Moment) => string | null;
  readonly place: Place;
}

const policyGradient = (search: string): Place => ({ file: 'policy-gradient.wgsl', search });
const advantage = (search: string): Place => ({ file: 'advantage.wgsl', search });

export const SYMBOLS = {
  objective: {
    name: 'J, the objective',
    meaning:
      'What the update climbs. The program descends its negative, the loss. The number itself says little: what moves the weights is its slope.',
    value: ({ record }) => {
      const loss = record.metrics['policy_loss'];
      return loss === undefined ? null : `Loss of the last update of this step, without the KL part: ${figure(loss)}`;
    },
    place: policyGradient('sums[0] += term.x'),
  },
  theta: {
    name: 'theta, the weights',
    meaning: 'Every number inside the model. All of them move a little in every update.',
    value: ({ parameters }) => `${count(parameters)} of them`,
    place: { file: 'adamw.wgsl', search: 'weight[e] = decayed - ' },
  },
  group: {
    name: 'sum over the G answers of the group',
    meaning:
      'The answers to one problem. GRPO needs at least two, since each is judged by the others. The sum also runs over all problems of the step.',
    value: ({ settings: { options } }) =>
      `G = ${options.numGenerations} answers to each of ${options.promptsPerStep} problems`,
    place: advantage('let first = i / size * size;'),
  },
  length: {
    name: 'sum over the tokens of an answer',
    meaning: 'Every token of an answer takes part, each with the same advantage. The problem itself does not.',
    value: (moment) => `Answer ${moment.answer + 1} has ${answerOf(moment).tokens.length} tokens`,
    place: policyGradient('if (labels[n].x == NO_TARGET) { continue; }'),
  },
  weight: {
    name: 'w, the weight of a token',
    meaning:
      'What turns many tokens into one number. The first GRPO gave every answer the same say, so that each token of a long answer counts less (grpo). DAPO gives every token the same say; Dr. GRPO divides by a fixed length.',
    value: ({ settings: { options }, ...moment }) => {
      const samples = options.numGenerations * options.promptsPerStep;
      switch (options.lossType) {
        case 'grpo':
        case 'sapo':
          return `lossType ${options.lossType}: 1 / (${samples} answers × ${answerOf(moment).tokens.length} tokens)`;
        case 'dr_grpo':
          return `lossType dr_grpo: 1 / (${samples} answers × ${options.maxCompletionLength} tokens at most)`;
        case 'bnpo':
        case 'dapo':
        case 'cispo': {
          const { tokens } = moment.record;
          return `lossType ${options.lossType}: 1 / ${count(tokens)} tokens of the step`;
        }
      }
    },
    place: policyGradient('let weight = weights['),
  },
  min: {
    name: 'the smaller of the two',
    meaning:
      'A pessimist’s choice. Once a token has moved far enough in its good direction the clipped side is smaller, it no longer depends on the weights, and the push ends.',
    value: ({ record }) => {
      const clipped = record.metrics['clip_ratio/region_mean'];
      return clipped === undefined ? null : `Cut off for ${smallShare(clipped)} of the tokens`;
    },
    place: policyGradient('-min(open, shut)'),
  },
  ratio: {
    name: 'rho, the probability ratio',
    meaning:
      'How much likelier the token is now than when it was sampled. In the first update on a set of answers it is exactly 1, and only its slope matters; from the second update on it corrects for the weights having moved.',
    value: ({ settings: { options } }) =>
      options.numIterations === 1
        ? 'One update a rollout, so it is 1 in value everywhere'
        : `1 in the first of ${options.numIterations} updates; after that it moves away from 1`,
    place: policyGradient('if (objective.old_is_current == 1u) { return 1.0; }'),
  },
  clip: {
    name: 'clip',
    meaning: 'The ratio held between 1 − ε and 1 + ε⁺, so that one lucky set of answers cannot carry the model away.',
    value: ({ settings: { options } }) =>
      `Between ${figure(1 - options.epsilon)} and ${figure(1 + options.epsilonHigh)}`,
    place: policyGradient('let shut = clamp(rho, '),
  },
  epsilonLow: {
    name: 'epsilon, the clip downwards',
    meaning: 'How far a token’s probability may fall before the push down ends.',
    value: ({ settings: { options }, record }) =>
      `${figure(options.epsilon)}${clippedShare(record, 'clip_ratio/low_mean')}`,
    place: policyGradient('rho < 1.0 - objective.epsilon'),
  },
  epsilonHigh: {
    name: 'epsilon high, the clip upwards',
    meaning:
      'How far it may rise before the push up ends. DAPO sets it above ε, because a rare token that turns out to help needs room to grow.',
    value: ({ settings: { options }, record }) =>
      `${figure(options.epsilonHigh)}${clippedShare(record, 'clip_ratio/high_mean')}`,
    place: policyGradient('rho > 1.0 + objective.epsilon_high'),
  },
  policy: {
    name: 'pi theta, the policy',
    meaning:
      'The probability that the model, as it is now, gives to this token after all that stands before it. This is where the gradient enters.',
    value: (moment) => {
      const push = answerOf(moment).push[moment.token];
      return push === undefined
        ? null
        : `This step pushes token “${tokenOf(moment)}” by ${signed(push)}, where 1 is the largest push in the group`;
    },
    place: { file: 'log-prob.wgsl', search: 'logits[n * VP + target_token] / objective.temperature - lse[n]' },
  },
  old: {
    name: 'pi old, the policy that sampled',
    meaning: 'The probability that the token had when it was sampled. A constant: no gradient flows through it.',
    value: (moment) => {
      const logProb = answerOf(moment).logProbs[moment.token];
      return logProb === undefined
        ? null
        : `Token “${tokenOf(moment)}” had ${smallShare(Math.exp(logProb))} (log-prob ${figure(logProb).replace('-', '−')})`;
    },
    place: policyGradient('return log_probs[row] - old_log_probs[row];'),
  },
  advantage: {
    name: 'A, the advantage',
    meaning:
      'How much better than its siblings the answer is. The same for all its tokens: nobody says which of them did it. Positive pushes up, negative pushes down.',
    value: (moment) => {
      const mean = moment.settings.options.advantageEstimator === 'ppo' ? ', the mean over its tokens (ppo)' : '';
      return `Answer ${moment.answer + 1}: ${signed(answerOf(moment).advantage)}${mean}`;
    },
    place: advantage('advantage = r - group.x;'),
  },
  reward: {
    name: 'r, the reward',
    meaning: 'What a rule gives the whole answer. No model judges: 1 for a right answer, 0.1 for a well-formed one.',
    value: (moment) => {
      const { rewards, reward } = answerOf(moment);
      const parts = Object.entries(rewards).map(([name, value]) => `${name} ${figure(value)}`);
      return `Answer ${moment.answer + 1}: ${parts.join(' + ')} = ${figure(reward)}`;
    },
    place: advantage('sum += weights[f] * rewards['),
  },
  mean: {
    name: 'mean of the group',
    meaning:
      'The baseline, and the whole trick: PPO trains a second network, the critic, to guess it. GRPO measures it on the group.',
    value: ({ completions }) => figure(spread(completions).mean),
    place: advantage('let mean = sum / f32(end - first);'),
  },
  std: {
    name: 'standard deviation of the group',
    meaning:
      'Dividing by it makes every group speak equally loudly: one right answer among many wrong ones gets a large advantage, a right one among right ones a small one.',
    value: ({ completions, settings: { options } }) =>
      `${figure(spread(completions).std)}${options.scaleRewards === 'group' ? '' : `; this run does not use it (scaleRewards ${options.scaleRewards})`}`,
    place: advantage('sqrt(squares / f32('),
  },
  tiny: {
    name: 'a tiny number',
    meaning: 'Keeps the division alive where all rewards of a group are equal. Their advantages are then 0.',
    value: ({ record }) => {
      const share = record.metrics['frac_reward_zero_std'];
      return share === undefined ? null : `In this step ${percent(share)} of the groups had equal rewards throughout`;
    },
    place: advantage('advantage /= group.y + 1e-4;'),
  },
  beta: {
    name: 'beta, the pull to the base',
    meaning:
      'How strongly the model is held near the one that it started from. At 0 it is free, and may forget what no reward protects.',
    value: ({ settings: { options } }) => figure(options.beta),
    place: policyGradient('slope += objective.beta * (1.0 - exp(gap));'),
  },
  kl: {
    name: 'KL, the distance to the base',
    meaning:
      'An estimate from one sampled token that is never negative and right on average: Schulman’s k3. It is 0 where policy and base agree on the token.',
    value: ({ record }) => {
      const kl = record.metrics['kl'];
      return kl === undefined ? null : `Mean over the tokens of the step: ${figure(kl)} nats`;
    },
    place: policyGradient('kl = select(exp(gap) - gap - 1.0,'),
  },
  reference: {
    name: 'pi ref, the base model',
    meaning: 'The probability that the frozen base gives to the same token. It costs one more forward pass a step.',
    value: ({ settings: { options, preset } }) =>
      options.beta === 0 ? 'Not computed: beta is 0' : `The base model of the preset ${preset}, frozen`,
    place: policyGradient('let gap = reference_log_probs[row] - logp;'),
  },
} as const satisfies Readonly<Record<string, FormulaSymbol>>;

export type SymbolName = keyof typeof SYMBOLS;

function answerOf({ completions, answer }: Pick<Moment, 'completions' | 'answer'>): CompletionView {
  return completions[answer] as CompletionView;
}

function tokenOf(moment: Moment): string {
  return answerOf(moment).tokens[moment.token]?.trim() ?? '';
}

function clippedShare({ metrics }: StepRecord, name: string): string {
  const share = metrics[name];
  return share === undefined ? '' : `; ended the push of ${smallShare(share)} of the tokens`;
}

/** A percentage with figures to spare, since shares of clipped tokens are tiny. */
export function smallShare(share: number): string {
  return share === 0 || share >= 0.01 ? percent(share) : `${figure(share * 100)}%`;
}

/** Of the rewards; the std is Bessel-corrected, as in advantage.wgsl. */
export function spread(completions: readonly { readonly reward: number }[]): { mean: number; std: number } {
  const rewards = completions.map(({ reward }) => reward);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / Math.max(1, rewards.length);
  const squares = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / Math.max(1, rewards.length - 1)) };
}
