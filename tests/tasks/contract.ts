// What every task promises, the shipped ones and any that is added.
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { MAX_PROMPT_TOKENS, promptIds } from '../../src/recipes/environment.ts';
import { mixesLanguages, targetLanguageShare } from '../../src/tasks/language.ts';
import type { Task } from '../../src/tasks/task.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';
import { expectSoundCorpus } from './corpus.ts';

/** Declares the tests. */
export function describeTask(task: Task): void {
  describe(`the task ${task.name}`, () => {
    it('names itself, and says in sentences what it asks and what may emerge', () => {
      expect(task.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(task.title).toMatch(/^[A-Z]/);
      for (const sentence of [task.asks, task.emerges]) expect(sentence).toMatch(/^[A-Z].*\.$/);
    });

    it('rewards accuracy, then format: the order of the reward weights', () => {
      expect(Object.keys(task.rewards)).toEqual(['accuracy', 'format']);
    });

    it('holds 512 different prompts out, short enough for every engine, and never draws one', () => {
      expect(new Set(task.heldOut).size).toBe(512);
      expect(task.heldOut).toHaveLength(512);
      for (const prompt of task.heldOut) {
        expect(prompt).toMatch(/<think>$/);
        expect(promptIds(task.tokenizer, prompt).length).toBeLessThanOrEqual(MAX_PROMPT_TOKENS);
      }
      const random = new Random(7);
      const heldOut = new Set(task.heldOut);
      for (let draw = 0; draw < 2000; draw++) expect(heldOut.has(task.samplePrompt(random))).toBe(false);
    });

    it('owns its prompts, with <bos> and without, and shows them to a person', () => {
      for (const prompt of task.heldOut) {
        for (const text of [prompt, `<bos>${prompt}`, prompt.replace('<think>', '')])
          expect(task.owns(text)).toBe(true);
        expect(task.describe(prompt)).toMatch(/^[^<]+$/);
      }
    });

    it.each(['', '<think>', '3,5,7>', '3+', '3,5,7>22<think>1', '3+4<think>1'])('does not own %j, and says so', (text) => {
      expect(task.owns(text)).toBe(false);
      const calls = [
        () => task.describe(text),
        () => task.attempts(text, ''),
        ...Object.values(task.rewards).map((reward) => () => reward(text, '')),
      ];
      for (const call of calls) expect(call).toThrow(expect.objectContaining({ name: 'bad-settings' }));
    }); // prettier-ignore

    it('judges any completion whatever, and pays accuracy only for what is well formed', () => {
      const random = new Random(2);
      const prompt = task.samplePrompt(random);
      const noise = (): string => Array.from({ length: random.integer(12) }, () => random.pick(VOCABULARY)).join('');
      for (let count = 0; count < 2000; count++) {
        const completion = random.unit() < 0.5 ? noise() : `${noise()}</think>${noise()}<eos>`;
        const { accuracy, format } = task.rewards;
        const [right, formed] = [accuracy?.(prompt, completion), format?.(prompt, completion)];
        expect([[0, 0], [0, 0.1], [1, 0.1]]).toContainEqual([right, formed]); // prettier-ignore
        for (const { text, waited } of task.attempts(prompt, completion)) {
          expect(completion).toContain(text);
          expect([true, false, null]).toContain(waited);
        }
      }
    });

    it.each([0, 0.1, 0.5])('demonstrates with right verdicts, and waits blindly with probability %f', (waitPrior) => {
      expectSoundCorpus(task, waitPrior);
    });

    describe('in a cold-start trace', () => {
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
  });
}
