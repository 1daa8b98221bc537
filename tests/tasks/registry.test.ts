import { expect, it } from 'vitest';
import { findTask, TASKS } from '../../src/tasks/registry.ts';
import { TASK_NAMES } from '../../src/tasks/task.ts';
import { describeTask } from './contract.ts';

Object.values(TASKS).forEach(describeTask);

it('finds every task by its own name', () => {
  expect(Object.keys(TASKS)).toEqual([...TASK_NAMES]);
  for (const name of TASK_NAMES) expect(findTask(name).name).toBe(name);
});

it.each(['', 'Countdown', 'toString'])('refuses %j, naming the tasks there are', (name) => {
  expect(() => findTask(name)).toThrow('countdown, countdown-easy, addition');
  expect(() => findTask(name)).toThrow(expect.objectContaining({ name: 'bad-settings' }));
});

it('a prompt tells countdown from addition', () => {
  const { countdown, addition } = TASKS;
  expect(countdown.heldOut.some((prompt) => addition.owns(prompt))).toBe(false);
  expect(addition.heldOut.some((prompt) => countdown.owns(prompt))).toBe(false);
});
