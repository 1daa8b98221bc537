// Does it say "wait" when it should? Measured over all attempts in a set of thoughts, by the truth, not by what the model claims.
import { mean } from '../grpo/metrics.ts';
import { succeeded } from '../tasks/attempts.ts';
import { mixesLanguages } from '../tasks/language.ts';
import type { Attempt, Task } from '../tasks/task.ts';

/**
 * Shares over the attempts of all completions, 0 of none. An attempt after which the completion was cut off, before "wait" could
 * come, counts neither for wait nor for arithmetic; one without a verdict not for verdicts. `aha/attempts` is the mean number a
 * completion, `aha/mixed` the share of completions in two languages.
 */
export function ahaMetrics(
  task: Task,
  texts: readonly { readonly prompt: string; readonly completion: string }[],
): Record<string, number> {
  const attempts = texts.flatMap(({ prompt, completion }) => task.attempts(prompt, completion));
  const share = (items: readonly Attempt[], holds: (attempt: Attempt) => boolean | null): number =>
    mean(items.map((attempt) => (holds(attempt) ? 1 : 0)));
  const couldWait = attempts.filter(({ waited }) => waited !== null);
  const judged = attempts.filter(({ verdict }) => verdict !== null);
  return {
    'aha/wait_given_wrong': share(couldWait.filter((attempt) => !succeeded(attempt)), ({ waited }) => waited), // prettier-ignore
    'aha/wait_given_right': share(couldWait.filter(succeeded), ({ waited }) => waited), // prettier-ignore
    'aha/attempts': attempts.length / Math.max(1, texts.length),
    'aha/arithmetic': share(couldWait, ({ arithmetic }) => arithmetic),
    'aha/verdict': share(judged, ({ verdictRight }) => verdictRight),
    'aha/repeat': share(attempts, ({ repeated }) => repeated),
    'aha/mixed': mean(texts.map(({ completion }) => (mixesLanguages(completion) ? 1 : 0))),
  };
}
