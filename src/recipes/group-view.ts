// The group of one prompt as a person looks at it: tokens with how far the step pushes them, rewards, advantages, attempts.
import type { Draft, Rollout } from '../grpo/trainer.ts';
import { rewardsByName } from './environment.ts';
import { locateAttempts, type AttemptSpan } from '../tasks/attempts.ts';
import type { Task } from '../tasks/task.ts';

/** One completion of the shown group. Arrays have one entry a token. */
export interface CompletionView {
  /** Token texts; ` wait `, ` no`, ` yes`, `</think>` and `<eos>` are tokens of their own. */
  readonly tokens: readonly string[];
  /** How far the step pushes each token's log-prob, -1 (down) to 1 (up), in units of the largest push in the group. */
  readonly push: readonly number[];
  /** Log-prob of each token when it was sampled, in nats. */
  readonly logProbs: readonly number[];
  /** By reward function: accuracy, format. */
  readonly rewards: Readonly<Record<string, number>>;
  /** Weighted sum of the rewards. */
  readonly reward: number;
  readonly advantage: number;
  /** Every attempt in the thought: tokens [start, end), and whether it solves the problem and is calculated right. */
  readonly attempts: readonly AttemptSpan[];
  readonly truncated: boolean;
}

export interface GroupView {
  readonly prompt: string;
  /** For a person: `4 5 7 → 6`. */
  readonly title: string;
  readonly completions: readonly CompletionView[];
}

/** What of a rollout is shown. */
type ShownRollout = Pick<
  Rollout,
  'prompt' | 'ids' | 'logProbs' | 'truncated' | 'rewards' | 'reward' | 'advantage' | 'slopes'
>;

/** The group whose rewards differ the most, since it teaches the most; of equal ones the first. */
export function groupView(task: Task, rollouts: readonly Rollout[], groupSize: number): GroupView {
  let first = 0;
  for (let start = 0; start < rollouts.length; start += groupSize) {
    if ((rollouts[start] as Rollout).groupStd > (rollouts[first] as Rollout).groupStd) first = start;
  }
  return viewOf(task, rollouts.slice(first, first + groupSize));
}

/** A single group before it was learnt from: advantages are 0 and there are no pushes. `weights` of the rewards, one a reward function. */
export function draftView(task: Task, { prompts, completions, rewards }: Draft, weights: readonly number[]): GroupView {
  const group = completions.map((completion, index) => {
    const values = rewards[index] as readonly number[];
    return {
      ...completion,
      prompt: prompts[index] as readonly number[],
      rewards: values,
      reward: values.reduce((sum, value, name) => sum + value * (weights[name] ?? 1), 0),
      advantage: 0,
      slopes: new Float32Array(0),
    };
  });
  return viewOf(task, group);
}

function viewOf(task: Task, group: readonly ShownRollout[]): GroupView {
  const prompt = task.tokenizer.decode((group[0] as ShownRollout).prompt.slice(1));
  const largest = Math.max(1e-30, ...group.flatMap(({ slopes }) => Array.from(slopes, Math.abs)));
  const textsOf = (rollout: ShownRollout): string[] => rollout.ids.map((id) => task.tokenizer.decode([id]));
  const completions = group.map((rollout) => ({
    tokens: textsOf(rollout),
    push: Array.from(rollout.slopes, (slope) => -slope / largest),
    logProbs: rollout.logProbs,
    rewards: rewardsByName(task, rollout.rewards),
    reward: rollout.reward,
    advantage: rollout.advantage,
    attempts: locateAttempts(task, prompt, textsOf(rollout)),
    truncated: rollout.truncated,
  }));
  return { prompt, title: task.describe(prompt), completions };
}
