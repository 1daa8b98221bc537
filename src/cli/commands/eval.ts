// eval --model DIR --task T [--temperature t] [--ban wait] [--seed N]: on the 512 held-out problems
import { Engine } from '../../engine/index.ts';
import { MAX_PROMPT_TOKENS } from '../../recipes/environment.ts';
import { evaluate } from '../../recipes/evaluate.ts';
import { findTask } from '../../tasks/registry.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { printJson, readModel } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

/** What `--ban wait` forbids: the word in both languages. */
const WAITS = [' wait ', '等'];

export async function evaluateModel(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['model', 'task', 'temperature', 'ban', 'seed']);
  const task = findTask(given.required('task'));
  const { checkpoint } = readModel(given.required('model'));
  const ban = given.text('ban');
  const symbol =
    ban === undefined
      ? []
      : ban === 'wait'
        ? WAITS
        : [task.tokenizer.symbols.find((s) => s === ban || s.trim() === ban)];
  if (symbol.includes(undefined))
    throw new UsageError(`--ban takes a token of the vocabulary, such as wait, but got "${ban}"`);
  const settings = {
    seed: given.seed(),
    temperature: given.number('temperature', 1, { min: 0, max: 100 }),
    banned: symbol as string[],
  };
  await withGpu(async (gpu) => {
    const maxLength = MAX_PROMPT_TOKENS + task.maxCompletionLength;
    const engine = await Engine.create(gpu, checkpoint, { maxSequences: task.heldOut.length, maxLength });
    const { accuracy, format, meanLength, aha } = await evaluate(engine, task, settings);
    printJson({
      task: task.name,
      problems: task.heldOut.length,
      ...settings,
      accuracy,
      format,
      mean_length: meanLength,
      ...aha,
    });
  });
}
