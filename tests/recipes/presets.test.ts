// Each preset with what it stands on: its task, its base model in models/, and how that was made.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MODELS, readModel } from '../../src/cli/files.ts';
import { optionProblems } from '../../src/grpo/options.ts';
import { MAX_PROMPT_TOKENS } from '../../src/recipes/environment.ts';
import { findPreset, PRESET_NAMES, PRESETS } from '../../src/recipes/presets.ts';
import { BASES } from '../../src/recipes/pretrain.ts';
import { findTask, TASKS } from '../../src/tasks/registry.ts';

const presets = Object.values(PRESETS);

describe('a preset', () => {
  it('is found by its name', () => {
    expect(Object.keys(PRESETS)).toEqual([...PRESET_NAMES]);
    for (const name of PRESET_NAMES) expect(findPreset(name)).toMatchObject({ name });
  });

  it.each(['', 'Aha', 'toString'])('is refused as %j, naming those there are', (name) => {
    expect(() => findPreset(name)).toThrow(
      expect.objectContaining({
        name: 'bad-settings',
        message: `there is no preset "${name}"; the presets are ${PRESET_NAMES.join(', ')}`,
      }),
    );
  });

  it('promises in one sentence what will happen', () => {
    for (const { name, promise } of presets) expect(promise, name).toMatch(/^[A-Z][^.]*\.$/u);
  });

  it.each(presets)('$name: options that may be, on a model of the task with room for its completions', (preset) => {
    expect(optionProblems(preset.options)).toEqual({});
    const { tokenizer, maxCompletionLength } = findTask(preset.task);
    const { checkpoint } = readModel(join(MODELS, preset.model), tokenizer);
    const longest = preset.options.maxCompletionLength;
    expect(longest).toBeGreaterThanOrEqual(maxCompletionLength);
    expect(MAX_PROMPT_TOKENS + longest).toBeLessThanOrEqual(checkpoint.config.maxPositions);
  });

  it('there is for every task', () => {
    expect(new Set(presets.map(({ task }) => task))).toEqual(new Set(Object.keys(TASKS)));
  });
});

describe('a base model', () => {
  const models = [...new Map(presets.map(({ model, task }) => [model, task]))].map(([model, task]) => ({
    model,
    task,
  }));

  it.each(models)(
    '$model has the sizes that its task is pretrained with, and a card that says how',
    ({ model, task }) => {
      const { hiddenSize, intermediateSize, numLayers, numHeads, steps, waitPrior } = BASES[task];
      const { config } = readModel(join(MODELS, model)).checkpoint;
      expect(config).toMatchObject({ hiddenSize, intermediateSize, numLayers, numHeads });
      const card = readFileSync(join(MODELS, model, 'README.md'), 'utf8');
      expect(card).toMatch(new RegExp(`^npm run -s grpo -- pretrain --task ${task} .*--out models/${model}$`, 'mu'));
      expect(card).toContain(`pretrained for ${steps} steps`);
      const prior = Number(/--wait-prior (\S+)/u.exec(card)?.[1] ?? waitPrior);
      expect(card).toContain(`"wait" follows a verdict with probability ${prior}`);
    },
  );

  it('calculates, judges and waits at random, by the figures on its card', () => {
    for (const { model, task } of models) {
      const card = readFileSync(join(MODELS, model, 'README.md'), 'utf8');
      const figure = (name: string): number => Number(new RegExp(`\`${name}\` \\| (\\S+)`, 'u').exec(card)?.[1]);
      expect(figure('aha/verdict'), model).toBeGreaterThan(0.97);
      expect(figure('aha/arithmetic'), model).toBeGreaterThan(task === 'addition' ? 0.5 : 0.97); // it slips on purpose
      expect(Math.abs(figure('aha/wait_given_wrong') - figure('aha/wait_given_right')), model).toBeLessThan(0.1);
    }
  });
});
