// What several task tests ask of a corpus.
import { expect } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { Demonstration, Task } from '../../src/tasks/task.ts';

export function corpus(task: Task, count: number, waitPrior: number, seed = 1): Demonstration[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => task.sampleDemonstration(random, waitPrior));
}

/** `hits` of `trials` lies within five standard deviations of a coin with this probability. */
export function expectShare(hits: number, trials: number, probability: number): void {
  const deviation = Math.sqrt(trials * probability * (1 - probability));
  expect(Math.abs(hits - trials * probability), `${hits} of ${trials}, expected ${probability}`).toBeLessThanOrEqual(
    5 * deviation,
  );
}

/** Every promise of `Task.sampleDemonstration` that is the same for all tasks. */
export function expectSoundCorpus(task: Task, waitPrior: number): void {
  const waits = { right: 0, wrong: 0 };
  const tries = { right: 0, wrong: 0 };
  for (const { prompt, completion } of corpus(task, 4000, waitPrior)) {
    const ids = task.tokenizer.encode(completion);
    expect(task.tokenizer.decode(ids)).toBe(completion);
    expect(ids.length).toBeLessThanOrEqual(task.maxCompletionLength);
    expect(task.tokenizer.decode(task.tokenizer.encode(prompt))).toBe(prompt);
    expect(task.rewards['format']?.(prompt, completion)).toBe(0.1);
    const attempts = task.attempts(prompt, completion);
    expect(attempts.length).toBeGreaterThan(0);
    expect(task.rewards['accuracy']?.(prompt, completion)).toBe(attempts.at(-1)?.right ? 1 : 0);
    for (const attempt of attempts) {
      expect(attempt, completion).toMatchObject({ verdict: attempt.right ? 'yes' : 'no', verdictRight: true });
      const kind = attempt.right ? 'right' : 'wrong';
      tries[kind] += 1;
      waits[kind] += attempt.waited ? 1 : 0;
    }
  }
  expectShare(waits.right, tries.right, waitPrior);
  expectShare(waits.wrong, tries.wrong, waitPrior);
}
