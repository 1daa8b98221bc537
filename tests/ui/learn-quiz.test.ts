import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isExperiment, settingsOf } from '../../src/ui/learn/quiz/experiment.ts';
import { QuizProgress } from '../../src/ui/learn/quiz/progress.svelte.ts';
import { QUIZ, type Prediction, type QuizQuestion } from '../../src/ui/learn/quiz/questions.ts';
import { advance, EMPTY_VIEW, type StepRecord } from '../../src/ui/state/run-view.ts';
import type { RecordedRun } from '../../src/worker/protocol.ts';

const predictions = QUIZ.filter((question) => question.kind === 'prediction');
const find = (id: string): QuizQuestion => QUIZ.find((question) => question.id === id)!;
const step = (number: number, metrics: Record<string, number>): StepRecord => ({
  step: number,
  metrics,
  group: null,
  stepMs: 1,
  tokens: 1,
});

/** A storage in memory; it fails where `broken`. */
function storage(content: string | null = null, broken = false) {
  const kept = { text: content };
  const guard = (): void => {
    if (broken) throw new DOMException('no storage here');
  };
  return {
    kept,
    getItem: () => (guard(), kept.text),
    setItem: (_: string, text: string) => (guard(), void (kept.text = text)),
    removeItem: () => (guard(), void (kept.text = null)),
  };
}

describe('the quiz', () => {
  it('has at least fifteen questions, several of them to predict and run', () => {
    expect(QUIZ.length).toBeGreaterThanOrEqual(15);
    expect(predictions.length).toBeGreaterThanOrEqual(6);
    expect(new Set(QUIZ.map(({ id }) => id)).size).toBe(QUIZ.length);
  });

  it('has one right option for each question of knowledge, and a reason for each outcome of a prediction', () => {
    for (const question of QUIZ) {
      if (question.kind === 'knowledge') expect(question.options[question.right]).toBeDefined();
      else expect(question.reasons).toHaveLength(question.options.length);
    }
  });

  it.each(predictions)('loads an experiment that the playground accepts: $id', ({ address }) => {
    expect(isExperiment(settingsOf(address), address)).toBe(true);
  });

  it('takes no other run for the experiment', () => {
    const wanted = settingsOf('preset=aha');
    expect(isExperiment({ ...wanted, seed: 9 }, 'preset=aha')).toBe(true);
    expect(isExperiment({ ...wanted, steps: wanted.steps + 50 }, 'preset=aha')).toBe(true);
    expect(isExperiment({ ...wanted, steps: wanted.steps - 1 }, 'preset=aha')).toBe(false);
    expect(isExperiment({ ...wanted, options: { ...wanted.options, beta: 0 } }, 'preset=aha')).toBe(false);
    expect(isExperiment(wanted, 'preset=forgetting')).toBe(false);
  });
});

describe('predictions', () => {
  const aha = find('aha') as Prediction;

  it('are judged by what the run measured', () => {
    const recorded = JSON.parse(readFileSync('public/recorded-aha.json', 'utf8')) as RecordedRun;
    const { steps, settings } = recorded.events.reduce(advance, EMPTY_VIEW);
    expect(settings && isExperiment(settings, aha.address)).toBe(true);
    expect(aha.judge(steps, true)).toEqual({
      option: 0,
      sentence: '“Wait” after a right try went from 22% to 2%.',
    });
  });

  it('tell a fall, a standstill and a rise apart', () => {
    const outcome = (latest: number) =>
      aha.judge([step(0, { 'eval/wait_given_right': 0.2 }), step(9, { 'eval/wait_given_right': latest })], true)
        ?.option;
    expect([0, 0.18, 0.6].map(outcome)).toEqual([0, 1, 2]);
  });

  it('wait until enough was measured', () => {
    const records = [step(0, { 'eval/wait_given_right': 0.2 }), step(1, { frac_reward_zero_std: 0.9 })];
    expect(aha.judge(records, false)).toBeNull();
    const pairs = find('pairs') as Prediction;
    expect(pairs.judge(records, false)).toBeNull();
    const five = [1, 2, 3, 4, 5].map((number) => step(number, { frac_reward_zero_std: 0.67 }));
    expect(pairs.judge(five, false)?.option).toBe(2);
  });
});

describe('the progress', () => {
  it('is kept, and read back', () => {
    const place = storage();
    const progress = new QuizProgress(QUIZ, place);
    progress.choose(find('odd-one'), 0);
    progress.choose(find('aha'), 2);
    progress.record(find('aha'), { option: 0, sentence: 'It fell.' });
    const again = new QuizProgress(QUIZ, place);
    expect(again.chosen(find('aha'))).toBe(2);
    expect(again.outcome(find('aha'))).toEqual({ option: 0, sentence: 'It fell.' });
    expect([again.verdict(find('odd-one')), again.verdict(find('aha'))]).toEqual([true, false]);
    expect([again.answered, again.right]).toEqual([2, 1]);
  });

  it('lets the first choice stand', () => {
    const progress = new QuizProgress(QUIZ, storage());
    progress.choose(find('equal'), 0);
    progress.choose(find('equal'), 1);
    expect(progress.verdict(find('equal'))).toBe(false);
  });

  it('gives no verdict on a prediction before its run', () => {
    const progress = new QuizProgress(QUIZ, storage());
    progress.choose(find('aha'), 0);
    expect(progress.verdict(find('aha'))).toBeNull();
  });

  it.each([
    'not json',
    'null',
    '[]',
    '{"chosen":7}',
    '{"chosen":{"aha":"x","equal":99,"gone":1},"outcomes":{"aha":{"option":-1},"odd-one":{"option":0,"sentence":"s"}}}',
  ])('drops what it cannot read: %s', (text) => {
    const progress = new QuizProgress(QUIZ, storage(text));
    expect(progress.answered).toBe(0);
    expect(QUIZ.every((question) => progress.outcome(question) === null)).toBe(true);
  });

  it('goes on without a storage', () => {
    const progress = new QuizProgress(QUIZ, storage(null, true));
    progress.choose(find('equal'), 1);
    expect(progress.right).toBe(1);
    progress.forget();
    expect(progress.answered).toBe(0);
  });
});
