import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Draft, Rollout } from '../../src/grpo/trainer.ts';
import { environmentOf, promptIds } from '../../src/recipes/environment.ts';
import { draftView, groupView, type CompletionView } from '../../src/recipes/group-view.ts';
import { countdown } from '../../src/tasks/countdown.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';

const PROMPT = '3,5,7>22<think>';
const { tokenizer } = countdown;

function rollout(completion: string, changes: Partial<Rollout> = {}): Rollout {
  const prompt = promptIds(tokenizer, changes.prompt ? tokenizer.decode(changes.prompt) : PROMPT);
  const ids = tokenizer.encode(completion);
  const rewards = environmentOf(countdown).grade(prompt, ids);
  return {
    ids,
    logProbs: ids.map((_, index) => -index),
    truncated: !completion.endsWith('<eos>'),
    rewards,
    reward: rewards.reduce((sum, reward) => sum + reward, 0),
    advantage: 0.5,
    groupStd: 0,
    slopes: new Float32Array(ids.length),
    ...changes,
    prompt,
  };
}

/** The attempts as a viewer shows them: the text of their tokens. */
function marked(completion: string): [string, boolean][] {
  const { tokens, attempts } = groupView(countdown, [rollout(completion)], 1).completions[0] as CompletionView;
  return attempts.map(({ start, end, right }) => [tokens.slice(start, end).join(''), right]);
}

describe('the attempts of a completion', () => {
  it('cover exactly what was written, without verdict and wait', () => {
    expect(marked('3+5*7=38 no wait 3*5+7=22 yes</think>3*5+7<eos>')).toEqual([
      ['3+5*7=38', false],
      ['3*5+7=22', true],
    ]);
  });

  it('stand where they were written, though one repeats another or is part of it', () => {
    const { attempts } = groupView(countdown, [rollout('5 no wait 7-5 no wait 5 yes</think>5<eos>')], 1)
      .completions[0] as CompletionView;
    expect(attempts.map(({ start, end }) => [start, end])).toEqual([[0, 1], [3, 6], [8, 9]]); // prettier-ignore
  });

  it('are found in the second language', () => {
    expect(marked('3+5*7=38不等3*5+7=22对</think>3*5+7<eos>')).toEqual([
      ['3+5*7=38', false],
      ['3*5+7=22', true],
    ]);
  });

  it('include the one that was cut off', () => {
    expect(marked('3+5*7=38 no wait 3*5+')).toEqual([
      ['3+5*7=38', false],
      ['3*5+', false],
    ]);
    expect(marked('3*5+7=22')).toEqual([['3*5+7=22', true]]);
  });

  it('succeeded only if calculated right', () => {
    expect(marked('3*5+7=23 no</think>3*5+7<eos>')).toEqual([['3*5+7=23', false]]);
  });

  it('are not looked for in the answer', () => {
    expect(marked('</think>3*5+7<eos>')).toEqual([]);
  });

  it('are exactly those that the task finds, whatever tokens come', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...VOCABULARY), { minLength: 1, maxLength: 40 }), (tokens) => {
        const completion = tokens.join('');
        const texts = marked(completion).map(([text]) => text);
        expect(texts).toEqual(countdown.attempts(PROMPT, completion).map(({ text }) => text));
      }),
      { seed: 1 },
    );
  });
});

describe('the shown group', () => {
  const other = tokenizer.encode('1,2,3>6<think>');

  it('is the one whose rewards differ the most, of equal ones the first', () => {
    const stds = [0, 0.3, 0.3, 0.1];
    const rollouts = stds.flatMap((groupStd, group) => {
      const prompt = tokenizer.encode(`1,2,${group + 1}>${group + 4}<think>`);
      return [rollout('1', { groupStd, prompt }), rollout('2', { groupStd, prompt })];
    });
    const view = groupView(countdown, rollouts, 2);
    expect(view.prompt).toBe('1,2,2>5<think>');
    expect(view.title).toBe('1 2 2 → 5');
    expect(view.completions.map(({ tokens }) => tokens)).toEqual([['1'], ['2']]);
  });

  it('is told before it was learnt from, without advantages and pushes', () => {
    const rollouts = [rollout('3*5+7=22 yes</think>3*5+7<eos>'), rollout('3*5+7=22 yes</think>3<eos>')];
    const draft: Draft = {
      prompts: rollouts.map(({ prompt }) => prompt),
      completions: rollouts,
      rewards: rollouts.map(({ rewards }) => rewards),
      samplingMs: 1,
      gradingMs: 1,
    };
    const learnt = groupView(countdown, rollouts, 2);
    expect(learnt.completions.map(({ reward }) => reward)).toEqual([1.1, 0]);
    expect(draftView(countdown, draft, [1, 1])).toEqual({
      ...learnt,
      completions: learnt.completions.map((completion) => ({ ...completion, advantage: 0, push: [] })),
    });
    expect(draftView(countdown, draft, [0, 2]).completions.map(({ reward }) => reward)).toEqual([0.2, 0]);
  });

  it('is the first where no rewards differ', () => {
    const rollouts = [rollout('1'), rollout('2'), rollout('1', { prompt: other }), rollout('2', { prompt: other })];
    expect(groupView(countdown, rollouts, 2).prompt).toBe(PROMPT);
  });

  it('shows tokens as they were sampled, with their log-probs and rewards by name', () => {
    const completion = '3*5+7=22 yes</think>3*5+7<eos>';
    const [view] = groupView(countdown, [rollout(completion), rollout('3*5')], 2).completions;
    expect(view?.tokens.join('|')).toBe('3|*|5|+|7|=|2|2| yes|</think>|3|*|5|+|7|<eos>');
    expect(view).toMatchObject({
      logProbs: view?.tokens.map((_, index) => -index),
      rewards: { accuracy: 1, format: 0.1 },
      reward: 1.1,
      advantage: 0.5,
      truncated: false,
    });
  });

  it('measures each push against the largest of the group: up where the loss falls', () => {
    const slopes = [Float32Array.of(-0.5, 1), Float32Array.of(2, 0)];
    const rollouts = slopes.map((each) => rollout('12', { slopes: each }));
    const pushes = groupView(countdown, rollouts, 2).completions.map(({ push }) => push.map((value) => value + 0));
    expect(pushes).toEqual([[0.25, -0.5], [-1, 0]]); // prettier-ignore
  });

  it('pushes nothing where the step moved nothing', () => {
    const [view] = groupView(countdown, [rollout('12')], 1).completions;
    expect(view?.push.map(Math.abs)).toEqual([0, 0]);
  });
});
