// The fields of the form: every option, the steps and the seed; how they are named and grouped, and what a preset puts in them.
import { OPTION_SPECS, type GrpoOptions } from '../../grpo/options.ts';
import { PRESET_NAMES, PRESETS, type Preset, type PresetName } from '../../recipes/presets.ts';
import type { RunSettings } from '../../worker/protocol.ts';

export type OptionName = keyof GrpoOptions;

export const SECTIONS = ['Sampling', 'Advantages', 'Loss', 'Optimizer', 'Critic (ppo)'] as const;
export type Section = (typeof SECTIONS)[number];

const at = (section: Section, label: string): { section: Section; label: string } => ({ section, label });

export const OPTION_TEXT: Readonly<Record<OptionName, { readonly section: Section; readonly label: string }>> = {
  numGenerations: at('Sampling', 'Answers a problem'),
  promptsPerStep: at('Sampling', 'Problems a step'),
  temperature: at('Sampling', 'Temperature'),
  maxCompletionLength: at('Sampling', 'Longest answer'),
  topK: at('Sampling', 'Top k'),
  topP: at('Sampling', 'Top p'),
  minP: at('Sampling', 'Min p'),
  advantageEstimator: at('Advantages', 'Baseline'),
  scaleRewards: at('Advantages', 'Scale rewards by'),
  rewardWeights: at('Advantages', 'Reward weights'),
  learningRate: at('Optimizer', 'Learning rate'),
  warmupSteps: at('Optimizer', 'Warm-up steps'),
  maxGradNorm: at('Optimizer', 'Longest gradient'),
  weightDecay: at('Optimizer', 'Weight decay'),
  adamBeta1: at('Optimizer', 'Adam beta 1'),
  adamBeta2: at('Optimizer', 'Adam beta 2'),
  beta: at('Loss', 'Pull to the base (KL)'),
  lossType: at('Loss', 'Loss type'),
  numIterations: at('Loss', 'Updates a rollout'),
  epsilon: at('Loss', 'Clip downwards'),
  epsilonHigh: at('Loss', 'Clip upwards'),
  delta: at('Loss', 'Ratio cap'),
  importanceSamplingLevel: at('Loss', 'Ratio level'),
  maskTruncatedCompletions: at('Loss', 'Mask cut-off answers'),
  topEntropyQuantile: at('Loss', 'Share of tokens, unsure first'),
  entropyCoef: at('Loss', 'Entropy bonus'),
  syncRefModel: at('Loss', 'Moving reference'),
  refModelMixupAlpha: at('Loss', 'Reference: share of policy'),
  refModelSyncSteps: at('Loss', 'Reference: steps a move'),
  gamma: at('Critic (ppo)', 'Discount (gamma)'),
  lam: at('Critic (ppo)', 'GAE lambda'),
  criticLearningRate: at('Critic (ppo)', "Critic's learning rate"),
  vfCoef: at('Critic (ppo)', 'Weight of the value loss'),
  cliprangeValue: at('Critic (ppo)', 'Clip of values'),
};

export const OPTION_NAMES = Object.keys(OPTION_TEXT) as OptionName[];

export type FieldName = 'seed' | 'steps' | OptionName;
export const FIELD_NAMES: readonly FieldName[] = ['seed', 'steps', ...OPTION_NAMES];

/** Fields that stand on the first screen; all others are one click away. */
export const MAIN_FIELDS: readonly FieldName[] = [
  ...OPTION_NAMES.filter((name) => !OPTION_SPECS[name].advanced),
  'steps',
  'seed',
];

export const DEFAULT_PRESET: PresetName = 'aha';
export const DEFAULT_SEED = 1;

export function fieldLabel(field: FieldName): string {
  if (field === 'seed') return 'Seed';
  return field === 'steps' ? 'Steps' : OPTION_TEXT[field].label;
}

export function fieldMeaning(field: FieldName): string {
  if (field === 'seed') return 'The same seed and settings draw the same problems.';
  return field === 'steps' ? 'How many updates to make.' : OPTION_SPECS[field].meaning;
}

export function presetsOf(task: string): Preset[] {
  return PRESET_NAMES.map((name) => PRESETS[name]).filter((preset) => preset.task === task);
}

/** What a preset puts into a field, as a person types it and as `parseOption` reads it: `1e-4`, `1,1`, `none`. */
export function presetText(preset: Preset, field: FieldName): string {
  return settingText({ ...preset, seed: DEFAULT_SEED }, field);
}

/** What stands in a field for these settings, likewise. */
export function settingText(settings: Pick<RunSettings, 'seed' | 'steps' | 'options'>, field: FieldName): string {
  return field === 'seed' || field === 'steps' ? String(settings[field]) : optionText(settings.options[field]);
}

function optionText(value: GrpoOptions[OptionName]): string {
  if (value === null) return 'none';
  if (typeof value === 'number') return numberText(value);
  return typeof value === 'object' ? value.map(numberText).join(',') : String(value);
}

export function numberText(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
}
