import { describe, expect, it } from 'vitest';
import { OPTION_SPECS } from '../../src/grpo/options.ts';
import { PRESET_NAMES, PRESETS } from '../../src/recipes/presets.ts';
import { FIELD_NAMES, MAIN_FIELDS, OPTION_NAMES, presetText } from '../../src/ui/state/fields.ts';
import { Settings } from '../../src/ui/state/settings.svelte.ts';

describe('the form', () => {
  it('starts valid, as the first preset', () => {
    expect(new Settings().valid).toEqual({
      preset: 'aha',
      task: 'countdown',
      seed: 1,
      steps: 250,
      options: PRESETS.aha.options,
    });
  });

  it('has a field for every option, and the main ones on the first screen', () => {
    expect([...OPTION_NAMES].sort()).toEqual(Object.keys(OPTION_SPECS).sort());
    expect(MAIN_FIELDS).toContain('learningRate');
    expect(MAIN_FIELDS).not.toContain('adamBeta2');
  });

  it.each(PRESET_NAMES)('writes every value of preset %s so that it reads back the same', (name) => {
    const settings = new Settings();
    settings.choosePreset(name);
    for (const field of FIELD_NAMES) {
      settings.setText(field, `${presetText(PRESETS[name], field)} `);
    }
    expect(settings.valid?.options).toEqual(PRESETS[name].options);
    expect(settings.valid?.task).toBe(PRESETS[name].task);
  });

  it.each([
    ['learningRate', '5', 'must be a number from 0 to 0.1, but it is 5'],
    ['learningRate', 'fast', 'must be a number from 0 to 0.1, but it is "fast"'],
    ['promptsPerStep', '2.5', 'must be a whole number from 1 to 256, but it is 2.5'],
    ['rewardWeights', '1', 'must be 2 numbers from -1000 to 1000, but it is [1]'],
    ['seed', '-1', 'must be a whole number from 0 to 4294967295, but it is "-1"'],
    ['steps', '0', 'must be a whole number from 1 to 100000, but it is 0'],
    ['numGenerations', '1', 'must be at least 2 with advantageEstimator grpo, but it is 1'],
  ] as const)('says beside %s = %s what it must be, and cannot start', (field, text, problem) => {
    const settings = new Settings();
    settings.setText(field, text);
    expect(settings.problems).toEqual({ [field]: problem });
    expect(settings.valid).toBeNull();
    settings.setText(field, presetText(settings.preset, field));
    expect(settings.valid).not.toBeNull();
  });

  it('names every wrong field at once', () => {
    const settings = new Settings();
    settings.setText('beta', '-1');
    settings.setText('temperature', '');
    expect(Object.keys(settings.problems).sort()).toEqual(['beta', 'temperature']);
  });

  it('takes one answer a problem where no baseline needs more', () => {
    const settings = new Settings();
    settings.setText('numGenerations', '1');
    settings.setText('advantageEstimator', 'reinforce');
    expect(settings.valid?.options.numGenerations).toBe(1);
  });

  it('chooses the first preset of a task, and keeps the seed', () => {
    const settings = new Settings();
    settings.setText('seed', '7');
    settings.setText('beta', '0');
    settings.chooseTask('countdown-easy');
    expect(settings.valid).toMatchObject({ preset: 'first-lesson', task: 'countdown-easy', seed: 7 });
    expect(settings.valid?.options.beta).toBe(PRESETS['first-lesson'].options.beta);
  });
});

describe('the address', () => {
  it('is empty for the first preset as it is', () => {
    expect(new Settings().address).toBe('');
  });

  it('holds only what differs from the preset, and reads back the same settings', () => {
    const settings = new Settings();
    settings.choosePreset('first-lesson');
    settings.setText('learningRate', '5e-4');
    settings.setText('seed', '7');
    settings.setText('beta', presetText(settings.preset, 'beta'));
    expect(settings.address).toBe('preset=first-lesson&seed=7&learningRate=5e-4');
    const again = new Settings();
    again.readAddress(`?${settings.address}`);
    expect(again.valid).toEqual(settings.valid);
    expect(again.address).toBe(settings.address);
  });

  it('takes a task alone for its first preset', () => {
    const settings = new Settings();
    settings.readAddress('?task=addition');
    expect(settings.preset.name).toBe('carry');
  });

  it('keeps a wrong value for its field to complain about', () => {
    const settings = new Settings();
    settings.readAddress('?temperature=hot');
    expect(settings.text('temperature')).toBe('hot');
    expect(settings.problems.temperature).toMatch(/^must be a number/);
  });

  it('leaves unknown names alone and refuses an unknown preset', () => {
    const settings = new Settings();
    settings.readAddress('?utm_source=mail');
    expect(settings.address).toBe('');
    expect(() => {
      settings.readAddress('?preset=magic');
    }).toThrow(/there is no preset "magic"/);
  });
});
