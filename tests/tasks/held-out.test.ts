import { expect, it } from 'vitest';
import { heldOutPrompts, isHeldOut } from '../../src/tasks/held-out.ts';

it('holds one problem in five out', () => {
  const names = Array.from({ length: 10_000 }, (_, index) => [index % 100, Math.floor(index / 100)] as const);
  expect(names.filter((name) => isHeldOut(...name)).length / names.length).toBeCloseTo(0.2, 1);
});

it('refuses a task with too few problems, instead of drawing for ever', () => {
  const prompts = heldOutPrompts((random) => (random.unit() < 0.5 ? null : `${random.integer(100)}<think>`));
  expect(prompts).toThrow('a task must have 512 problems to hold out, a fifth of all, but it has 100');
  expect(prompts).toThrow(expect.objectContaining({ name: 'bad-settings' }));
});
