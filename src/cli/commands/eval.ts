// eval: what a model gets right on the 512 held-out problems of a task, and when it says wait
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Engine } from '../../engine/index.ts';
import { MAX_PROMPT_TOKENS } from '../../recipes/environment.ts';
import { evaluate } from '../../recipes/evaluate.ts';
import { findTask } from '../../tasks/registry.ts';
import { WAITS } from '../../tasks/completion.ts';
import type { Tokenizer } from '../../tasks/tokenizer.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { printJson, readModel, requireFolder } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

export async function evaluateModel(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['model', 'task', 'temperature', 'ban', 'seed', 'completions']);
  const task = findTask(given.required('task'));
  const { checkpoint } = readModel(given.required('model'), task.tokenizer);
  const settings = {
    seed: given.seed(),
    temperature: given.number('temperature', 1, { min: 0, max: 100 }),
    banned: bannedSymbols(task.tokenizer, given.text('ban')),
  };
  const file = given.text('completions');
  if (file !== undefined) requireFolder(dirname(file));
  await withGpu(async (gpu) => {
    const maxLength = MAX_PROMPT_TOKENS + task.maxCompletionLength;
    const engine = await Engine.create(gpu, checkpoint, { maxSequences: task.heldOut.length, maxLength });
    const { accuracy, format, meanLength, aha, completions } = await evaluate(engine, task, settings);
    if (file !== undefined) writeFileSync(file, completions.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const problems = task.heldOut.length;
    printJson({ task: task.name, problems, ...settings, accuracy, format, mean_length: meanLength, ...aha });
  });
}

/** `wait` means the word in both languages; any other token is itself, with or without its spaces. */
function bannedSymbols({ symbols }: Tokenizer, ban: string | undefined): readonly string[] {
  if (ban === undefined) return [];
  const banned = symbols.filter(
    (symbol) => symbol === ban || symbol.trim() === ban || (ban === 'wait' && WAITS.includes(symbol)),
  );
  if (banned.length === 0)
    throw new UsageError(`--ban takes a token of the vocabulary, such as wait, but it is "${ban}"`);
  return banned;
}
