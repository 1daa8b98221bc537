// Completions with the rewards that this side gives them, for check-trl.py to give them again in Python: token strings, completions as
// they should be, and such with a few tokens changed. And the folders that they are checked against.
import { Random } from '../../src/base/random.ts';
import type { Checkpoint } from '../../src/engine/config.ts';
import type { LoggedStep } from '../../src/export/run-log.ts';
import { trlFolder } from '../../src/export/trl.ts';
import { rewardFunctions } from '../../src/recipes/rewards.ts';
import { PRESETS } from '../../src/recipes/presets.ts';
import { parseExpression } from '../../src/tasks/expression.ts';
import { WORDS } from '../../src/tasks/language.ts';
import { TASKS } from '../../src/tasks/registry.ts';
import type { Task, TaskName } from '../../src/tasks/task.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';

export const CASES = 10_000;
const SEED = 7;
const tokenizer = new Tokenizer();

/** JSON lines in the columns of a run's completions: prompt, completion, one a reward function. */
export function caseLines(task: Task, count = CASES): string {
  const random = new Random(SEED);
  const functions = Object.entries(rewardFunctions(task, task.maxCompletionLength));
  let lines = '';
  for (let index = 0; index < count; index++) {
    const prompt = task.samplePrompt(random);
    const ids =
      index % 4 === 0 ? randomIds(random) : mutate(random, tokenizer.encode(write(random, task, prompt)), index % 4);
    const completion = tokenizer.decode(ids.slice(0, task.maxCompletionLength));
    const rewards = functions.map(([name, judge]) => [name, judge(prompt, completion)]);
    lines += `${JSON.stringify({ prompt, completion, ...Object.fromEntries(rewards) })}\n`;
  }
  return lines;
}

/** A folder for every task: that of its first preset, four steps long, with cases.jsonl beside and this log. Models go by their folder's name. */
export function caseFolders(
  modelOf: (name: string) => Checkpoint,
  log: readonly LoggedStep[],
): Map<TaskName, Map<string, Uint8Array>> {
  const presets = Object.values(PRESETS);
  return new Map(
    Object.values(TASKS).map((task) => {
      const { name: preset, model, options } = presets.find((candidate) => candidate.task === task.name) ?? PRESETS.aha;
      const { maxCompletionLength } = task;
      const settings = { preset, task: task.name, seed: SEED, steps: 4, options: { ...options, maxCompletionLength } };
      const { files } = trlFolder({ settings, task, base: modelOf(model), log });
      return [task.name, files.set('cases.jsonl', new TextEncoder().encode(caseLines(task)))];
    }),
  );
}

function randomIds(random: Random): number[] {
  return Array.from({ length: random.integer(40) }, () => random.integer(tokenizer.symbols.length));
}

/** With `edits` - 1 tokens changed, left out or put in. */
function mutate(random: Random, ids: readonly number[], edits: number): number[] {
  const changed = [...ids];
  for (let edit = 1; edit < edits; edit++) {
    const fresh = Array.from({ length: random.integer(2) }, () => random.integer(tokenizer.symbols.length));
    changed.splice(random.integer(changed.length + 1), random.integer(2), ...fresh);
  }
  return changed;
}

/** Attempts in one or both languages, and the last as the answer. */
function write(random: Random, task: Task, prompt: string): string {
  let thought = '';
  for (;;) {
    const { attempt, answer, right } = task.name === 'addition' ? add(random, prompt) : count(random, task, prompt);
    const words = random.integer(4) === 0 ? WORDS.chinese : WORDS.english;
    thought += attempt + (right ? words.yes : words.no);
    if (right || random.integer(3) === 0) return `${thought}</think>${answer}<eos>`;
    thought += words.wait;
  }
}

interface Attempt {
  readonly attempt: string;
  readonly answer: string;
  readonly right: boolean;
}

function count(random: Random, { name }: Task, prompt: string): Attempt {
  const [a, b, c, target] = (prompt.match(/\d+/gu) ?? []).map(Number) as [number, number, number, number];
  const operators = name === 'countdown' ? (['+', '-', '*'] as const) : (['+', '-'] as const);
  let attempt: Attempt | undefined;
  for (let draws = random.integer(40); draws >= 0 && !attempt?.right; draws--) {
    const [first, second, third] = random.shuffle([a, b, c]);
    const answer = `${first}${random.pick(operators)}${second}${random.pick(operators)}${third}`;
    const value = parseExpression(answer, operators)?.value;
    attempt = { attempt: `${answer}=${value}`, answer, right: value === target };
  }
  return attempt as Attempt;
}

function add(random: Random, prompt: string): Attempt {
  const [first, second] = (prompt.match(/\d+/gu) ?? []).map(Number) as [number, number];
  const answer = String(first + second + Math.max(0, random.integer(8) - 5));
  return { attempt: `${first}+${second}=${answer}`, answer, right: answer === String(first + second) };
}
