import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { environmentOf, MAX_PROMPT_TOKENS, promptIds, rewardsByName } from '../../src/recipes/environment.ts';
import { TASKS } from '../../src/tasks/registry.ts';

describe.each(Object.values(TASKS))('the environment of $name', (task) => {
  const environment = environmentOf(task);
  const { tokenizer } = task;

  it('grades a demonstration as the task rewards it, in the order of the names', () => {
    const random = new Random(5);
    for (let draw = 0; draw < 20; draw++) {
      const { prompt, completion } = task.sampleDemonstration(random, 0.3);
      const grades = environment.grade(promptIds(tokenizer, prompt), tokenizer.encode(completion));
      expect(grades).toEqual(environment.rewardNames.map((name) => task.rewards[name]?.(prompt, completion)));
      expect(rewardsByName(task, grades)).toEqual({ accuracy: grades[0], format: grades[1] });
    }
  });

  it('draws prompts with <bos> that fit the room kept for them, and none that is held out', () => {
    const random = new Random(6);
    const heldOut = new Set(task.heldOut);
    for (let draw = 0; draw < 2000; draw++) {
      const ids = environment.samplePrompt(random);
      expect(ids[0]).toBe(tokenizer.id('<bos>'));
      expect(ids.length).toBeLessThanOrEqual(MAX_PROMPT_TOKENS);
      expect(heldOut.has(tokenizer.decode(ids.slice(1)))).toBe(false);
    }
    for (const prompt of task.heldOut)
      expect(promptIds(tokenizer, prompt).length).toBeLessThanOrEqual(MAX_PROMPT_TOKENS);
  });

  it('ends completions at <eos>', () => {
    expect(environment.eos).toBe(tokenizer.id('<eos>'));
  });
});

it('a prompt begins with one <bos>, whether its text has it or not', () => {
  const { tokenizer } = TASKS.countdown;
  expect(promptIds(tokenizer, '<bos>1<think>')).toEqual(promptIds(tokenizer, '1<think>'));
  expect(tokenizer.decode(promptIds(tokenizer, '1<think>'))).toBe('<bos>1<think>');
});
