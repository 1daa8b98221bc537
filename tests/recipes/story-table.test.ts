import { describe, expect, it } from 'vitest';
import type { Score } from '../../src/recipes/score.ts';
import { storyClaims, storyMarkdown, storyTable, type StoryRow } from '../../src/recipes/story-table.ts';

const score = (accuracy: number): Score => ({
  accuracy, format: 1, mixed: 0.25, repeats: 0, readable: 0.5, waitGivenWrong: 0.9, waitGivenRight: 0.1, arithmetic: 1, verdict: 1, meanLength: 20 + accuracy,
}); // prettier-ignore
const row = (seed: number, model: string, accuracy: number, flops?: number): StoryRow => ({
  seed, model, parameters: 1000, seconds: seed, examples: [{ prompt: 'of seed', completion: String(seed) }], scores: { countdown: score(accuracy) }, ...(flops !== undefined && { flops }),
}); // prettier-ignore
const rows = [row(2, 'base', 0.1), row(2, 'student', 0.3, 7e12), row(1, 'base', 0.2), row(1, 'student', 0.4, 5e12)];

describe('the table of the story', () => {
  const table = storyTable(rows);

  it('has the mean, the least and the greatest of every figure over the seeds', () => {
    expect(table.seeds).toEqual([1, 2]);
    expect(table.models.map(({ model }) => model)).toEqual(['base', 'student']);
    const [base, student] = table.models;
    expect(base?.scores.countdown?.accuracy).toEqual({
      mean: expect.closeTo(0.15, 12) as number,
      least: 0.1,
      most: 0.2,
    });
    expect(base?.flops).toBeNull();
    expect(base?.examples).toEqual([{ prompt: 'of seed', completion: '1' }]);
    expect(student?.flops).toEqual({ mean: 6e12, least: 5e12, most: 7e12 });
  });

  it('refuses seeds with other models, or with one twice', () => {
    expect(() => storyTable(rows.slice(1))).toThrow('expected base once for each of the seeds 1, 2, but it came for 1');
    expect(() => storyTable([...rows, row(1, 'base', 0)])).toThrow(expect.objectContaining({ name: 'bad-settings' }));
  });

  it('is a table of Markdown, with the spread where there is one', () => {
    const lines = storyMarkdown(table, 'countdown').split('\n');
    expect(lines).toHaveLength(4);
    expect(new Set(lines.map((line) => line.split('|').length)).size).toBe(1);
    expect(lines[2]).toBe('| base | 15% (10% to 20%) | 90% | 10% | 20 | 25% | 0% | 50% |');
  });
});

describe('the claims of the story', () => {
  /** Accuracy, mixed, repeats. */
  const good = {
    base: [0.1, 0.1, 0],
    'r1-zero': [0.4, 0.7, 0.2],
    'cold-start': [0.5, 0.3, 0.1],
    'reasoning-rl': [0.6, 0.2, 0.1],
    'rejection-sampling': [0.6, 0, 0],
    'all-tasks-rl': [0.8, 0.01, 0.04],
    'student-distilled': [0.45, 0, 0],
    'student-alone': [0.3, 0.1, 0],
  } as const;
  const claimsOf = (changed: Partial<Record<keyof typeof good, readonly [number, number, number]>> = {}) =>
    storyClaims(
      storyTable(
        Object.entries({ ...good, ...changed }).map(([model, [accuracy, mixed, repeats]]) => ({
          ...row(1, model, accuracy),
          scores: { countdown: { ...score(accuracy), mixed, repeats } },
        })),
      ),
    );

  it('hold where every goal is met', () => {
    expect(claimsOf().filter(({ holds }) => !holds)).toEqual([]);
  });

  it.each([
    [{ 'r1-zero': [0.1, 0.7, 0] }, 'solves more than its base'],
    [{ base: [0.1, 0.4, 0] }, 'at least twice as often'],
    [{ 'reasoning-rl': [0.59, 0.2, 0] }, 'at least 60%'],
    [{ 'reasoning-rl': [0.6, 0.36, 0] }, 'less than half as often'],
    [{ 'all-tasks-rl': [0.74, 0, 0] }, 'at least 75%'],
    [{ 'all-tasks-rl': [0.8, 0.05, 0] }, 'in less than 5% of its thoughts'],
    [{ 'all-tasks-rl': [0.8, 0, 0.05] }, 'tries are repeated'],
    [{ 'student-alone': [0.31, 0, 0] }, '1.5 times'],
  ] as const)('fail one by one: %j', (changed, claim) => {
    const failed = claimsOf(changed).filter(({ holds }) => !holds);
    expect(failed).toEqual([{ claim: expect.stringContaining(claim) as string, holds: false }]);
  });

  it('cannot be checked without every model', () => {
    expect(() => storyClaims(storyTable(rows))).toThrow('expected a score of r1-zero on countdown, but there is none');
  });
});
