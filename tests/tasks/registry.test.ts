import { expect, it } from 'vitest';
import { findTask, TASKS } from '../../src/tasks/registry.ts';
import { TASK_NAMES } from '../../src/tasks/task.ts';

it('finds every task by its own name', () => {
  expect(Object.keys(TASKS)).toEqual([...TASK_NAMES]);
  for (const name of TASK_NAMES) expect(findTask(name).name).toBe(name);
});

it.each(['', 'Countdown', 'toString'])('refuses %j, naming the tasks there are', (name) => {
  expect(() => findTask(name)).toThrow('countdown, countdown-easy, addition');
  expect(() => findTask(name)).toThrow(expect.objectContaining({ name: 'bad-settings' }));
});

it('lists accuracy before format, the order of the reward weights', () => {
  for (const task of Object.values(TASKS)) expect(Object.keys(task.rewards)).toEqual(['accuracy', 'format']);
});
