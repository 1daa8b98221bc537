// Everything a completion can be rewarded for. A run takes some of these, each with a weight; GRPO sees the weighted sum.
import { PlaygroundError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Environment } from '../grpo/trainer.ts';
import { targetLanguageShare } from '../tasks/language.ts';
import type { RewardFunctions, Task } from '../tasks/task.ts';
import { promptIds } from './environment.ts';

export const REWARD_NAMES = ['accuracy', 'format', 'language', 'brevity', 'repeats'] as const;
export type RewardName = (typeof REWARD_NAMES)[number];
/** A reward with weight 0 is left out. */
export type RewardWeights = Readonly<Record<RewardName, number>>;

/** What a task itself rewards, as R1-Zero was rewarded. */
export const TASK_REWARDS: RewardWeights = { accuracy: 1, format: 1, language: 0, brevity: 0, repeats: 0 };

/**
 * `accuracy` (0 or 1) and `format` (0 or 0.1) are the task's. `language` is the share of words in the target language. `brevity` is
 * the share of the budget that a right answer left unused, 0 for a wrong one: if giving up early paid, a group without a right
 * answer would teach nothing else. `repeats` is minus the share of attempts already made in the same thought.
 */
export function rewardFunctions(task: Task, maxCompletionLength: number): Record<RewardName, RewardFunctions[string]> {
  const accuracy = task.rewards['accuracy']!;
  return {
    accuracy,
    format: task.rewards['format']!,
    language: (_, completion) => targetLanguageShare(completion),
    brevity: (prompt, completion) =>
      accuracy(prompt, completion) * (1 - task.tokenizer.encode(completion).length / maxCompletionLength),
    repeats: (prompt, completion) => {
      const attempts = task.attempts(prompt, completion);
      const repeated = attempts.filter((attempt) => attempt.repeated).length;
      return repeated === 0 ? 0 : -repeated / attempts.length;
    },
  };
}

/**
 * Problems of several tasks at once, each drawn alike often, one listed twice twice as often, in one environment; a prompt must tell which task it is of. Returned
 * with the weights in the order of its rewards. Throws bad-settings where every weight is 0.
 */
export function taskMix(
  tasks: readonly Task[],
  weights: RewardWeights,
  maxCompletionLength: number,
): { readonly environment: Environment; readonly rewardWeights: readonly number[] } {
  const names = REWARD_NAMES.filter((name) => weights[name] !== 0);
  const [first] = tasks;
  if (!first || names.length === 0)
    throw new PlaygroundError(
      'bad-settings',
      `expected at least one task and one reward with a weight, but got ${tasks.length} tasks and ${names.length} rewards`,
    );
  const { tokenizer } = first;
  const functions = new Map(tasks.map((task) => [task, rewardFunctions(task, maxCompletionLength)]));
  const environment: Environment = {
    eos: tokenizer.id('<eos>'),
    rewardNames: names,
    samplePrompt: (random: Random) => promptIds(tokenizer, random.pick(tasks).samplePrompt(random)),
    grade: (prompt, completion) => {
      const texts = [tokenizer.decode(prompt), tokenizer.decode(completion)] as const;
      const judges = functions.get(ownerOf(tasks, texts[0]))!;
      return names.map((name) => judges[name](...texts));
    },
  };
  return { environment, rewardWeights: names.map((name) => weights[name]) };
}

/** The task that a prompt is of. Throws bad-settings where it is of none. */
export function ownerOf(tasks: readonly Task[], prompt: string): Task {
  const owner = tasks.find((task) => task.owns(prompt));
  if (owner) return owner;
  const names = tasks.map(({ name }) => name).join(', ');
  throw new PlaygroundError('bad-settings', `expected a prompt of ${names}, but it is ${JSON.stringify(prompt)}`);
}
