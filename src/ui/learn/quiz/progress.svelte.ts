// How far the visitor has come with the quiz, kept in this browser. What cannot be read is dropped, and a full or forbidden
// storage only means that nothing is kept.
import type { Outcome, QuizQuestion } from './questions.ts';

const KEY = 'quiz';

interface Kept {
  /** Question -> option chosen. */
  readonly chosen: Readonly<Record<string, number>>;
  /** Prediction -> what a run said to it. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

const NOTHING: Kept = { chosen: {}, outcomes: {} };

export class QuizProgress {
  readonly #questions: readonly QuizQuestion[];
  readonly #storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  #kept = $state.raw<Kept>(NOTHING);

  constructor(questions: readonly QuizQuestion[], storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>) {
    this.#questions = questions;
    this.#storage = storage;
    this.#kept = this.#read();
  }

  /** Index of the option chosen, null before. */
  chosen({ id }: QuizQuestion): number | null {
    return this.#kept.chosen[id] ?? null;
  }

  outcome({ id }: QuizQuestion): Outcome | null {
    return this.#kept.outcomes[id] ?? null;
  }

  /** Whether the chosen option is right: null before it was chosen, and for a prediction before it was run. */
  verdict(question: QuizQuestion): boolean | null {
    const chosen = this.chosen(question);
    const right = question.kind === 'knowledge' ? question.right : this.outcome(question)?.option;
    return chosen === null || right === undefined ? null : chosen === right;
  }

  get answered(): number {
    return this.#questions.filter((question) => this.chosen(question) !== null).length;
  }

  get right(): number {
    return this.#questions.filter((question) => this.verdict(question) === true).length;
  }

  /** The first choice stands. */
  choose(question: QuizQuestion, option: number): void {
    if (this.chosen(question) === null) this.#keep({ chosen: { ...this.#kept.chosen, [question.id]: option } });
  }

  /** A later run replaces what an earlier one said. */
  record(question: QuizQuestion, outcome: Outcome): void {
    const before = this.outcome(question);
    if (before?.option === outcome.option && before.sentence === outcome.sentence) return;
    this.#keep({ outcomes: { ...this.#kept.outcomes, [question.id]: outcome } });
  }

  forget(): void {
    this.#kept = NOTHING;
    this.#quietly(() => {
      this.#storage.removeItem(KEY);
    });
  }

  #keep(changes: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...changes };
    this.#quietly(() => {
      this.#storage.setItem(KEY, JSON.stringify(this.#kept));
    });
  }

  #read(): Kept {
    let raw: unknown = null;
    this.#quietly(() => {
      raw = JSON.parse(this.#storage.getItem(KEY) ?? 'null');
    });
    const { chosen, outcomes } = record(raw);
    const isOption = (question: QuizQuestion, value: unknown): value is number =>
      Number.isInteger(value) && question.options[value as number] !== undefined;
    const kept = { chosen: {} as Record<string, number>, outcomes: {} as Record<string, Outcome> };
    for (const question of this.#questions) {
      const option = record(chosen)[question.id];
      if (isOption(question, option)) kept.chosen[question.id] = option;
      const outcome = record(record(outcomes)[question.id]);
      if (
        question.kind === 'prediction' &&
        isOption(question, outcome['option']) &&
        typeof outcome['sentence'] === 'string'
      )
        kept.outcomes[question.id] = { option: outcome['option'], sentence: outcome['sentence'] };
    }
    return kept;
  }

  #quietly(work: () => void): void {
    try {
      work();
    } catch {
      // Private windows may refuse, and what was kept may be no JSON.
    }
  }
}

/** The value itself if it is an object, else an empty one. */
function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
