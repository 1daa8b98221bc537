// A group of answers worked out by hand, in the arithmetic of advantage.wgsl and of grpo/aggregation.ts:
//
//   A_i = (r_i - mean) / (std + 1e-4), or r_i - mean without scaling;   w_i as lossType says;   push of a token = w_i A_i
import { spread } from './symbols.ts';

export const LAB_SCALES = ['group', 'none'] as const;
export type LabScale = (typeof LAB_SCALES)[number];
export const LAB_LOSSES = ['grpo', 'dapo', 'dr_grpo'] as const;
export type LabLoss = (typeof LAB_LOSSES)[number];

export interface LabAnswer {
  readonly reward: number;
  /** In tokens. */
  readonly length: number;
}

export interface LabRow {
  readonly advantage: number;
  /** Of one token's loss. */
  readonly weight: number;
  /** On the log-prob of one token: weight times advantage, where the ratio is 1. */
  readonly push: number;
}

/** Tokens that dr_grpo divides by: the longest answer allowed. */
export const LAB_LONGEST = 100;

export function workOut(answers: readonly LabAnswer[], scale: LabScale, loss: LabLoss): LabRow[] {
  const { mean, std } = spread(answers);
  const tokens = answers.reduce((sum, { length }) => sum + length, 0);
  return answers.map(({ reward, length }) => {
    const centred = reward - mean;
    const advantage = scale === 'group' ? centred / (std + 1e-4) : centred;
    const weight =
      loss === 'grpo'
        ? 1 / (answers.length * length)
        : loss === 'dapo'
          ? 1 / tokens
          : 1 / (answers.length * LAB_LONGEST);
    return { advantage, weight, push: weight * advantage };
  });
}

/** What there is to see, in a sentence or two. */
export function labSentence(answers: readonly LabAnswer[], scale: LabScale): string {
  const rewards = answers.map(({ reward }) => reward);
  const { mean, std } = spread(answers);
  if (Math.max(...rewards) - Math.min(...rewards) < 1e-9) {
    return `All rewards are ${(rewards[0] ?? 0).toFixed(1)}. Nothing tells the answers apart, every advantage is 0, and this group teaches nothing, whether all are right or all wrong.`;
  }
  const better = rewards.filter((reward) => reward > mean + 1e-9).length;
  const above = `${better} of ${answers.length} ${better === 1 ? 'lies' : 'lie'} above the mean of ${mean.toFixed(2)}`;
  return scale === 'group'
    ? `${above}. Divided by the standard deviation of ${std.toFixed(2)}, the advantages of an easy group spread as widely as those of a hard one.`
    : `${above}. Undivided, the advantages are as large as the rewards differ, so a group that nearly always succeeds or nearly always fails speaks softly.`;
}
