import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { QUESTIONS } from '../../src/ui/learn/faq/questions.ts';
import { settingsOf } from '../../src/ui/learn/quiz/experiment.ts';
import { findSection, SECTIONS } from '../../src/ui/learn/sections.ts';
import { advance, EMPTY_VIEW } from '../../src/ui/state/run-view.ts';
import type { RecordedRun } from '../../src/worker/protocol.ts';

const recorded = JSON.parse(readFileSync('public/recorded-aha.json', 'utf8')) as RecordedRun;
const { steps } = recorded.events.reduce(advance, EMPTY_VIEW);
const measured = (start: string): string => {
  const question = QUESTIONS.find((item) => item.question.startsWith(start));
  return question?.measured?.(steps) ?? '';
};

describe('the questions people ask', () => {
  it('are at least fifteen, each asked once', () => {
    expect(QUESTIONS.length).toBeGreaterThanOrEqual(15);
    expect(new Set(QUESTIONS.map(({ question }) => question)).size).toBe(QUESTIONS.length);
  });

  it.each(QUESTIONS.filter((item) => item.measured))('take their figures from the recorded run: $question', (item) => {
    expect(item.measured?.(steps)).toMatch(/\d.*\.$/);
    expect(item.measured?.([])).toBeNull();
  });

  it('agree with the recorded run where they say what one shows', () => {
    const numbers = (text: string): number[] => (text.match(/−?\d+(\.\d+)?/g) ?? []).map((number) => Number(number.replace('−', '-'))); // prettier-ignore
    const [solved, forbidden, before] = numbers(measured('Is “wait” real')) as [number, number, number];
    expect(solved).toBeGreaterThan(2 * forbidden); // forbid the word and the gain is gone
    expect(Math.abs(forbidden - before)).toBeLessThan(10);
    const [firstLength, latestLength] = numbers(measured('Why do the answers grow')) as [number, number];
    expect(latestLength).toBeGreaterThan(2 * firstLength);
    const [, latestLoss] = numbers(measured('Why does the loss')) as [number, number];
    expect(latestLoss).toBeGreaterThan(0); // long answers did worse than short ones, and every token has the same say
    expect(recorded.events[0]).toHaveProperty('settings.options.lossType', 'dapo');
    const passed = numbers(measured('Does RL teach').replace('pass@8', '')) as [number, number];
    expect(passed[1]).toBeGreaterThan(passed[0]); // "here it rises"
  });

  it('point to sections that there are and to settings that are valid', () => {
    const pointers = QUESTIONS.flatMap((item) => item.pointers ?? []);
    for (const pointer of pointers) {
      if ('section' in pointer) expect(findSection(pointer.section).id).toBe(pointer.section);
      else expect(settingsOf(pointer.address).steps).toBeGreaterThan(0);
    }
  });
});

describe('the sections', () => {
  it('have names of their own, and the first stands in for one that there is not', () => {
    expect(new Set(SECTIONS.map(({ id }) => id)).size).toBe(SECTIONS.length);
    expect(findSection('nowhere').id).toBe(SECTIONS[0].id);
  });
});
