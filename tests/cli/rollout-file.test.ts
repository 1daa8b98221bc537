import { describe, expect, it } from 'vitest';
import { readRollout } from '../../src/cli/rollout-file.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';

const tokenizer = new Tokenizer();
const read = (content: unknown): ReturnType<typeof readRollout> =>
  readRollout(JSON.stringify(content), 'rollout.json', tokenizer);

const good = {
  prompts: ['1,2,3>6<think>', '<bos>4>'],
  completions: [
    ['1+2<eos>', ''],
    ['7 no', '<eos>'],
  ],
  rewards: [
    [1.1, 0],
    [-2, 0.1],
  ],
  oldLogprobs: [
    [[-1, -2, -3, -4], []],
    [[-1, -2], [-3]],
  ],
};

describe('a rollout file', () => {
  it('becomes samples, group after group', () => {
    const { groupSize, samples, rewards, oldLogProbs } = read(good);
    expect(groupSize).toBe(2);
    expect(samples.map(({ ids }) => tokenizer.decode(ids))).toEqual([
      '<bos>1,2,3>6<think>1+2<eos>',
      '<bos>1,2,3>6<think>',
      '<bos>4>7 no',
      '<bos>4><eos>',
    ]);
    expect(samples.map(({ promptLength }) => promptLength)).toEqual([9, 9, 3, 3]);
    expect(samples.map(({ truncated }) => truncated)).toEqual([false, true, true, false]);
    expect(rewards).toEqual([1.1, 0, -2, 0.1]);
    expect(oldLogProbs).toEqual([[-1, -2, -3, -4], [], [-1, -2], [-3]]);
  });

  it('may leave the old log-probs out', () => {
    const { prompts, completions, rewards } = good;
    expect(read({ prompts, completions, rewards }).oldLogProbs).toBeNull();
    expect(read({ ...good, oldLogprobs: null }).oldLogProbs).toBeNull();
  });

  it.each([
    [[], 'rollout.json must be a JSON object, but it is a list of 0'],
    [
      { ...good, old_logprobs: [] },
      'rollout.json must hold prompts, completions, rewards and perhaps oldLogprobs, but it also holds "old_logprobs"',
    ],
    [{ ...good, prompts: 'a' }, 'rollout.json: prompts must be a list, but it is "a"'],
    [{ ...good, prompts: [1, 2] }, 'rollout.json: prompts[0] must be a text, but it is 1'],
    [{ ...good, prompts: ['1', '2?'] }, 'rollout.json: prompts[1]: "?" is not in the vocabulary'],
    [{ ...good, prompts: [] }, 'rollout.json must hold at least one prompt with at least one completion'],
    [{ ...good, completions: [[], []] }, 'rollout.json must hold at least one prompt with at least one completion'],
    [{ ...good, completions: undefined }, 'rollout.json must hold at least one prompt with at least one completion'],
    [{ ...good, completions: [['1', '2']] }, 'rollout.json: completions must be a list of 2, but it is a list of 1'],
    [
      { ...good, completions: [['1', '2'], ['3']] },
      'rollout.json: completions[1] must be a list of 2, but it is a list of 1',
    ],
    [
      {
        ...good,
        completions: [
          ['1', '2'],
          ['3', 'x'],
        ],
      },
      'rollout.json: completions[1][1]: "x" is not in the vocabulary',
    ],
    [{ ...good, rewards: undefined }, 'rollout.json: rewards must be a list of 2, but it is missing'],
    [{ ...good, rewards: [[1, 2], [3]] }, 'rollout.json: rewards[1] must be a list of 2, but it is a list of 1'],
    [
      {
        ...good,
        rewards: [
          [1, NaN],
          [3, 4],
        ],
      },
      'rollout.json: rewards[0][1] must be a finite number, but it is null',
    ],
    [
      {
        ...good,
        rewards: [
          ['1', 2],
          [3, 4],
        ],
      },
      'rollout.json: rewards[0][0] must be a finite number, but it is "1"',
    ],
    [
      {
        ...good,
        oldLogprobs: [
          [-1, -2],
          [-1, -2],
        ],
      },
      'rollout.json: oldLogprobs[0][0] must be a list, but it is -1',
    ],
  ])('is refused where it is wrong: %j', (content, message) => {
    expect(() => read(content)).toThrow(
      expect.objectContaining({ name: 'usage', message: expect.stringContaining(message) as string }),
    );
  });

  it('is refused where it is no JSON, or holds a number too large', () => {
    expect(() => readRollout('{', 'rollout.json', tokenizer)).toThrow(
      'rollout.json must be JSON, but it cannot be parsed',
    );
    const tooLarge = JSON.stringify(good).replace('1.1', '1e999');
    expect(() => readRollout(tooLarge, 'rollout.json', tokenizer)).toThrow('rewards[0][0] must be a finite number');
  });
});
