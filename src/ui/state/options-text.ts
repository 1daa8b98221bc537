// How the options are named and grouped for people; ranges and meanings come from the table of options itself.
import type { GrpoOptions } from '../../grpo/options.ts';

export type OptionName = keyof GrpoOptions;

export const SECTIONS = ['Sampling', 'Advantages', 'Loss', 'Optimizer'] as const;
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
};

export const OPTION_NAMES = Object.keys(OPTION_TEXT) as OptionName[];

/** An option's value as a person types it, and as `parseOption` reads it: `1e-4`, `1,1`, `none`. */
export function optionText(value: GrpoOptions[OptionName]): string {
  if (value === null) return 'none';
  if (typeof value === 'number') return numberText(value);
  return typeof value === 'object' ? value.map(numberText).join(',') : String(value);
}

function numberText(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
}
