import { describe, expect, it } from 'vitest';
import { sortAnswers, toAnswer } from '../../src/ui/state/completions.ts';
import type { CompletionView } from '../../src/worker/protocol.ts';

const completion = (tokens: readonly string[], changes: Partial<CompletionView> = {}): CompletionView => ({
  tokens,
  push: tokens.map(() => 0.5),
  logProbs: tokens.map(() => -1),
  rewards: { accuracy: 1, format: 0.1 },
  reward: 1.1,
  advantage: 1,
  attempts: [],
  truncated: false,
  ...changes,
});

const THOUGHT = [
  '3',
  '+',
  '5',
  '=',
  '8',
  ' no',
  ' wait ',
  '5',
  '+',
  '3',
  '=',
  '8',
  ' yes',
  '</think>',
  '5',
  '+',
  '3',
  '<eos>',
];

describe('a completion as it is read', () => {
  it('breaks between tries and waits, never inside one', () => {
    const answer = toAnswer(completion(THOUGHT), 0);
    expect(answer.thought.map((piece) => piece.map((token) => token.text).join(''))).toEqual([
      '3+5=8no',
      'wait',
      '5+3=8yes',
    ]);
    expect(answer.final.map((token) => token.text).join('')).toBe('</think>5+3<eos>');
    expect(answer.waits).toBe(1);
  });

  it('knows neither advantage nor pushes before it was learnt from', () => {
    const answer = toAnswer(completion(THOUGHT, { push: [], advantage: 0 }), 0);
    expect(answer.advantage).toBeNull();
    expect(answer.thought.flat().map((token) => token.push)).toEqual(answer.thought.flat().map(() => null));
    const learnt = toAnswer(completion(THOUGHT), 0);
    expect(learnt.advantage).toBe(1);
    expect(learnt.final.map((token) => token.push)).toEqual(learnt.final.map(() => 0.5));
  });

  it('keeps every token in its place', () => {
    const answer = toAnswer(completion(THOUGHT), 0);
    expect([...answer.thought.flat(), ...answer.final].map((token) => token.index)).toEqual(
      THOUGHT.map((_, index) => index),
    );
  });

  it('marks a verdict that the truth contradicts', () => {
    const attempts = [
      { start: 0, end: 5, right: true },
      { start: 7, end: 12, right: false },
    ];
    const tokens = toAnswer(completion(THOUGHT, { attempts }), 0).thought.flat();
    expect(tokens.filter((token) => token.mistaken).map((token) => token.text)).toEqual(['no', 'yes']);
  });

  it('has no answer where the completion was cut off', () => {
    const answer = toAnswer(completion(['3', '+'], { truncated: true }), 0);
    expect(answer.final).toEqual([]);
    expect(answer.thought.flat()).toHaveLength(2);
  });

  it('counts the waits of the second language', () => {
    expect(toAnswer(completion(['1', '不', '等', '1', '对', '</think>', '<eos>']), 0).waits).toBe(1);
  });

  it('survives a completion without any token', () => {
    expect(toAnswer(completion([]), 3)).toMatchObject({ number: 4, thought: [], final: [], waits: 0 });
  });
});

describe('the order of answers', () => {
  const answers = [
    completion(['1'], { reward: 0.1 }),
    completion(['1', ' wait ', '2'], { reward: 1.1 }),
    completion(['1', '2', '3', '4'], { reward: 0.1 }),
  ].map(toAnswer);
  const numbers = (order: Parameters<typeof sortAnswers>[1]): number[] =>
    sortAnswers(answers, order).map(({ number }) => number);

  it('puts the highest first and leaves equal ones in their place', () => {
    expect(numbers('reward')).toEqual([2, 1, 3]);
    expect(numbers('length')).toEqual([3, 2, 1]);
    expect(numbers('waits')).toEqual([2, 1, 3]);
  });
});
