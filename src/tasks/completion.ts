// The form every task's completion has: attempts, each with a verdict, " wait " between them, then the answer.
//   3+5*7=38 no wait 3*5+7=22 yes</think>3*5+7<eos>
// The thought can be written in a second language too: 等 不 对 are wait, no and yes.
import { LANGUAGES, WORDS } from './language.ts';
import type { Attempt } from './task.ts';

const END_OF_THOUGHT = '</think>';
const END = '<eos>';
/** "wait" in both languages, as tokens. */
export const WAITS: readonly string[] = LANGUAGES.map((language) => WORDS[language].wait);
const VERDICTS: ReadonlyMap<string, 'yes' | 'no'> = new Map(
  LANGUAGES.flatMap((language) =>
    (['yes', 'no'] as const).map((verdict) => [WORDS[language][verdict], verdict] as const),
  ),
);
const MARKS = new RegExp(`(${[...WAITS, ...VERDICTS.keys()].join('|')})`, 'u');

/** The text between the only `</think>` and the `<eos>` that ends the completion; null if it has not this form. */
export function answerOf(completion: string): string | null {
  const end = completion.indexOf(END);
  if (end < 0 || end + END.length !== completion.length) return null;
  const parts = completion.slice(0, end).split(END_OF_THOUGHT);
  return parts.length === 2 ? (parts[1] ?? null) : null;
}

/** What is true of an attempt, whatever verdict the model gives. */
export interface Judgement {
  /** Given as the answer it would earn the reward. */
  readonly right: boolean;
  /** Every calculation in it is correct. */
  readonly arithmetic: boolean;
  /** A right verdict on it says yes. */
  readonly deservesYes: boolean;
}

/** Splits the thought at its verdicts and waits. Two of these in a row hold no attempt between them. */
export function judgeThought(completion: string, judge: (attempt: string) => Judgement): Attempt[] {
  const thought = completion.split(/<\/think>|<eos>/u, 1)[0] ?? '';
  const truncated = thought.length === completion.length;
  const parts = thought.split(MARKS); // text, mark, text, mark, ..., text
  const attempts: Attempt[] = [];
  const seen = new Set<string>();
  for (let at = 0; at < parts.length; at += 2) {
    const text = parts[at];
    if (!text) continue;
    const mark = parts[at + 1];
    const verdict = VERDICTS.get(mark ?? '') ?? null;
    const next = verdict === null ? mark : parts[at + 2] || parts[at + 3];
    const { right, arithmetic, deservesYes } = judge(text);
    attempts.push({
      text,
      right,
      arithmetic,
      verdict,
      verdictRight: verdict !== null && (verdict === 'yes') === deservesYes,
      waited: next === undefined && truncated ? null : WAITS.includes(next ?? ''),
      repeated: seen.has(text),
    });
    seen.add(text);
  }
  return attempts;
}

/** An attempt to write down. One character of `text` and `answer` is one token. */
export interface Draft {
  readonly text: string;
  readonly right: boolean;
  /** What the attempt comes to: two attempts with one result are the same try. */
  readonly result: string;
  readonly answer: string;
}

/** Lengths in tokens. */
export interface Lengths {
  readonly attempt: number;
  readonly answer: number;
  readonly completion: number;
}

/**
 * Writes attempts, each with its right verdict, until `goesOn` says stop, or another attempt of the longest length would no longer
 * fit; then answers with the last one.
 */
export function writeCompletion(longest: Lengths, draw: () => Draft, goesOn: (right: boolean) => boolean): string {
  const lastStart = longest.completion - (longest.attempt + 1) - (1 + longest.answer + 1);
  let thought = '';
  let length = 0;
  for (;;) {
    const { text, right, answer } = draw();
    thought += text + WORDS.english[right ? 'yes' : 'no'];
    length += text.length + 1;
    if (length + 1 > lastStart || !goesOn(right)) return thought + END_OF_THOUGHT + answer + END;
    thought += WORDS.english.wait;
    length += 1;
  }
}

/**
 * Writes as one should: waits after every wrong attempt, comes to no result twice, stops at the right one, which comes before the
 * end. `search` begins anew, and gives what draws one attempt after the other.
 */
export function writeTrace(longest: Lengths, search: () => () => Draft): string {
  for (;;) {
    const draw = search();
    const tried: Draft[] = [];
    const drawNew = (): Draft => {
      let draft = draw();
      while (tried.some(({ result }) => result === draft.result)) draft = draw();
      tried.push(draft);
      return draft;
    };
    const completion = writeCompletion(longest, drawNew, (right) => !right);
    if (tried.at(-1)?.right) return completion;
  }
}
