// Addition on paper: two numbers of up to three digits, added column by column from the units.
//   prompt       345+678<think>
//   completion   5+8+0=13,4+7+1=12,3+6+1=10>1023 yes</think>1023<eos>
// A column is the two digits, the carry into it, and their sum; after > stands the total.
// The trace is as regular as can be, so that a small transformer can both write and check it: always this order of
// fields, a column for every digit of the longer number, a 0 for a missing digit. Each column holds all that its check
// needs but the last column's tens, its carry; an attempt deserves yes if every column passes.
import type { Random } from '../base/random.ts';
import { puzzleTask } from './puzzle.ts';
import type { Reading, Try } from './puzzle.ts';

/**
 * Share of the corpus's attempts that slip once. High enough that many a first try is wrong, so that trying again pays,
 * and that "no" is nearly as common as "yes"; low enough that two or three tries mostly reach the sum.
 */
export const SLIP_SHARE = 0.4;

const MAX_DIGITS = 3;

/** Three attempts as long as `9+9+0=18,9+9+1=19,9+9+1=19>1998` always fit, a fourth one if some are shorter. */
const LONGEST = { attempt: 31, answer: 4, completion: 128 };

interface Problem {
  readonly first: number;
  readonly second: number;
}

interface Column {
  readonly digits: readonly [number, number];
  readonly carry: number;
  readonly sum: number;
}

function drawNumber(random: Random): number {
  const length = 1 + random.integer(MAX_DIGITS);
  const least = length === 1 ? 0 : 10 ** (length - 1);
  return least + random.integer(10 ** length - least);
}

/** Adds the columns. A slip puts a wrong units digit into one sum or forgets one carry; the rest follows from it. */
function drawAttempt(random: Random, problem: Problem): Try {
  const pairs = digitPairs(problem);
  const slipAt = random.unit() < SLIP_SHARE ? random.integer(pairs.length) : null;
  const columns: Column[] = [];
  for (const [place, digits] of pairs.entries()) {
    let carry = carryAfter(columns.at(-1));
    let slips = place === slipAt;
    if (slips && carry > 0 && random.unit() < 0.5) {
      carry = 0;
      slips = false;
    }
    const sum = digits[0] + digits[1] + carry;
    columns.push({ digits, carry, sum: slips ? otherUnits(random, sum) : sum });
  }
  const total = totalOf(columns);
  const text = columns.map(({ digits, carry, sum }) => `${digits[0]}+${digits[1]}+${carry}=${sum}`).join(',');
  return { text: `${text}>${total}`, answer: total };
}

/** The sum with another units digit, never 0: a total does not begin with 0. */
function otherUnits(random: Random, sum: number): number {
  for (;;) {
    const slipped = sum - (sum % 10) + 1 + random.integer(9);
    if (slipped !== sum) return slipped;
  }
}

/** From the units up: the digits of both numbers, with zeros up to the length of the longer one. */
function digitPairs({ first, second }: Problem): (readonly [number, number])[] {
  const digit = (value: number, place: number): number => Math.floor(value / 10 ** place) % 10;
  const length = String(Math.max(first, second)).length;
  return Array.from({ length }, (_, place) => [digit(first, place), digit(second, place)] as const);
}

function carryAfter(column: Column | undefined): number {
  return column ? Math.floor(column.sum / 10) : 0;
}

/** The whole of the last sum, then the units of the others. */
function totalOf(columns: readonly Column[]): string {
  const units = columns.slice(0, -1).map(({ sum }) => sum % 10);
  return [...units, columns.at(-1)?.sum].reverse().join('');
}

function read(text: string, problem: Problem): Reading {
  const [work = '', total = ''] = text.split('>', 2);
  const columns = work.split(',').map(parseColumn);
  const grammatical = text === `${work}>${total}` && /^\d+$/u.test(total) && columns.every((column) => column !== null);
  if (!grammatical) return { answer: undefined, arithmetic: false, faithful: false };

  const arithmetic =
    total === totalOf(columns) &&
    columns.every(
      ({ digits, carry, sum }, place) =>
        digits[0] + digits[1] + carry === sum && carry === carryAfter(columns[place - 1]),
    );
  const faithful = String(columns.map(({ digits }) => digits)) === String(digitPairs(problem));
  return { answer: total, arithmetic, faithful };
}

function parseColumn(text: string): Column | null {
  const [, first, second, carry, sum] = /^(\d)\+(\d)\+(\d)=(\d|[1-9]\d)$/u.exec(text) ?? [];
  if (sum === undefined) return null;
  return { digits: [Number(first), Number(second)], carry: Number(carry), sum: Number(sum) };
}

export const addition = puzzleTask<Problem>({
  name: 'addition',
  title: 'Addition',
  asks: 'Add two numbers of up to three digits, column by column, carrying the one.',
  emerges: 'It may learn not to slip at all, which is easier than to check its columns and add again after a "wait".',
  form: 'two numbers from 0 to 999, like "345+678<think>"',
  longest: LONGEST,
  draw: (random) => ({ first: drawNumber(random), second: drawNumber(random) }),
  identity: ({ first, second }) => [Math.min(first, second), Math.max(first, second)],
  write: ({ first, second }) => `${first}+${second}`,

  parse(text) {
    const [, first, second] = /^(\d|[1-9]\d{1,2})\+(\d|[1-9]\d{1,2})$/u.exec(text) ?? [];
    return second === undefined ? null : { first: Number(first), second: Number(second) };
  },

  attempt: drawAttempt,
  read,

  solves(answer, { first, second }) {
    return /^\d{1,4}$/u.test(answer) ? answer === String(first + second) : null;
  },

  describe: ({ first, second }) => `${first} + ${second}`,
});
