// Answers of several models to the same problems, problem by problem.
import { TASKS } from '../../../tasks/registry.ts';
import type { Row } from '../../../worker/experiment-client.ts';
import type { Answer } from '../../state/completions.ts';
import { answerView, voteOf } from '../../try/verdict.ts';

export interface Reading {
  /** The problem for a person to read. */
  readonly problem: string;
  readonly answers: readonly { readonly label: string; readonly answer: Answer; readonly solved: boolean }[];
}

/** The problems of the first model; a model that was not asked one of them is left out there. */
export function readings(
  rows: readonly { readonly label: string; readonly examples: Row['examples'] }[],
): readonly Reading[] {
  return (rows[0]?.examples ?? []).flatMap(({ prompt }) => {
    const task = Object.values(TASKS).find((each) => each.owns(prompt));
    if (!task) return [];
    const answers = rows.flatMap(({ label, examples }) => {
      const said = examples.find((example) => example.prompt === prompt);
      if (!said) return [];
      const tokens = task.tokenizer.encode(said.completion).map((id) => task.tokenizer.decode([id]));
      const completion = { tokens, finished: said.completion.endsWith('<eos>') };
      const answer = answerView(task, prompt, completion, 0);
      return [{ label, answer, solved: voteOf(task, prompt, completion).right }];
    });
    return [{ problem: task.describe(prompt), answers }];
  });
}
