// Test-time compute in small: many answers to each of some held-out problems, and what 1, 2, 4, ... of them are worth.
import { problemChances, voteCurve, voteSizes, type ProblemChances, type VotePoint } from '../../inference/votes.ts';
import type { Task } from '../../tasks/task.ts';
import { voteOf } from '../try/verdict.ts';
import type { TryModel } from './try-models.svelte.ts';
import type { Side } from './try-side.svelte.ts';

export const STUDY_PROBLEMS = [8, 32, 128, 512] as const;
export const STUDY_ANSWERS = [4, 16, 64] as const;

/** What was measured of one model. */
export interface StudyRow {
  readonly title: string;
  readonly problems: number;
  readonly tokens: number;
  readonly curve: readonly VotePoint[];
}

/** What a study was asked for. */
export interface StudyPlan {
  readonly task: Task;
  readonly problems: number;
  readonly answers: number;
  readonly temperature: number;
}

export class VoteStudy {
  readonly #sides: readonly Side[];
  #rows = $state.raw<readonly StudyRow[]>([]);
  #plan = $state.raw<StudyPlan | null>(null);
  #failure = $state.raw<string | null>(null);
  #running = $state(false);
  #done = $state(0);
  #total = $state(0);
  #halted = false;
  problems = $state<number>(STUDY_PROBLEMS[1]);
  answers = $state<number>(STUDY_ANSWERS[1]);

  constructor(sides: readonly Side[]) {
    this.#sides = sides;
  }

  /** One for each model, from the problems that are done. */
  get rows(): readonly StudyRow[] {
    return this.#rows;
  }

  /** Of the rows. */
  get plan(): StudyPlan | null {
    return this.#plan;
  }

  get failure(): string | null {
    return this.#failure;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Problems answered, over all models. */
  get progress(): { readonly done: number; readonly total: number } {
    return { done: this.#done, total: this.#total };
  }

  /** The first held-out problems, the same for every model. What was measured so far stays when it is halted or fails. */
  async run(task: Task, models: readonly (TryModel | null)[], temperature: number): Promise<void> {
    const plan: StudyPlan = { task, problems: this.problems, answers: this.answers, temperature };
    const compared = models.flatMap((model, index) => (model ? [{ model, side: this.#sides[index]! }] : []));
    this.#plan = plan;
    this.#rows = [];
    this.#failure = null;
    this.#halted = false;
    this.#done = 0;
    this.#total = plan.problems * compared.length;
    this.#running = true;
    try {
      await this.#answerAll(plan, compared);
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
    this.#running = false;
  }

  /** The problem under way does not count. */
  halt(): void {
    this.#halted = true;
  }

  async #answerAll(
    { task, problems, answers, temperature }: StudyPlan,
    compared: readonly { readonly model: TryModel; readonly side: Side }[],
  ): Promise<void> {
    const sizes = voteSizes(answers);
    const measured = compared.map(({ model, side }) => ({ model, side, tokens: 0, chances: [] as ProblemChances[] }));
    for (const [number, prompt] of task.heldOut.slice(0, problems).entries()) {
      const request = {
        prompt,
        count: answers,
        temperature,
        maxNewTokens: task.maxCompletionLength,
        msBetweenTokens: 0,
      };
      for (const row of measured) {
        const completions = await row.side.sample(row.model, request);
        if (this.#halted) return;
        const votes = completions.map((completion) => voteOf(task, prompt, completion));
        row.chances.push(problemChances(votes, sizes, number));
        row.tokens += completions.reduce((sum, { tokens }) => sum + tokens.length, 0);
        this.#done += 1;
        this.#rows = measured.flatMap(({ model: { title }, tokens, chances }) =>
          chances.length > 0 ? [{ title, tokens, problems: chances.length, curve: voteCurve(chances, sizes) }] : [],
        );
      }
    }
  }
}
