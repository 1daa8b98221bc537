import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerOf, judgeThought, writeCompletion } from '../../src/tasks/completion.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';

const split = (completion: string): [string, string | null, boolean | null][] =>
  judgeThought(completion, () => ({ right: false, arithmetic: true, deservesYes: false })).map((attempt) => [
    attempt.text,
    attempt.verdict,
    attempt.waited,
  ]);

describe('judgeThought', () => {
  it('ends an attempt at a verdict, a wait or the end of thought', () => {
    expect(split('1 no wait 2 wait 3 yes</think>4<eos>')).toEqual([
      ['1', 'no', true],
      ['2', null, true],
      ['3', 'yes', false],
    ]);
    expect(split('1</think>2<eos>')).toEqual([['1', null, false]]);
  });

  it('reads the second language alike', () => {
    expect(split('1不等2等3对</think>')).toEqual(split('1 no wait 2 wait 3 yes</think>'));
  });

  it('does not know whether a wait would have come where the completion is cut off', () => {
    expect(split('1')).toEqual([['1', null, null]]);
    expect(split('1 no')).toEqual([['1', 'no', null]]);
    expect(split('1 no wait ')).toEqual([['1', 'no', true]]);
    expect(split('1 no<eos>')).toEqual([['1', 'no', false]]);
    expect(split('1 no wait 2')).toEqual([['1', 'no', true], ['2', null, null]]); // prettier-ignore
  });

  it('looks at the very next token', () => {
    expect(split('1 no2 wait ')).toEqual([['1', 'no', false], ['2', null, true]]); // prettier-ignore
    expect(split('1 no2')).toEqual([['1', 'no', false], ['2', null, null]]); // prettier-ignore
    expect(split('1 no yes wait ')).toEqual([['1', 'no', false]]);
  });

  it('finds no attempt where none is written', () => {
    for (const completion of ['', '</think>', '<eos>', ' wait ', ' no', ' wait  wait  yes</think>1<eos>'])
      expect(split(completion)).toEqual([]);
  });

  it('takes any tokens, and loses no text of the thought', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...VOCABULARY), { maxLength: 40 }), (tokens) => {
        const completion = tokens.join('');
        const thought = completion.split(/<\/think>|<eos>/u)[0] ?? '';
        const texts = split(completion).map(([text]) => text);
        expect(texts.join('')).toBe(thought.replaceAll(/ wait | no| yes|等|不|对/gu, ''));
      }),
      { seed: 1 },
    );
  });
});

describe('answerOf', () => {
  it('is what stands between the only end of thought and the end', () => {
    expect(answerOf('1 yes</think>2<eos>')).toBe('2');
    expect(answerOf('</think><eos>')).toBe('');
  });

  it.each(['2<eos>', '</think>2', '</think>2</think><eos>', '<eos></think>2<eos>', '', '<eos>'])(
    'is null in %j',
    (text) => {
      expect(answerOf(text)).toBeNull();
    },
  );
});

describe('writeCompletion', () => {
  it('stops where one more of the longest attempts would not fit', () => {
    const longest = { attempt: 4, answer: 3, completion: 30 };
    const draw = () => ({ text: '1234', right: false, result: '4', answer: '123' });
    const completion = writeCompletion(longest, draw, () => true);
    expect(completion).toBe('1234 no wait 1234 no wait 1234 no wait 1234 no</think>123<eos>');
  });
});
