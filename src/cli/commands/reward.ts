// reward: what each reward function of a task gives for a completion
import { findTask } from '../../tasks/registry.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { printJson } from '../files.ts';

export function reward(args: readonly string[]): void {
  const given = new Arguments(args, ['task', 'prompt', 'completion']);
  const task = findTask(given.required('task'));
  const prompt = given.required('prompt');
  const completion = given.text('completion'); // it may be empty
  if (completion === undefined) throw new UsageError('--completion is needed');
  const rewards = Object.entries(task.rewards).map(([name, judge]) => [name, judge(prompt, completion)] as const);
  printJson({ rewards: Object.fromEntries(rewards) });
}
