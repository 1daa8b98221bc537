import { describe, expect, it } from 'vitest';
import { chartSentence, points, STORY_CHARTS, TRAINING_CHARTS } from '../../src/ui/state/charts.ts';
import { toAnswer } from '../../src/ui/state/completions.ts';
import { advance, EMPTY_VIEW, type RunView } from '../../src/ui/state/run-view.ts';
import {
  announcement,
  answerSentence,
  figure,
  groupSentence,
  outcomeSentence,
  pushWords,
  signed,
  tokenSentence,
  waitSentence,
} from '../../src/ui/state/sentences.ts';
import type { CompletionView } from '../../src/worker/protocol.ts';
import { simulatedEvents } from './simulated-run.ts';

const answered = (accuracy: number, advantage: number): CompletionView => ({
  tokens: ['7', ' wait ', '<eos>'],
  push: [0.7, 0.1, 0],
  logProbs: [-0.001, Math.log(0.34), -2],
  rewards: { accuracy, format: 0.1 },
  reward: accuracy + 0.1,
  advantage,
  attempts: [],
  truncated: false,
});
const group = (completions: CompletionView[]) => ({ prompt: '', title: '', completions });
const view = (count: number): RunView => simulatedEvents().slice(0, count).reduce(advance, EMPTY_VIEW);

describe('sentences', () => {
  it('tell how a group did', () => {
    expect(groupSentence(group([answered(1, 1), answered(0, -1)]))).toMatch(
      /^1 of 2 got it\. The average reward is 0\.60/,
    );
    expect(groupSentence(group([answered(0, 1e-9), answered(0, -1e-9)]))).toMatch(
      /^None of 2 got it, .* teaches nothing\.$/,
    );
    expect(groupSentence(group([answered(1, 0), answered(1, 0)]))).toMatch(/^All 2 got it, /);
    expect(groupSentence(group([]))).toBe('No answers were sampled.');
  });

  it('tell an answer and its tokens', () => {
    const answer = toAnswer(answered(1, 1.25), 2);
    expect(answerSentence(answer)).toBe('Answer 3, right, reward 1.10, advantage +1.25, one wait');
    const [seven, wait, end] = [...answer.thought.flat(), ...answer.final];
    expect(seven && tokenSentence(seven)).toBe(
      'It was all but certain (log-prob −0.00). This step pushes it up strongly (+0.70).',
    );
    expect(wait && tokenSentence(wait)).toBe(
      'It had a chance of 34% (log-prob −1.08). This step pushes it up a little (+0.10).',
    );
    expect(end && tokenSentence(end)).toBe(
      'It had a chance of 14% (log-prob −2.00). This step hardly moves it (0.00).',
    );
    expect(pushWords(-0.4)).toBe('pushed down');
  });

  it('tell of a group that nothing was learnt from yet what is known of it', () => {
    const drafts = [answered(1, 0), answered(0, 0)].map((completion) => ({ ...completion, push: [] }));
    expect(groupSentence(group(drafts))).toMatch(
      /^1 of 2 got it\. .* This is the base model, .*with the first step\.$/,
    );
    const answer = toAnswer(drafts[0]!, 0);
    expect(answerSentence(answer)).toBe('Answer 1, right, reward 1.10, one wait');
    const [seven] = answer.thought.flat();
    expect(seven && tokenSentence(seven)).toBe('It was all but certain (log-prob −0.00).');
  });

  it('tell after how many of its tries it said wait', () => {
    expect(waitSentence(view(253).steps)).toMatch(
      /^It said wait after 8\d% of its wrong tries and after \d% of its right ones\.$/,
    );
    expect(waitSentence([])).toBeNull();
  });

  it('tell what came of a run', () => {
    expect(outcomeSentence(view(254).steps)).toMatch(
      /^It solves 4\d% of the problems that it never trained on, 1\d% at the start\.$/,
    );
    expect(outcomeSentence([])).toBeNull();
  });

  it('announce a running step only every 25 steps, and every change of phase', () => {
    const heard = new Set<string>();
    let view = EMPTY_VIEW;
    for (const event of simulatedEvents()) {
      view = advance(view, event);
      heard.add(announcement(view));
    }
    expect([...heard].filter((sentence) => sentence.startsWith('Step '))).toHaveLength(11);
    expect([...heard].at(-1)).toMatch(/^Finished after 250 steps\. It said wait/);
  });

  it('write numbers with a sign and as short as they need', () => {
    expect([1.254, -0.75, -0.001].map(signed)).toEqual(['+1.25', '−0.75', '0.00']);
    expect([0, 0.000031, 0.0421, 0.5, 36.14, 1234.5].map(figure)).toEqual([
      '0',
      '3.1e-5',
      '0.042',
      '0.50',
      '36.1',
      '1,235',
    ]);
  });
});

describe('charts', () => {
  it('say in a sentence what they draw', () => {
    const [wait] = STORY_CHARTS;
    expect(wait && chartSentence(wait, view(253).steps)).toMatch(
      /^When it says wait: after a wrong try \d+% at first, 8\d% now; after a right one \d+% at first, \d% now\.$/,
    );
    expect(wait && chartSentence(wait, [])).toBe('When it says wait: nothing measured yet.');
  });

  it('draw only what was measured', () => {
    expect(points(view(30).steps, 'eval/accuracy').map(({ x }) => x)).toEqual([0, 10, 20]);
    expect(points(view(30).steps, 'no such metric')).toEqual([]);
  });

  it('have names of their own', () => {
    const titles = [...STORY_CHARTS, ...TRAINING_CHARTS].map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });
});
