import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { countdown } from '../../src/tasks/countdown.ts';
import { inTwoLanguages, languagesOf, mixesLanguages, targetLanguageShare } from '../../src/tasks/language.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';
import { corpus, expectShare } from './corpus.ts';

describe('the languages of a thought', () => {
  it('are those of its words, in order; numbers have none', () => {
    expect(languagesOf('1+2=3 no等1 yes</think>1<eos>')).toEqual(['english', 'chinese', 'english']);
    expect(languagesOf('1+2=3')).toEqual([]);
  });

  it('do not include what comes after the thought', () => {
    expect(languagesOf('1不</think> yes<eos>')).toEqual(['chinese']);
    expect(mixesLanguages('1不</think> yes<eos>')).toBe(false);
  });

  it('mix where both occur', () => {
    expect(mixesLanguages('1 no wait 2 yes')).toBe(false);
    expect(mixesLanguages('1不等2对')).toBe(false);
    expect(mixesLanguages('1 no等2 yes')).toBe(true);
  });
});

describe('language consistency', () => {
  it('is the proportion of words in the target language', () => {
    expect(targetLanguageShare('1 no wait 2 yes</think>2<eos>')).toBe(1);
    expect(targetLanguageShare('1 no等2对</think>2<eos>')).toBeCloseTo(1 / 3, 12);
    expect(targetLanguageShare('1不</think>1<eos>')).toBe(0);
  });

  it('earns silence nothing', () => {
    expect(targetLanguageShare('</think>1<eos>')).toBe(0);
  });

  it('is a share for any tokens', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...VOCABULARY), { maxLength: 40 }), (tokens) => {
        const share = targetLanguageShare(tokens.join(''));
        expect(share >= 0 && share <= 1).toBe(true);
      }),
      { seed: 1 },
    );
  });
});

describe('a writer in two languages', () => {
  const english = corpus(countdown, 3000, 0.3).map(({ completion }) => completion);
  const written = (switching: number): string[] => {
    const random = new Random(2);
    return english.map((completion) => inTwoLanguages(random, completion, switching));
  };

  it('says the same in other words', () => {
    const back = (completion: string): string =>
      completion.replaceAll('等', ' wait ').replaceAll('不', ' no').replaceAll('对', ' yes');
    expect(written(0.4).map(back)).toEqual(english);
  });

  it('begins in either language alike often', () => {
    const chinese = written(0.4).filter((completion) => languagesOf(completion)[0] === 'chinese');
    expectShare(chinese.length, english.length, 0.5);
  });

  it('changes language before a word as often as told', () => {
    for (const switching of [0, 0.25, 1]) {
      const turns = written(switching).flatMap((completion) => {
        const languages = languagesOf(completion);
        return languages.slice(1).map((language, index) => language !== languages[index]);
      });
      expect(turns.length).toBeGreaterThan(1000);
      expectShare(turns.filter(Boolean).length, turns.length, switching);
    }
  });
});
