// trl: a run as a folder for TRL, Hugging Face's trainer; nothing is trained here
import { join } from 'node:path';
import { trlFolder } from '../../export/trl.ts';
import { findPreset } from '../../recipes/presets.ts';
import { findTask } from '../../tasks/registry.ts';
import { Arguments } from '../arguments.ts';
import { MODELS, readModel, requireFolder, tell, writeFiles } from '../files.ts';

export function trl(args: readonly string[]): void {
  const given = new Arguments(args, ['preset', 'model', 'seed', 'steps', 'set', 'out']);
  const preset = findPreset(given.required('preset'));
  const task = findTask(preset.task);
  const settings = {
    preset: preset.name,
    task: preset.task,
    seed: given.seed(),
    steps: given.number('steps', preset.steps, { min: 1, max: 100000, integer: true }),
    options: given.options(preset.options),
  };
  const { checkpoint: base } = readModel(given.text('model') ?? join(MODELS, preset.model), task.tokenizer);
  const out = given.required('out');
  const { files, gaps } = trlFolder({ settings, task, base, log: [] });
  requireFolder(out);
  writeFiles(out, files);
  for (const { option, value, reason } of gaps) tell(`${option} ${String(value)}: ${reason}`);
  tell(`wrote ${out}; its README.md says how to train there`);
}
