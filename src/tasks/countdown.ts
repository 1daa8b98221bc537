// Countdown: combine three numbers, each used once, to reach a target. Guessing in one go is hard, checking a guess is
// easy: the soil in which trying again pays.
//   prompt       3,5,7>22<think>
//   completion   3+5*7=38 no wait 3*5+7=22 yes</think>3*5+7<eos>
// Numbers are 1 to 9; the target, 0 to 99, is the value of a random expression over them, so every problem has a solution.
import { PlaygroundError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { answerOf, judgeThought, writeCompletion, writeTrace } from './completion.ts';
import type { Draft, Judgement } from './completion.ts';
import { parseExpression } from './expression.ts';
import type { Expression, Operator } from './expression.ts';
import { heldOutPrompts, isHeldOut } from './held-out.ts';
import type { Task } from './task.ts';
import { Tokenizer } from './tokenizer.ts';

interface Problem {
  readonly numbers: readonly number[];
  readonly target: number;
}

/** An attempt is never longer than `1-9*9=-80`; about nine of them fit. */
const LONGEST = { attempt: 9, answer: 5, completion: 100 };

/** All orders of three numbers, each from the one before by swapping neighbours. */
const ARRANGEMENTS = [
  [0, 1, 2],
  [0, 2, 1],
  [2, 0, 1],
  [2, 1, 0],
  [1, 2, 0],
  [1, 0, 2],
] as const;

const PROMPT = /^(?:<bos>)?([1-9]),([1-9]),([1-9])>(\d|[1-9]\d)(?:<think>)?$/u;

/** The game with some of the operators. */
export function countdownTask(
  about: Pick<Task, 'name' | 'title' | 'asks' | 'emerges'>,
  operators: readonly Operator[],
): Task {
  function drawExpression(random: Random, numbers: readonly number[]): { text: string; value: number } {
    const [a, b, c] = random.shuffle(numbers);
    return evaluate(`${a}${random.pick(operators)}${b}${random.pick(operators)}${c}`);
  }

  function evaluate(text: string): { text: string; value: number } {
    return { text, value: parseExpression(text, operators)?.value ?? NaN };
  }

  function drawProblem(random: Random, heldOut: boolean): Problem {
    for (;;) {
      const numbers = [1 + random.integer(9), 1 + random.integer(9), 1 + random.integer(9)];
      const target = drawExpression(random, numbers).value;
      if (target >= 0 && target <= 99 && isHeldOut(sortedDigits(numbers), target) === heldOut)
        return { numbers, target };
    }
  }

  function draft({ text, value }: { text: string; value: number }, { target }: Problem): Draft {
    return { text: `${text}=${value}`, right: value === target, result: String(value), answer: text };
  }

  /** From a random expression on: the operators change first, the last of them fastest, then the order of the numbers. */
  function searchInOrder(random: Random, problem: Problem): () => Draft {
    const pairs = operators.flatMap((first) => operators.map((second) => [first, second] as const));
    const count = ARRANGEMENTS.length * pairs.length;
    let place = random.integer(count);
    return () => {
      const [a, b, c] = ARRANGEMENTS[Math.floor(place / pairs.length)]!.map((index) => problem.numbers[index]);
      const [first, second] = pairs[place % pairs.length]!;
      place = (place + 1) % count;
      return draft(evaluate(`${a}${first}${b}${second}${c}`), problem);
    };
  }

  /** The answer as an expression over exactly the problem's numbers, or null. */
  function wellFormed(text: string | null | undefined, { numbers }: Problem): Expression | null {
    const expression = parseExpression(text ?? '', operators);
    return expression && sortedDigits(expression.digits) === sortedDigits(numbers) ? expression : null;
  }

  function judge(text: string, problem: Problem): Judgement {
    const [, left, stated] = /^(.*)=(-?\d+)$/u.exec(text) ?? [];
    const solution = wellFormed(left, problem);
    const right = solution?.value === problem.target;
    const value = parseExpression(left ?? '', operators)?.value;
    const arithmetic = value !== undefined && stated === String(value);
    return { right, arithmetic, deservesYes: right && arithmetic };
  }

  const heldOut = heldOutPrompts((random) => promptOf(drawProblem(random, true)));
  return {
    ...about,
    tokenizer: new Tokenizer(),
    maxCompletionLength: LONGEST.completion,
    samplePrompt: (random) => promptOf(drawProblem(random, false)),
    get heldOut() {
      return heldOut();
    },

    sampleDemonstration(random, waitPrior) {
      const problem = drawProblem(random, false);
      const goesOn = (): boolean => random.unit() < waitPrior;
      const guess = (): Draft => draft(drawExpression(random, problem.numbers), problem);
      return { prompt: promptOf(problem), completion: writeCompletion(LONGEST, guess, goesOn) };
    },

    sampleTrace(random, maxLength) {
      const problem = drawProblem(random, false);
      const completion = writeTrace({ ...LONGEST, completion: maxLength }, () => searchInOrder(random, problem));
      return { prompt: promptOf(problem), completion };
    },

    owns: (prompt) => PROMPT.test(prompt),

    rewards: {
      accuracy: (prompt, completion) => {
        const problem = parsePrompt(prompt);
        return wellFormed(answerOf(completion), problem)?.value === problem.target ? 1 : 0;
      },
      format: (prompt, completion) => (wellFormed(answerOf(completion), parsePrompt(prompt)) ? 0.1 : 0),
    },

    attempts(prompt, completion) {
      const problem = parsePrompt(prompt);
      return judgeThought(completion, (text) => judge(text, problem));
    },

    describe(prompt) {
      const { numbers, target } = parsePrompt(prompt);
      return `${numbers.join(' ')} → ${target}`;
    },
  };
}

function promptOf({ numbers, target }: Problem): string {
  return `${numbers.join(',')}>${target}<think>`;
}

function parsePrompt(prompt: string): Problem {
  const [, a, b, c, target] = PROMPT.exec(prompt) ?? [];
  if (target === undefined) {
    throw new PlaygroundError(
      'bad-settings',
      `a countdown prompt is three numbers from 1 to 9 and a target from 0 to 99, like "3,5,7>22<think>", but it is ${JSON.stringify(prompt)}`,
    );
  }
  return { numbers: [Number(a), Number(b), Number(c)], target: Number(target) };
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
