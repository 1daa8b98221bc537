// A completion as a person reads it: thought and answer apart, waits counted, every token with the role it plays.
import type { CompletionView } from '../../worker/protocol.ts';

export type TokenRole = 'text' | 'wait' | 'yes' | 'no' | 'end-of-thought' | 'end';

export interface Token {
  /** Its place in the completion. */
  readonly index: number;
  readonly text: string;
  readonly role: TokenRole;
  /** A "yes" or "no" that the truth contradicts. */
  readonly mistaken: boolean;
  /** Null before the step has learnt from it. */
  readonly push: number | null;
  readonly logProb: number;
}

export interface Answer {
  /** Its place in the group, from 1, the same under every order. */
  readonly number: number;
  readonly completion: CompletionView;
  /** Null before the step has learnt from it. */
  readonly advantage: number | null;
  /** Pieces that should not be broken across lines: an attempt with its verdict, or a wait. */
  readonly thought: readonly (readonly Token[])[];
  /** From the end of the thought on; empty where the completion was cut off before. */
  readonly final: readonly Token[];
  readonly waits: number;
  readonly right: boolean;
}

const ROLES: Readonly<Record<string, TokenRole>> = {
  wait: 'wait',
  等: 'wait',
  yes: 'yes',
  对: 'yes',
  no: 'no',
  不: 'no',
  '</think>': 'end-of-thought',
  '<eos>': 'end',
};

/** Equal rewards may leave an advantage of 1e-16. */
export function isNeutral(advantage: number): boolean {
  return Math.abs(advantage) < 0.005;
}

/** It was sampled and judged, but not yet learnt from. */
export function isDraft({ tokens, push }: CompletionView): boolean {
  return push.length < tokens.length;
}

export function toAnswer(completion: CompletionView, index: number): Answer {
  const tokens = completion.tokens.map((text, place): Token => {
    const role = ROLES[text.trim()] ?? 'text';
    const judged = completion.attempts.find((attempt) => attempt.end === place);
    const mistaken = judged !== undefined && ((role === 'yes' && !judged.right) || (role === 'no' && judged.right));
    const push = completion.push[place] ?? null;
    const logProb = completion.logProbs[place] ?? 0;
    return { index: place, text: text.trim(), role, mistaken, push, logProb };
  });
  const thoughtEnd = tokens.findIndex((token) => token.role === 'end-of-thought');
  const thought = thoughtEnd === -1 ? tokens : tokens.slice(0, thoughtEnd);
  return {
    number: index + 1,
    completion,
    advantage: isDraft(completion) ? null : completion.advantage,
    thought: pieces(thought),
    final: thoughtEnd === -1 ? [] : tokens.slice(thoughtEnd),
    waits: tokens.filter((token) => token.role === 'wait').length,
    right: (completion.rewards['accuracy'] ?? 0) > 0,
  };
}

function pieces(tokens: readonly Token[]): Token[][] {
  const result: Token[][] = [];
  let open = false;
  for (const token of tokens) {
    if (open && token.role !== 'wait') result.at(-1)?.push(token);
    else result.push([token]);
    open = token.role === 'text';
  }
  return result;
}

export const ORDERS = ['reward', 'length', 'waits'] as const;
export type Order = (typeof ORDERS)[number];

/** Highest first; equal ones keep their place in the group. */
export function sortAnswers(answers: readonly Answer[], order: Order): Answer[] {
  const value = (answer: Answer): number =>
    order === 'reward' ? answer.completion.reward : order === 'length' ? answer.completion.tokens.length : answer.waits;
  return [...answers].sort((a, b) => value(b) - value(a) || a.number - b.number);
}
