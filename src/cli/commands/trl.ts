// trl: a run or a preset as a folder for TRL, Hugging Face's trainer; nothing is trained here.
import { join } from 'node:path';
import { readLog, readSettings } from '../../export/import-run.ts';
import { RUN_FILES, type LoggedStep } from '../../export/run-log.ts';
import { trlFolder } from '../../export/trl.ts';
import type { RunSettings } from '../../recipes/events.ts';
import { findPreset, PRESETS } from '../../recipes/presets.ts';
import { findTask } from '../../tasks/registry.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { MODELS, readFolder, readModel, requireFolder, tell, writeFiles } from '../files.ts';

export function trl(args: readonly string[]): void {
  const given = new Arguments(args, ['run', 'preset', 'model', 'seed', 'steps', 'set', 'out']);
  const { settings, log } = given.has('run') ? ofRun(given) : ofPreset(given);
  const model = given.text('model');
  if (settings.base !== undefined && model === undefined)
    throw new UsageError(`the run began with ${settings.base}: say with --model where it is`);
  const task = findTask(settings.task);
  const { checkpoint } = readModel(model ?? join(MODELS, findPreset(settings.preset).model), task.tokenizer);
  const out = given.required('out');
  requireFolder(out);
  const { files, gaps } = trlFolder({ settings, task, base: checkpoint, log });
  writeFiles(out, files);
  for (const { option, value, reason } of gaps) tell(`${option} ${String(value)}: ${reason}`);
  tell(`wrote ${out}; its README.md says how to train there`);
}

interface Begun {
  readonly settings: RunSettings;
  readonly log: readonly LoggedStep[];
}

function ofRun(given: Arguments): Begun {
  const others = ['preset', 'seed', 'steps', 'set'].filter((name) => given.has(name));
  if (others.length > 0) throw new UsageError(`--run has its own settings: leave out --${others.join(', --')}`);
  const path = given.required('run');
  const files = readFolder(path, [RUN_FILES.settings, RUN_FILES.log]);
  const [settings, log] = [files.get(RUN_FILES.settings), files.get(RUN_FILES.log)];
  if (!settings || !log)
    throw new UsageError(`${path} holds no run: ${RUN_FILES.settings} and ${RUN_FILES.log} are needed`);
  return { settings: readSettings(settings, PRESETS), log: readLog(log) };
}

function ofPreset(given: Arguments): Begun {
  const preset = findPreset(given.required('preset'));
  const settings: RunSettings = {
    preset: preset.name,
    task: preset.task,
    seed: given.seed(),
    steps: given.number('steps', preset.steps, { min: 1, max: 100_000, integer: true }),
    options: given.options(preset.options),
  };
  return { settings, log: [] };
}
