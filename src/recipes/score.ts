// A model's row on the scoreboard: how well and how readably it solves held-out problems.
import type { Engine } from '../engine/index.ts';
import { mean } from '../grpo/metrics.ts';
import { targetLanguageShare } from '../tasks/language.ts';
import { findTask } from '../tasks/registry.ts';
import type { Demonstration, Task, TaskName } from '../tasks/task.ts';
import { evaluate, type Evaluation } from './evaluate.ts';

/** Shares from 0 to 1 over the completions of one task, at temperature 1. */
export interface Score {
  readonly accuracy: number;
  readonly format: number;
  /** Thoughts in two languages. */
  readonly mixed: number;
  /** Of all attempts, those already made in the same thought. */
  readonly repeats: number;
  /** Completions that a person can follow: see `isReadable`. */
  readonly readable: number;
  readonly waitGivenWrong: number;
  readonly waitGivenRight: number;
  readonly arithmetic: number;
  readonly verdict: number;
  /** Tokens, eos included. */
  readonly meanLength: number;
}

export type Scores = Readonly<Partial<Record<TaskName, Score>>>;

export interface Measurement {
  readonly scores: Scores;
  /** What it said to the first few problems of the first task: the same problems for every model. */
  readonly examples: readonly Demonstration[];
}

const EXAMPLES = 3;

/** What all parts of an experiment share. */
export interface ExperimentSettings {
  readonly seed: number;
  /** In tokens, wherever something is sampled or written. */
  readonly maxCompletionLength: number;
  /** Held-out problems of each task that a model is scored on, the first ones. */
  readonly problems: number;
}

/** The engine's policy on the held-out problems of every task. */
export async function score(
  engine: Engine,
  tasks: readonly TaskName[],
  { seed, problems, maxCompletionLength: maxNewTokens }: ExperimentSettings,
): Promise<Measurement> {
  const scores: Partial<Record<TaskName, Score>> = {};
  let examples: readonly Demonstration[] | undefined;
  for (const name of new Set(tasks)) {
    const task = findTask(name);
    const evaluation = await evaluate(engine, task, { seed, temperature: 1, problems, maxNewTokens });
    scores[name] = scoreOf(task, evaluation);
    examples ??= evaluation.completions.slice(0, EXAMPLES);
  }
  return { scores, examples: examples ?? [] };
}

function scoreOf(task: Task, { accuracy, format, meanLength, aha, completions }: Evaluation): Score {
  const share = (name: string): number => aha[`aha/${name}`] ?? NaN;
  return {
    accuracy,
    format,
    mixed: share('mixed'),
    repeats: share('repeat'),
    readable: mean(completions.map((example) => (isReadable(task, example) ? 1 : 0))),
    waitGivenWrong: share('wait_given_wrong'),
    waitGivenRight: share('wait_given_right'),
    arithmetic: share('arithmetic'),
    verdict: share('verdict'),
    meanLength,
  };
}

/** Comes to a well-formed answer, in the target language throughout, and makes no attempt twice. */
export function isReadable(task: Task, { prompt, completion }: Demonstration): boolean {
  return (
    (task.rewards['format']?.(prompt, completion) ?? 0) > 0 &&
    targetLanguageShare(completion) === 1 &&
    !task.attempts(prompt, completion).some(({ repeated }) => repeated)
  );
}
