import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlaygroundError } from '../../src/base/errors.ts';
import { Random } from '../../src/base/random.ts';
import { countdown } from '../../src/tasks/countdown.ts';
import { countdownEasy } from '../../src/tasks/countdown-easy.ts';
import type { Task } from '../../src/tasks/task.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';
import { corpus, expectShare } from './corpus.ts';

const PROMPT = '3,5,7>22<think>';
const accuracy = (completion: string, prompt = PROMPT, task: Task = countdown): number | undefined =>
  task.rewards['accuracy']?.(prompt, completion);
const format = (completion: string, prompt = PROMPT, task: Task = countdown): number | undefined =>
  task.rewards['format']?.(prompt, completion);

/** Every expression over the numbers with its value, by brute force and JavaScript's own arithmetic. */
function solutions(numbers: readonly number[], operators: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const [i, j, k] of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ] as const) {
    // prettier-ignore
    const [a, b, c] = [numbers[i] ?? NaN, numbers[j] ?? NaN, numbers[k] ?? NaN];
    const all: Record<string, number> = {
      [`${a}+${b}+${c}`]: a + b + c,
      [`${a}+${b}-${c}`]: a + b - c,
      [`${a}-${b}+${c}`]: a - b + c,
      [`${a}-${b}-${c}`]: a - b - c,
      [`${a}+${b}*${c}`]: a + b * c,
      [`${a}-${b}*${c}`]: a - b * c,
      [`${a}*${b}+${c}`]: a * b + c,
      [`${a}*${b}-${c}`]: a * b - c,
      [`${a}*${b}*${c}`]: a * b * c,
    };
    for (const [text, value] of Object.entries(all)) {
      if (operators.includes('*') || !text.includes('*')) values.set(text, value);
    }
  }
  return values;
}

function read(prompt: string): { numbers: number[]; target: number } {
  const [numbers = '', target = ''] = prompt.replace('<think>', '').split('>');
  return { numbers: numbers.split(',').map(Number), target: Number(target) };
}

const canonical = (prompt: string): string => {
  const { numbers, target } = read(prompt);
  return `${numbers.sort((a, b) => a - b).join(',')}>${target}`;
};

describe('countdown rewards', () => {
  it('pay for an answer that reaches the target, whatever the thought', () => {
    for (const thought of ['', '3+5*7=38 no wait 3*5+7=22 yes', 'wrong 3 nonsense']) {
      expect(accuracy(`${thought}</think>3*5+7<eos>`)).toBe(1);
      expect(format(`${thought}</think>3*5+7<eos>`)).toBe(0.1);
    }
  });

  it('pay for format alone when the value is another', () => {
    expect(accuracy('</think>3+5*7<eos>')).toBe(0);
    expect(format('</think>3+5*7<eos>')).toBe(0.1);
    expect(format('</think>3-5*7<eos>')).toBe(0.1);
  });

  it.each([
    ['a number left out', '</think>3*5<eos>', PROMPT],
    ['a number used twice', '</think>3*5+7*7<eos>', PROMPT],
    ['a number that was not given', '</think>3*5+8-1<eos>', PROMPT],
    ['one number twice and another not at all', '</think>5+5-4<eos>', '5,4,4>6<think>'],
    ['digits put together', '</think>35-7<eos>', '3,5,7>28<think>'],
    ['a stated result', '</think>3*5+7=22<eos>', PROMPT],
    ['a verdict in the answer', '</think>3*5+7 yes<eos>', PROMPT],
    ['two ends of thought', '</think></think>3*5+7<eos>', PROMPT],
    ['an end of thought after the answer', '</think>3*5+7</think><eos>', PROMPT],
    ['no end of thought', '3*5+7<eos>', PROMPT],
    ['no end', '</think>3*5+7', PROMPT],
    ['something after the end', '</think>3*5+7<eos>+', PROMPT],
    ['two ends', '</think>3*5+7<eos><eos>', PROMPT],
    ['an empty answer', '</think><eos>', PROMPT],
    ['nothing', '', PROMPT],
  ])('pay nothing for %s', (_, completion, prompt) => {
    expect(accuracy(completion, prompt)).toBe(0);
    expect(format(completion, prompt)).toBe(0);
  });

  it('allow * in the full game only', () => {
    expect(accuracy('</think>3*5+7<eos>', PROMPT, countdownEasy)).toBe(0);
    expect(format('</think>3*5+7<eos>', PROMPT, countdownEasy)).toBe(0);
    expect(accuracy('</think>3+5+7<eos>', '3,5,7>15<think>', countdownEasy)).toBe(1);
  });

  it('take a prompt with <bos> and without <think>', () => {
    for (const prompt of ['<bos>3,5,7>22<think>', '3,5,7>22', '<bos>3,5,7>22'])
      expect(accuracy('</think>3*5+7<eos>', prompt)).toBe(1);
  });

  it.each([
    '',
    '3,5>22<think>',
    '3,5,7,9>22<think>',
    '3,5,0>8<think>',
    '3,5,7>100<think>',
    '3,5,7>-1',
    '3,5,7>022',
    '345+678<think>',
  ])('refuse the prompt %j, showing the form expected', (prompt) => {
    for (const call of [
      () => accuracy('', prompt),
      () => format('', prompt),
      () => countdown.attempts(prompt, ''),
      () => countdown.describe(prompt),
    ]) {
      expect(call).toThrow(PlaygroundError);
      expect(call).toThrow('3,5,7>22<think>');
      expect(call).toThrow(expect.objectContaining({ name: 'bad-settings' }));
    }
  });

  it.each([
    [countdown, '+-*'],
    [countdownEasy, '+-'],
  ])('agree with brute force on any tokens ($name)', (task, operators) => {
    const symbols = fc.array(fc.constantFrom(...VOCABULARY), { maxLength: 12 }).map((tokens) => tokens.join(''));
    const digit = fc.integer({ min: 1, max: 9 });
    const game = fc.tuple(digit, digit, digit, fc.nat(), symbols, fc.nat(20), fc.nat(3), fc.boolean());
    fc.assert(
      fc.property(game, ([a, b, c, choice, noise, position, cut, garbage]) => {
        const all = solutions([a, b, c], operators);
        const [answer = '', target = 0] = [...all].filter(([, value]) => value >= 0 && value < 100)[choice % 6] ?? [];
        const prompt = `${a},${b},${c}>${target}<think>`;
        const clean = `${a}+${b}</think>${answer}<eos>`;
        const completion = garbage ? noise : clean.slice(0, position) + noise + clean.slice(position + cut);
        const parts = completion.split('</think>');
        const given =
          parts[1]?.endsWith('<eos>') && parts.length === 2 && !parts[0]?.includes('<eos>')
            ? parts[1].slice(0, -5)
            : '';
        expect(accuracy(completion, prompt, task)).toBe(all.get(given) === target ? 1 : 0);
        expect(format(completion, prompt, task)).toBe(all.has(given) ? 0.1 : 0);
        expect(() => task.attempts(prompt, completion)).not.toThrow();
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});

describe('countdown attempts', () => {
  const attempts = (completion: string, task: Task = countdown) => task.attempts(PROMPT, completion);

  it('are judged by the truth', () => {
    expect(attempts('3+5*7=38 no wait 3*5+7=22 yes</think>3*5+7<eos>')).toEqual([
      {
        text: '3+5*7=38',
        right: false,
        arithmetic: true,
        verdict: 'no',
        verdictRight: true,
        waited: true,
        repeated: false,
      },
      {
        text: '3*5+7=22',
        right: true,
        arithmetic: true,
        verdict: 'yes',
        verdictRight: true,
        waited: false,
        repeated: false,
      },
    ]);
  });

  it('know a wrong calculation and a wrong verdict', () => {
    expect(attempts('3+5*7=22 yes')).toMatchObject([{ right: false, arithmetic: false, verdictRight: false }]);
    expect(attempts('3*5+7=21 no')).toMatchObject([{ right: true, arithmetic: false, verdictRight: true }]);
    expect(attempts('3*5+7=022 yes')).toMatchObject([{ right: true, arithmetic: false, verdictRight: false }]);
    expect(attempts('3*5+7=22 no')).toMatchObject([{ right: true, arithmetic: true, verdictRight: false }]);
    expect(attempts('9+9+4=22 yes')).toMatchObject([{ right: false, arithmetic: true, verdictRight: false }]);
    expect(attempts('3-5-7=-9 no')).toMatchObject([{ right: false, arithmetic: true, verdictRight: true }]);
  });

  it('know when the same was tried before', () => {
    const repeated = attempts('3+5*7=38 no wait 3*5*7=105 no wait 3+5*7=38 no').map((attempt) => attempt.repeated);
    expect(repeated).toEqual([false, false, true]);
  });

  it('may use * in the full game only', () => {
    expect(attempts('3*5+7=22 yes', countdownEasy)).toMatchObject([
      { right: false, arithmetic: false, verdictRight: false },
    ]);
  });
});

describe.each([
  { task: countdown, operators: '+-*' },
  { task: countdownEasy, operators: '+-' },
])('the problems of $task.name', ({ task, operators }) => {
  it('never draw a held-out problem in any order of its numbers', () => {
    const heldOut = new Set(task.heldOut.map(canonical));
    const random = new Random(7);
    for (let draw = 0; draw < 20000; draw++) {
      expect(heldOut.has(canonical(task.samplePrompt(random)))).toBe(false);
      expect(heldOut.has(canonical(task.sampleDemonstration(random, 0.1).prompt))).toBe(false);
    }
  });

  it('can all be solved', () => {
    for (const prompt of task.heldOut) {
      const { numbers, target } = read(prompt);
      expect([...solutions(numbers, operators).values()]).toContain(target);
    }
  });

  it('are the same for the same seed', () => {
    expect(corpus(task, 20, 0.5, 3)).toEqual(corpus(task, 20, 0.5, 3));
    expect(corpus(task, 20, 0.5, 3)).not.toEqual(corpus(task, 20, 0.5, 4));
  });

  it('are shown to a person', () => {
    expect(task.describe('4,5,7>6<think>')).toBe('4 5 7 → 6');
  });
});

describe.each([countdown, countdownEasy])('the corpus of $name', (task) => {
  it('calculates right', () => {
    for (const { prompt, completion } of corpus(task, 4000, 0.5))
      for (const { arithmetic } of task.attempts(prompt, completion)) expect(arithmetic, completion).toBe(true);
  });

  it('tries every operator and every order alike', () => {
    const random = new Random(5);
    const counts = new Map<string, number>();
    const tries = Array.from(
      { length: 30000 },
      () => task.sampleDemonstration(random, 0).completion.split('=')[0] ?? '',
    );
    for (const text of tries) {
      const operators = text.replace(/\d/gu, '');
      counts.set(operators, (counts.get(operators) ?? 0) + 1);
    }
    const pairs = task === countdown ? 9 : 4;
    expect(counts.size).toBe(pairs);
    for (const count of counts.values()) expectShare(count, tries.length, 1 / pairs);
  });

  it('writes negative results', () => {
    expect(corpus(task, 200, 0).some(({ completion }) => completion.includes('=-'))).toBe(true);
  });

  it('answers right as often as chance does', () => {
    const texts = corpus(task, 8000, 0.1);
    const right = texts.filter(({ prompt, completion }) => accuracy(completion, prompt, task) === 1).length;
    expectShare(right, texts.length, task === countdown ? 0.1 : 0.22);
  });
});
