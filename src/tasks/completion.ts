// The form every task's completion has: attempts, each with a verdict, " wait " between them, then the answer.
//   3+5*7=38 no wait 3*5+7=22 yes</think>3*5+7<eos>
// The thought can be written in a second language too: 等 不 对 are wait, no and yes.
import type { Random } from '../base/random.ts';
import type { Attempt } from './task.ts';

const END_OF_THOUGHT = '</think>';
const END = '<eos>';
/** "wait" in both languages, as tokens. */
export const WAITS: readonly string[] = [' wait ', '等'];
const VERDICTS: ReadonlyMap<string, 'yes' | 'no'> = new Map([
  [' yes', 'yes'],
  ['对', 'yes'],
  [' no', 'no'],
  ['不', 'no'],
]);
const MARKS = new RegExp(`(${[...WAITS, ...VERDICTS.keys()].join('|')})`, 'u');

/** The text between the only `</think>` and the `<eos>` that ends the completion; null if it has not this form. */
export function answerOf(completion: string): string | null {
  const end = completion.indexOf(END);
  if (end < 0 || end + END.length !== completion.length) return null;
  const parts = completion.slice(0, end).split(END_OF_THOUGHT);
  return parts.length === 2 ? (parts[1] ?? null) : null;
}

/** The thought uses words of both languages. */
export function mixesLanguages(completion: string): boolean {
  return /等|不|对/u.test(completion) && / (?:wait|no|yes)/u.test(completion);
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
  readonly answer: string;
}

/** Lengths in tokens. */
export interface Lengths {
  readonly attempt: number;
  readonly answer: number;
  readonly completion: number;
}

/**
 * Writes attempts, each with its right verdict, until a coin that knows nothing of the verdict says stop, or another
 * attempt of the longest length would no longer fit; then answers with the last one.
 */
export function writeCompletion(random: Random, waitPrior: number, longest: Lengths, draw: () => Draft): string {
  const lastStart = longest.completion - (longest.attempt + 1) - (1 + longest.answer + 1);
  let thought = '';
  let length = 0;
  for (;;) {
    const { text, right, answer } = draw();
    thought += text + (right ? ' yes' : ' no');
    length += text.length + 1;
    if (length + 1 > lastStart || random.unit() >= waitPrior) return thought + END_OF_THOUGHT + answer + END;
    thought += ' wait ';
    length += 1;
  }
}
