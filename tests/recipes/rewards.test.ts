import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { promptIds } from '../../src/recipes/environment.ts';
import { REWARD_NAMES, rewardFunctions, taskMix, type RewardWeights } from '../../src/recipes/rewards.ts';
import { addition } from '../../src/tasks/addition.ts';
import { countdown } from '../../src/tasks/countdown.ts';

const PROMPT = '3,5,7>22<think>';
const rewards = rewardFunctions(countdown, 100);
const weights = (given: Partial<RewardWeights>): RewardWeights => ({
  accuracy: 0, format: 0, language: 0, brevity: 0, repeats: 0, ...given,
}); // prettier-ignore

describe('the rewards of a completion', () => {
  const right = '3*5+7=22 yes</think>3*5+7<eos>';
  const wrong = '3+5+7=15 no</think>3+5+7<eos>';

  it('have the names that weights have', () => {
    expect(Object.keys(rewards)).toEqual([...REWARD_NAMES]);
  });

  it('accuracy and format are those of the task', () => {
    for (const completion of [right, wrong, '</think>']) {
      expect(rewards.accuracy(PROMPT, completion)).toBe(countdown.rewards['accuracy']?.(PROMPT, completion));
      expect(rewards.format(PROMPT, completion)).toBe(countdown.rewards['format']?.(PROMPT, completion));
    }
  });

  it('language is the share of words in the target language', () => {
    expect(rewards.language(PROMPT, right)).toBe(1);
    expect(rewards.language(PROMPT, '3+5+7=15 no等3*5+7=22 yes</think>3*5+7<eos>')).toBeCloseTo(2 / 3, 12);
  });

  it('brevity is what a right answer left of the budget, and nothing for a wrong one', () => {
    expect(rewards.brevity(PROMPT, right)).toBeCloseTo(1 - 16 / 100, 12); // 8 of the attempt, yes, </think>, 5, <eos>
    const longer = '3+5+7=15 no wait 3*5+7=22 yes</think>3*5+7<eos>';
    expect(rewards.brevity(PROMPT, longer)).toBeCloseTo(1 - 26 / 100, 12);
    expect(rewards.brevity(PROMPT, wrong)).toBe(0);
  });

  it('repeats takes away the share of attempts made before', () => {
    expect(rewards.repeats(PROMPT, right)).toBe(0);
    expect(rewards.repeats(PROMPT, '')).toBe(0);
    const twice = '3+5+7=15 no wait 3*5+7=22 no wait 3+5+7=15 no wait 3+5+7=15 no</think>';
    expect(rewards.repeats(PROMPT, twice)).toBe(-0.5);
  });
});

describe('a mix of tasks', () => {
  const tasks = [countdown, addition];
  const { tokenizer } = countdown;

  it('draws training problems of every task alike often', () => {
    const { environment } = taskMix(tasks, weights({ accuracy: 1 }), 100);
    const random = new Random(1);
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 1000; draw++) {
      const prompt = tokenizer.decode(environment.samplePrompt(random));
      const owner = tasks.find((task) => task.owns(prompt))?.name ?? 'none';
      expect(countdown.heldOut).not.toContain(prompt.replace('<bos>', ''));
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['addition', 'countdown']);
    expect(counts.get('addition')).toBeGreaterThan(400);
    expect(counts.get('countdown')).toBeGreaterThan(400);
  });

  it('judges a completion by the task that its prompt is of', () => {
    const { environment } = taskMix(tasks, weights({ accuracy: 1, format: 1 }), 100);
    const grade = (prompt: string, completion: string): readonly number[] =>
      environment.grade(promptIds(tokenizer, prompt), tokenizer.encode(completion));
    expect(grade('12+7<think>', '2+7+0=9,1+0+0=1>19 yes</think>19<eos>')).toEqual([1, 0.1]);
    expect(grade(PROMPT, '2+7+0=9,1+0+0=1>19 yes</think>19<eos>')).toEqual([0, 0]);
    expect(grade(PROMPT, '3*5+7=22 yes</think>3*5+7<eos>')).toEqual([1, 0.1]);
  });

  it('takes the rewards that have a weight, in one order', () => {
    const { environment, rewardWeights } = taskMix(tasks, weights({ repeats: 0.3, accuracy: 2, language: 0.5 }), 100);
    expect(environment.rewardNames).toEqual(['accuracy', 'language', 'repeats']);
    expect(rewardWeights).toEqual([2, 0.5, 0.3]);
    const completion = tokenizer.encode('3*5+7=22 yes</think>3*5+7<eos>');
    expect(environment.grade(promptIds(tokenizer, PROMPT), completion)).toEqual([1, 1, 0]);
  });

  it('refuses to reward nothing, to be of no task, and a prompt of another', () => {
    expect(() => taskMix(tasks, weights({}), 100)).toThrow(expect.objectContaining({ name: 'bad-settings' }));
    expect(() => taskMix([], weights({ accuracy: 1 }), 100)).toThrow(expect.objectContaining({ name: 'bad-settings' }));
    const { environment } = taskMix([addition], weights({ accuracy: 1 }), 100);
    expect(() => environment.grade(promptIds(tokenizer, PROMPT), [])).toThrow('expected a prompt of addition');
  });
});
