// A task from a puzzle that is hard to solve at the first try and easy to check: what all tasks have in common. The puzzle says what a
// problem is and what a try at it; demonstrations, traces, rewards and the held-out set follow from that.
import { PlaygroundError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { answerOf, judgeThought, writeCompletion, writeTrace } from './completion.ts';
import type { Draft, Judgement, Lengths } from './completion.ts';
import { heldOutPrompts, isHeldOut } from './held-out.ts';
import type { Task } from './task.ts';
import { Tokenizer } from './tokenizer.ts';

/** One character of `text` and `answer` is one token. `text` ends in what the try comes to, after `=` or `>`. */
export type Try = Pick<Draft, 'text' | 'answer'>;

/** What is written in an attempt. Nothing of it may throw, whatever the text. */
export interface Reading {
  /** The answer that it leads to; none if it is not written as an attempt should be. */
  readonly answer: string | undefined;
  /** Every calculation in it is correct. */
  readonly arithmetic: boolean;
  /** It is about the problem asked and not about another. */
  readonly faithful: boolean;
}

export interface Puzzle<Problem> extends Pick<Task, 'name' | 'title' | 'asks' | 'emerges'> {
  /** What a prompt is, for messages: `two numbers from 0 to 999, like "345+678<think>"`. */
  readonly form: string;
  readonly longest: Lengths;
  /** A random problem. There must be thousands, since 512 of a fifth of them are held out. */
  draw(random: Random): Problem;
  /** Two whole numbers that problems share exactly if they are one problem in another order: all of these are held out or none. */
  identity(problem: Problem): readonly [number, number];
  /** The prompt up to `<think>`, of at most 13 tokens. */
  write(problem: Problem): string;
  /** The inverse of `write`; null for any other text. */
  parse(text: string): Problem | null;
  /** A blind try, calculated right or not. */
  attempt(random: Random, problem: Problem): Try;
  /** The tries of one who searches in order, where that can be done. */
  search?(random: Random, problem: Problem): () => Try;
  /** Reads an attempt as the model wrote it. */
  read(text: string, problem: Problem): Reading;
  /** Null for a text that is no answer to any problem like this. */
  solves(answer: string, problem: Problem): boolean | null;
  /** The problem for a person, as written in the prompt if not given. */
  describe?(problem: Problem): string;
}

export function puzzleTask<Problem>(puzzle: Puzzle<Problem>): Task {
  const { name, title, asks, emerges, form, longest } = puzzle;

  const mustHoldOut = (problem: Problem): boolean => isHeldOut(...puzzle.identity(problem));

  function drawProblem(random: Random): Problem {
    for (;;) {
      const problem = puzzle.draw(random);
      if (!mustHoldOut(problem)) return problem;
    }
  }

  const promptOf = (problem: Problem): string => `${puzzle.write(problem)}<think>`;
  const parse = (prompt: string): Problem | null =>
    puzzle.parse(prompt.replace(/^<bos>/u, '').replace(/<think>$/u, ''));

  function problemOf(prompt: string): Problem {
    const problem = parse(prompt);
    if (problem === null) {
      throw new PlaygroundError('bad-settings', `a prompt of ${name} is ${form}, but it is ${JSON.stringify(prompt)}`);
    }
    return problem;
  }

  function draft({ text, answer }: Try, problem: Problem): Draft {
    const result = text.slice(Math.max(text.lastIndexOf('='), text.lastIndexOf('>')) + 1);
    return { text, answer, result, right: puzzle.solves(answer, problem) === true };
  }

  function judge(text: string, problem: Problem): Judgement {
    const { answer, arithmetic, faithful } = puzzle.read(text, problem);
    const right = answer !== undefined && puzzle.solves(answer, problem) === true;
    return { right, arithmetic, deservesYes: right && arithmetic && faithful };
  }

  /** Of the answer, null where it is none. */
  function solved(prompt: string, completion: string): boolean | null {
    const problem = problemOf(prompt);
    const answer = answerOf(completion);
    return answer === null ? null : puzzle.solves(answer, problem);
  }

  const heldOut = heldOutPrompts((random) => {
    const problem = puzzle.draw(random);
    return mustHoldOut(problem) ? promptOf(problem) : null;
  });
  return {
    name,
    title,
    asks,
    emerges,
    tokenizer: new Tokenizer(),
    maxCompletionLength: longest.completion,
    samplePrompt: (random) => promptOf(drawProblem(random)),
    get heldOut() {
      return heldOut();
    },

    sampleDemonstration(random, waitPrior) {
      const problem = drawProblem(random);
      const goesOn = (): boolean => random.unit() < waitPrior;
      const attempt = (): Draft => draft(puzzle.attempt(random, problem), problem);
      return { prompt: promptOf(problem), completion: writeCompletion(longest, attempt, goesOn) };
    },

    sampleTrace(random, maxLength) {
      const problem = drawProblem(random);
      const completion = writeTrace({ ...longest, completion: maxLength }, () => {
        const next = puzzle.search?.(random, problem) ?? (() => puzzle.attempt(random, problem));
        return () => draft(next(), problem);
      });
      return { prompt: promptOf(problem), completion };
    },

    owns: (prompt) => parse(prompt) !== null,

    rewards: {
      accuracy: (prompt, completion) => (solved(prompt, completion) === true ? 1 : 0),
      format: (prompt, completion) => (solved(prompt, completion) === null ? 0 : 0.1),
    },

    attempts(prompt, completion) {
      const problem = problemOf(prompt);
      return judgeThought(completion, (text) => judge(text, problem));
    },

    describe(prompt) {
      const problem = problemOf(prompt);
      return puzzle.describe?.(problem) ?? puzzle.write(problem);
    },
  };
}
