// A task as the trainer sees it: prompts and rewards in token ids.
import type { Random } from '../base/random.ts';
import type { Environment } from '../grpo/trainer.ts';
import type { Task } from '../tasks/task.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';

/** No task's prompt has more tokens, `<bos>` included. */
export const MAX_PROMPT_TOKENS = 16;

/** The ids of a prompt, or of a prompt with its completion: `<bos>` comes first, whether the text has it or not. */
export function promptIds(tokenizer: Tokenizer, prompt: string): number[] {
  return [tokenizer.id('<bos>'), ...tokenizer.encode(prompt.replace(/^<bos>/, ''))];
}

/** Rewards by the names of the task's reward functions, from their values in the order of `Environment.rewardNames`. */
export function rewardsByName(task: Task, values: readonly number[]): Record<string, number> {
  return Object.fromEntries(Object.keys(task.rewards).map((name, index) => [name, values[index] as number]));
}

/** What a trainer needs of a task: prompts with `<bos>`, and rewards in the order of the task's reward functions. */
export function environmentOf(task: Task): Environment {
  const { tokenizer } = task;
  const functions = Object.values(task.rewards);
  return {
    eos: tokenizer.id('<eos>'),
    rewardNames: Object.keys(task.rewards),
    samplePrompt: (random: Random) => promptIds(tokenizer, task.samplePrompt(random)),
    grade: (prompt, completion) => {
      const texts = [tokenizer.decode(prompt), tokenizer.decode(completion)] as const;
      return functions.map((reward) => reward(...texts));
    },
  };
}
