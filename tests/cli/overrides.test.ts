import { describe, expect, it } from 'vitest';
import { override } from '../../src/cli/overrides.ts';

const settings = {
  seed: 1,
  stages: ['a'],
  rl: {
    steps: 10,
    tasks: ['x', 'y'],
    options: { beta: 0.04, lossType: 'dapo', mask: false, delta: null as number | null },
  },
  distill: { teacher: { prompts: 4, length: 8 }, student: { length: 16 } },
};

describe('--set stage.name=value', () => {
  it('puts a value in place, however deep, and leaves all else as it was', () => {
    const before = structuredClone(settings);
    expect(override(settings, 'rl.steps=20')).toEqual({ ...settings, rl: { ...settings.rl, steps: 20 } });
    expect(override(settings, 'rl.beta=0.1').rl.options.beta).toBe(0.1);
    expect(override(settings, 'rl.lossType=grpo').rl.options.lossType).toBe('grpo');
    expect(override(settings, 'rl.mask=true').rl.options.mask).toBe(true);
    expect(override(settings, 'rl.delta=4').rl.options.delta).toBe(4);
    expect(override(settings, 'rl.tasks=z').rl.tasks).toEqual(['z']);
    expect(settings).toEqual(before);
  });

  it('takes the whole way to a name that occurs twice', () => {
    expect(override(settings, 'distill.length=9').distill).toEqual({
      teacher: { prompts: 4, length: 9 },
      student: { length: 16 },
    });
    expect(override(settings, 'distill.student.length=9').distill.student.length).toBe(9);
  });

  it('takes a setting of no stage by its name alone', () => {
    expect(override(settings, 'seed=7')).toEqual({ ...settings, seed: 7 });
    expect(override(settings, 'stages=b,c').stages).toEqual(['b', 'c']);
  });

  it.each([
    ['rl.beta', 'stage.name=value'],
    ['beta=1', 'takes a name of seed, stages, but it is "beta"'],
    ['rl=1', 'takes a name of seed, stages, but it is "rl"'],
    ['seed.x=1', 'the stage one of rl, distill'],
    ['toString.length=1', 'the stage one of rl, distill'],
    ['rl.gamma=1', '--set rl.name=value takes a name of steps, tasks, beta'],
    ['rl.options=1', 'takes a name of steps'],
    ['rl.beta=high', 'must be a number, but it is "high"'],
    ['rl.beta=', 'must be a number'],
    ['rl.mask=1', 'must be true or false'],
  ])('refuses %s', (pair, message) => {
    expect(() => override(settings, pair)).toThrow(message);
    expect(() => override(settings, pair)).toThrow(expect.objectContaining({ name: 'usage' }));
  });
});
