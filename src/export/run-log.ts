// What a run leaves besides its weights, in the columns and names of TRL, so that its readers and plots work on both:
// settings.json, log.jsonl (one line a step) and completions.jsonl (one line a completion). tensorboard.ts writes the log once more.
import type { GrpoOptions } from '../grpo/options.ts';

/** Where they lie in a run's folder, beside the files of the model. */
export const RUN_FILES = {
  settings: 'run/settings.json',
  log: 'run/log.jsonl',
  completions: 'run/completions.jsonl',
  /** TensorBoard's; its reader looks for this name. */
  events: 'run/events.out.tfevents.0.grpo-playground',
  /** Only where the run can go on from here. */
  state: 'run/state.json',
  optimizer: 'run/optimizer.safetensors',
} as const;

export interface LoggedSettings {
  readonly preset: string;
  readonly task: string;
  readonly seed: number;
  readonly steps: number;
  readonly options: GrpoOptions;
  /** The model that the run began with, where it is not the preset's. */
  readonly base?: string;
}

export interface LoggedStep {
  readonly step: number;
  /** By the names of the metrics, such as `completions/mean_length`. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface LoggedCompletion {
  readonly step: number;
  readonly prompt: string;
  readonly completion: string;
  /** One column a reward function: accuracy, format. */
  readonly rewards: Readonly<Record<string, number>>;
  readonly advantage: number;
}

/** What a run is called after `step` steps, as a zip's folder and a model's name: grpo-countdown-aha-seed1-step250. */
export function runName({ task, preset, seed }: LoggedSettings, step: number): string {
  return `grpo-${task}-${preset}-seed${seed}-step${step}`;
}

/** What a model is called in a command line and on a card: up to 100 letters, digits and `. _ -`, no sign first. */
export function isModelName(name: string): boolean {
  return /^\w[\w.-]{0,99}$/.test(name);
}

/** Such a name from that of a folder or a zip. */
export function modelName(file: string): string {
  const name = file.replace(/\.zip$/i, '').replaceAll(/[^\w.-]+/g, '-').replace(/^\W+/, '').slice(0, 100); // prettier-ignore
  return name === '' ? 'model' : name;
}

/** `numGenerations` becomes `num_generations`: the names of TRL's GRPOConfig. */
export function snakeCaseOptions(options: Partial<GrpoOptions>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [snakeCase(name), value]));
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
}

export function settingsJson({ preset, task, seed, steps, options, base }: LoggedSettings): string {
  const settings = { preset, task, seed, max_steps: steps, base_model: base, ...snakeCaseOptions(options) };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

/** One line, its end included. A number that is not finite, as in a run that diverged, is written as null: JSON has no other. */
export function stepLine({ step, metrics }: LoggedStep): string {
  return `${JSON.stringify({ step, ...metrics })}\n`;
}

/** One line, its end included. */
export function completionLine({ step, prompt, completion, rewards, advantage }: LoggedCompletion): string {
  return `${JSON.stringify({ step, prompt, completion, ...rewards, advantage })}\n`;
}
