import { describe, expect, it } from 'vitest';
import type { Completion } from '../../src/inference/client.ts';
import type { Vote } from '../../src/inference/votes.ts';
import { TASKS } from '../../src/tasks/registry.ts';
import { answerView, verdictSentence, voteOf, voteSentence } from '../../src/ui/try/verdict.ts';

const { countdown } = TASKS;
const PROMPT = '3,5,7>22<think>';

function completion(text: string): Completion {
  const { tokenizer } = countdown;
  return { tokens: tokenizer.encode(text).map((id) => tokenizer.decode([id])), finished: text.endsWith('<eos>') };
}

const verdict = (text: string, stopped = false): string =>
  verdictSentence(countdown, PROMPT, completion(text), stopped);

describe('the verdict on an answer', () => {
  it('says of a right one what it took', () => {
    expect(verdict('3+5*7=38 no wait 3*5+7=22 yes</think>3*5+7<eos>')).toBe(
      'Right: 3*5+7 solves 3 5 7 → 22. It took 26 tokens and one wait.',
    );
    expect(verdict('3*5+7=22 yes</think>3*5+7<eos>')).toMatch(/16 tokens and no wait\.$/);
  });

  it('tells a wrong answer from one that is none', () => {
    expect(verdict('3+5+7=15 no</think>3+5+7<eos>')).toMatch(/^Wrong: 3\+5\+7 does not solve 3 5 7 → 22\./);
    expect(verdict('3+5=8 yes</think>3+5<eos>')).toBe('Wrong: 3+5 is no well-formed answer to 3 5 7 → 22.');
    expect(verdict('3+5+7=15 no<eos>')).toBe('Wrong: there is no answer that can be read after its thought.');
  });

  it('says why there is no answer yet', () => {
    expect(verdict('3+5+7=15 no')).toBe('Cut off after 9 tokens, before it came to an answer.');
    expect(verdict('3+5', true)).toBe('Stopped after 3 tokens, before it came to an answer.');
  });
});

describe('an answer on the page', () => {
  it('marks waits, and verdicts that the truth contradicts, while it grows', () => {
    const { thought, final, right } = answerView(countdown, PROMPT, completion('3*5+7=22 no wait 3'), 0);
    const tokens = thought.flat();
    expect(tokens.find(({ role }) => role === 'no')?.mistaken).toBe(true);
    expect(tokens.some(({ role }) => role === 'wait')).toBe(true);
    expect([final, right]).toEqual([[], false]);
  });

  it('gives its vote as it is written', () => {
    expect(voteOf(countdown, PROMPT, completion('3*5+7=22 yes</think>7+3*5<eos>'))).toEqual({ answer: '7+3*5', right: true }); // prettier-ignore
    expect(voteOf(countdown, PROMPT, completion('3*5+7=22 yes'))).toEqual({ answer: null, right: false });
    expect(voteOf(countdown, PROMPT, completion('3*5+7=22 yes</think><eos>')).answer).toBeNull();
  });
});

describe('the sentence on a vote', () => {
  const votes = (text: string): Vote[] =>
    [...text].map((answer) => ({ answer: answer === '-' ? null : answer, right: 'rs'.includes(answer) }));

  it('names the majority, and what a verifier would find', () => {
    expect(voteSentence(votes('rrx-'))).toBe(
      'The majority says r, twice, which is right. Two of four are right, so a verifier that picks finds one.',
    );
    expect(voteSentence(votes('xxxr'))).toBe(
      'The majority says x, three times, which is wrong. One of four is right, so a verifier that picks finds it.',
    );
  });

  it('tells a tie with its odds', () => {
    expect(voteSentence(votes('rrxx'))).toMatch(/^The vote is tied between r and x, twice each: right in 50% of draws by lot\./); // prettier-ignore
    expect(voteSentence(votes('xy'))).toMatch(/tied between x and y, once each: wrong whichever the lot takes\. Not one is right/); // prettier-ignore
    expect(voteSentence(votes('rs'))).toMatch(/right whichever the lot takes\. Two of two are right/);
    expect(voteSentence(votes('vwxyz'))).toMatch(/^The vote is tied between five answers, once each/);
  });

  it('says so where nobody votes', () => {
    expect(voteSentence(votes('---'))).toMatch(/^None came to an answer/);
  });
});
