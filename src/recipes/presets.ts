// Ready-made experiments: a task, its base model, and the options that differ from the defaults.
import { PlaygroundError } from '../base/errors.ts';
import { resolveOptions, type GrpoOptions } from '../grpo/options.ts';
import type { TaskName } from '../tasks/task.ts';

export const PRESET_NAMES = ['aha', 'no-aha', 'forgetting', 'first-lesson', 'light-lesson', 'carry'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

export interface Preset {
  readonly name: PresetName;
  readonly title: string;
  /** One sentence: what will happen, and why it is worth watching. */
  readonly promise: string;
  readonly task: TaskName;
  /** Folder under models/. */
  readonly model: string;
  readonly steps: number;
  readonly options: GrpoOptions;
}

const preset = (name: PresetName, title: string, promise: string, task: TaskName, model: string, steps: number, options: Partial<GrpoOptions>): Preset => ({
  name, title, promise, task, model, steps, options: resolveOptions(options),
}); // prettier-ignore

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  aha: preset(
    'aha',
    'The aha',
    'It learns when to say wait, and its answers grow longer and better.',
    'countdown',
    'countdown',
    250,
    {},
  ),
  'no-aha': preset(
    'no-aha',
    'No aha',
    'Twice the learning rate: it learns to guess better in one go, and wait dies out.',
    'countdown',
    'countdown',
    250,
    { learningRate: 2e-4 },
  ),
  forgetting: preset(
    'forgetting',
    'Forgetting',
    'No pull to the base and a high learning rate: nothing rewards the arithmetic in the thought, so it decays.',
    'countdown',
    'countdown',
    100,
    { beta: 0, learningRate: 3e-4 },
  ),
  'first-lesson': preset(
    'first-lesson',
    'First lesson',
    'Reward climbs within a minute: good guesses are enough here.',
    'countdown-easy',
    'countdown-easy',
    120,
    {},
  ),
  'light-lesson': preset(
    'light-lesson',
    'Light lesson',
    'The first lesson with smaller groups, for a slow or software adapter.',
    'countdown-easy',
    'countdown-easy',
    120,
    { promptsPerStep: 8 },
  ),
  carry: preset(
    'carry',
    'Carry the one',
    'It learns to check its columns and to try again.',
    'addition',
    'addition',
    200,
    { maxCompletionLength: 128 },
  ),
};

/** Throws bad-settings for an unknown name, with the names there are. */
export function findPreset(name: string): Preset {
  if (!Object.hasOwn(PRESETS, name))
    throw new PlaygroundError(
      'bad-settings',
      `there is no preset "${name}"; the presets are ${PRESET_NAMES.join(', ')}`,
    );
  return PRESETS[name as PresetName];
}
