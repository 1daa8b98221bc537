// reward --task T --prompt TEXT --completion TEXT
import { findTask } from '../../tasks/registry.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { printJson } from '../files.ts';

export function reward(args: readonly string[]): void {
  const given = new Arguments(args, ['task', 'prompt', 'completion']);
  const task = findTask(given.required('task'));
  const prompt = given.required('prompt');
  const completion = given.text('completion');
  if (completion === undefined) throw new UsageError('--completion is needed');
  const rewards = Object.entries(task.rewards).map(([name, judge]) => [name, judge(prompt, completion)]);
  printJson({ rewards: Object.fromEntries(rewards) });
}
