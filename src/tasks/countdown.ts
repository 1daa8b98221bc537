// Countdown: combine three numbers, each used once, to reach a target. Guessing in one go is hard, checking a guess is
// easy: the soil in which trying again pays.
//   prompt       3,5,7>22<think>
//   completion   3+5*7=38 no wait 3*5+7=22 yes</think>3*5+7<eos>
// Numbers are 1 to 9; the target, 0 to 99, is the value of a random expression over them, so every problem has a solution.
import type { Random } from '../base/random.ts';
import { parseExpression } from './expression.ts';
import type { Operator } from './expression.ts';
import { puzzleTask } from './puzzle.ts';
import type { Puzzle, Try } from './puzzle.ts';
import type { Task } from './task.ts';

interface Problem {
  readonly numbers: readonly number[];
  readonly target: number;
}

/** All orders of three numbers, each from the one before by swapping neighbours. */
const ARRANGEMENTS = [
  [0, 1, 2],
  [0, 2, 1],
  [2, 0, 1],
  [2, 1, 0],
  [1, 2, 0],
  [1, 0, 2],
] as const;

/** The game with some of the operators. */
export function countdownTask(
  about: Pick<Puzzle<Problem>, 'name' | 'title' | 'asks' | 'emerges'>,
  operators: readonly Operator[],
): Task {
  const pairs = operators.flatMap((first) => operators.map((second) => [first, second] as const));

  function drawExpression(random: Random, numbers: readonly number[]): string {
    const [a, b, c] = random.shuffle(numbers);
    return `${a}${random.pick(operators)}${b}${random.pick(operators)}${c}`;
  }

  const valueOf = (expression: string): number => parseExpression(expression, operators)?.value ?? NaN;
  const tryOf = (expression: string): Try => ({ text: `${expression}=${valueOf(expression)}`, answer: expression });

  return puzzleTask<Problem>({
    ...about,
    form: 'three numbers from 1 to 9 and a target from 0 to 99, like "3,5,7>22<think>"',
    longest: { attempt: '1-9*9=-80'.length, answer: 5, completion: 100 }, // about nine attempts fit

    draw(random) {
      for (;;) {
        const numbers = [1 + random.integer(9), 1 + random.integer(9), 1 + random.integer(9)];
        const target = valueOf(drawExpression(random, numbers));
        if (target >= 0 && target <= 99) return { numbers, target };
      }
    },

    identity: ({ numbers, target }) => [sortedDigits(numbers), target],
    write: ({ numbers, target }) => `${numbers.join(',')}>${target}`,

    parse(text) {
      const [, a, b, c, target] = /^([1-9]),([1-9]),([1-9])>(\d|[1-9]\d)$/u.exec(text) ?? [];
      return target === undefined ? null : { numbers: [Number(a), Number(b), Number(c)], target: Number(target) };
    },

    attempt: (random, { numbers }) => tryOf(drawExpression(random, numbers)),

    /** From a random expression on: the operators change first, the last of them fastest, then the order of the numbers. */
    search(random, { numbers }) {
      const count = ARRANGEMENTS.length * pairs.length;
      let place = random.integer(count);
      return () => {
        const [a, b, c] = ARRANGEMENTS[Math.floor(place / pairs.length)]!.map((index) => numbers[index]);
        const [first, second] = pairs[place % pairs.length]!;
        place = (place + 1) % count;
        return tryOf(`${a}${first}${b}${second}${c}`);
      };
    },

    read(text) {
      const [, answer, stated] = /^(.*)=(-?\d+)$/u.exec(text) ?? [];
      return { answer, arithmetic: stated !== undefined && stated === String(valueOf(answer ?? '')), faithful: true };
    },

    /** An answer is an expression over exactly the problem's numbers. */
    solves(answer, { numbers, target }) {
      const expression = parseExpression(answer, operators);
      if (!expression || sortedDigits(expression.digits) !== sortedDigits(numbers)) return null;
      return expression.value === target;
    },

    describe: ({ numbers, target }) => `${numbers.join(' ')} → ${target}`,
  });
}

/** The digits of a problem in ascending order as one number, which two lists share exactly if they hold the same digits. */
function sortedDigits(digits: readonly number[]): number {
  return Number(`1${[...digits].sort((a, b) => a - b).join('')}`);
}

export const countdown = countdownTask(
  {
    name: 'countdown',
    title: 'Countdown',
    asks: 'Reach the target with plus, minus and times, using each of the three numbers exactly once.',
    emerges: 'It may learn to say "wait" after a wrong try, to try again, and to stop at a right one.',
  },
  ['+', '-', '*'],
);
