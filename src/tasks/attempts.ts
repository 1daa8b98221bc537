// Where the attempts of a thought stand among its tokens, and whether they succeeded.
import type { Attempt, Task } from './task.ts';

/** Tokens [start, end) of a completion. */
export interface AttemptSpan {
  readonly start: number;
  readonly end: number;
  /** It succeeded. */
  readonly right: boolean;
}

/** It solves the problem and is calculated right; after any other there is a reason to wait. */
export function succeeded({ right, arithmetic }: Attempt): boolean {
  return right && arithmetic;
}

/** In order. `tokens` are the texts of a completion's tokens; it may be unfinished. */
export function locateAttempts(task: Task, prompt: string, tokens: readonly string[]): AttemptSpan[] {
  const starts: number[] = [];
  tokens.reduce((at, token, index) => ((starts[index] = at), at + token.length), 0);
  const text = tokens.join('');
  let from = 0;
  return task.attempts(prompt, text).map((attempt) => {
    const begin = text.indexOf(attempt.text, from);
    from = begin + attempt.text.length;
    const start = starts.findIndex((at) => at >= begin);
    const end = starts.findIndex((at) => at >= from);
    return { start, end: end < 0 ? tokens.length : end, right: succeeded(attempt) };
  });
}
