// Ready-made experiments: a task, its base model, and the options that differ from the defaults.
import { PlaygroundError } from '../base/errors.ts';
import { resolveOptions, type GrpoOptions } from '../grpo/options.ts';
import type { TaskName } from '../tasks/task.ts';

export const PRESET_NAMES = ['aha', 'forgetting', 'first-lesson', 'light-lesson', 'no-aha', 'carry'] as const;
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
    { learningRate: 1.5e-4, beta: 0.03, numIterations: 2 },
  ),
  forgetting: preset(
    'forgetting',
    'Forgetting',
    'No pull to the base and a high learning rate: nothing rewards the arithmetic in the thought, so it decays.',
    'countdown',
    'countdown',
    100,
    { beta: 0, learningRate: 6e-4 },
  ),
  'first-lesson': preset(
    'first-lesson',
    'First lesson',
    'A smaller model and an easier task: wait and the reward rise together within a minute.',
    'countdown-easy',
    'countdown-easy',
    120,
    { learningRate: 3e-4, numIterations: 2 },
  ),
  'light-lesson': preset(
    'light-lesson',
    'Light lesson',
    'The first lesson with a quarter of the answers, for a slow or software adapter.',
    'countdown-easy',
    'countdown-easy',
    120,
    { learningRate: 3e-4, numIterations: 4, promptsPerStep: 16, numGenerations: 8 },
  ),
  'no-aha': preset(
    'no-aha',
    'No aha',
    'The first lesson from a base that hardly ever says wait: there is nothing to amplify.',
    'countdown-easy',
    'countdown-easy-rare',
    120,
    { learningRate: 3e-4, numIterations: 2 },
  ),
  carry: preset(
    'carry',
    'Carry the one',
    'The base slips a digit now and then: it learns not to slip at all, which is easier than to check and wait.',
    'addition',
    'addition',
    60,
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
