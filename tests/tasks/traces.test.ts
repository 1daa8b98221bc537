// Cold-start traces, and whose prompt is whose: the same for every task.
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { mixesLanguages, targetLanguageShare } from '../../src/tasks/language.ts';
import { TASKS } from '../../src/tasks/registry.ts';

describe.each(Object.values(TASKS))('a cold-start trace of $name', (task) => {
  const random = new Random(4);
  const traces = [task.maxCompletionLength, 128].flatMap((maxLength) =>
    Array.from({ length: 400 }, () => ({ ...task.sampleTrace(random, maxLength), maxLength })),
  );

  it('waits after every wrong attempt and stops at the right one', () => {
    for (const { prompt, completion } of traces) {
      const attempts = task.attempts(prompt, completion);
      expect(attempts.map(({ right }) => right), completion).toEqual(attempts.map((_, index) => index === attempts.length - 1)); // prettier-ignore
      for (const { right, waited, verdictRight } of attempts) {
        expect(waited).toBe(!right);
        expect(verdictRight).toBe(true);
      }
    }
    expect(traces.some(({ prompt, completion }) => task.attempts(prompt, completion).length > 1)).toBe(true);
  });

  it('comes to no result twice', () => {
    for (const { prompt, completion } of traces) {
      const results = task.attempts(prompt, completion).map(({ text }) => /[=>](-?\d+)$/u.exec(text)?.[1]);
      expect(new Set(results).size, completion).toBe(results.length);
    }
  });

  it('is right, well formed, in the target language and within its length', () => {
    for (const { prompt, completion, maxLength } of traces) {
      expect(task.rewards['accuracy']?.(prompt, completion)).toBe(1);
      expect(task.rewards['format']?.(prompt, completion)).toBe(0.1);
      expect(targetLanguageShare(completion)).toBe(1);
      expect(mixesLanguages(completion)).toBe(false);
      expect(task.tokenizer.encode(completion).length).toBeLessThanOrEqual(maxLength);
    }
  });

  it('never gives away a held-out problem', () => {
    const heldOut = new Set(task.heldOut);
    expect(traces.filter(({ prompt }) => heldOut.has(prompt))).toEqual([]);
  });
});

describe.each(Object.values(TASKS))('$name', (task) => {
  it('owns its prompts, with <bos> and without', () => {
    for (const prompt of task.heldOut) {
      expect(task.owns(prompt)).toBe(true);
      expect(task.owns(`<bos>${prompt}`)).toBe(true);
    }
  });

  it.each(['', '<think>', '3,5,7>', '3+', '3,5,7>22<think>1', '3+4<think>1'])('does not own %j', (text) => {
    expect(task.owns(text)).toBe(false);
  });
});

it('a prompt tells countdown from addition', () => {
  const { countdown, addition } = TASKS;
  expect(countdown.heldOut.some((prompt) => addition.owns(prompt))).toBe(false);
  expect(addition.heldOut.some((prompt) => countdown.owns(prompt))).toBe(false);
});
