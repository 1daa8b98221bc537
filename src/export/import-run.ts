// The run of an imported folder: run-log.ts and optimizer-state.ts, read back. Everything is checked against the rest: the settings
// against the presets, the state against the settings and the model, the logs against the state.
import type { PlaygroundError } from '../base/errors.ts';
import type { ModelConfig } from '../engine/config.ts';
import { OPTION_SPECS, resolveOptions, type GrpoOptions } from '../grpo/options.ts';
import type { TrainerState } from '../grpo/trainer.ts';
import type { TaskName } from '../tasks/task.ts';
import type { Folder } from './hugging-face.ts';
import { readState } from './optimizer-state.ts';
import {
  isModelName,
  RUN_FILES,
  snakeCase,
  type LoggedCompletion,
  type LoggedSettings,
  type LoggedStep,
} from './run-log.ts';
import { badCheckpoint, parseJsonLines, parseJsonObject, show } from './untrusted.ts';

/** Presets by name, as far as an import looks at them. */
export type Presets<Name extends string> = Readonly<Record<Name, { readonly task: TaskName }>>;

/** A run that stopped after `state.step` steps; its logs end there. */
export interface ImportedRun<Preset extends string> {
  readonly settings: LoggedSettings & { readonly preset: Preset; readonly task: TaskName };
  readonly state: TrainerState;
  readonly log: readonly LoggedStep[];
  readonly completions: readonly LoggedCompletion[];
}

/** What it is read from. */
export const IMPORTED_RUN_FILES: readonly string[] = [
  RUN_FILES.settings,
  RUN_FILES.log,
  RUN_FILES.completions,
  RUN_FILES.state,
  RUN_FILES.optimizer,
];
const MOST_STEPS = 100_000;
const MOST_SEED = 2 ** 32 - 1;
/** Of a prompt or a completion. */
const MOST_CHARACTERS = 4096;

/** Null where the folder holds no state to go on from. Throws bad-checkpoint and nothing else. */
export function readRun<Preset extends string>(
  files: Folder,
  config: ModelConfig,
  presets: Presets<Preset>,
): ImportedRun<Preset> | null {
  if (!files.has(RUN_FILES.state) && !files.has(RUN_FILES.optimizer)) return null;
  const need = (path: string): Uint8Array => {
    const bytes = files.get(path);
    if (!bytes)
      throw badCheckpoint(`a run that can go on must hold ${IMPORTED_RUN_FILES.join(', ')}, but ${path} is missing`);
    return bytes;
  };
  const settings = readSettings(need(RUN_FILES.settings), presets);
  const state = readState(need(RUN_FILES.state), need(RUN_FILES.optimizer), config, settings.options);
  if (state.step > settings.steps)
    throw badCheckpoint(
      `${RUN_FILES.state}: step must be at most the ${settings.steps} of the run, but it is ${state.step}`,
    );
  const log = readLog(need(RUN_FILES.log)).filter(({ step }) => step <= state.step);
  if (log.at(-1)?.step !== state.step)
    throw badCheckpoint(`${RUN_FILES.log} must hold step ${state.step}, where the run stopped, but it does not`);
  const completions = readCompletions(need(RUN_FILES.completions)).filter(({ step }) => step <= state.step);
  return { settings, state, log, completions };
}

/** Of RUN_FILES.settings. Throws bad-checkpoint. */
export function readSettings<Preset extends string>(
  bytes: Uint8Array,
  presets: Presets<Preset>,
): ImportedRun<Preset>['settings'] {
  const file = RUN_FILES.settings;
  const { preset, task, seed, max_steps: steps, base_model: base, ...given } = parseJsonObject(file, bytes);
  const fail = (name: string, expected: string, value: unknown): PlaygroundError =>
    badCheckpoint(`${file}: ${name} must be ${expected}, but it is ${show(value)}`);
  if (!isPreset(preset, presets)) throw fail('preset', `one of ${Object.keys(presets).join(', ')}`, preset);
  if (task !== presets[preset].task) throw fail('task', `${presets[preset].task}, that of the preset`, task);
  if (!isWhole(seed, MOST_SEED)) throw fail('seed', `a whole number up to ${MOST_SEED}`, seed);
  if (!isWhole(steps, MOST_STEPS) || steps === 0)
    throw fail('max_steps', `a whole number from 1 to ${MOST_STEPS}`, steps);
  if (base !== undefined && !(typeof base === 'string' && isModelName(base))) throw fail('base_model', 'a name', base);
  const names = new Map(Object.keys(OPTION_SPECS).map((name) => [snakeCase(name), name]));
  const options = Object.entries(given).map(([name, value]): [string, unknown] => [names.get(name) ?? name, value]);
  return {
    preset,
    task: presets[preset].task,
    seed,
    steps,
    options: checkOptions(Object.fromEntries(options)),
    ...(base !== undefined && { base }),
  };
}

function isPreset<Preset extends string>(name: unknown, presets: Presets<Preset>): name is Preset {
  return typeof name === 'string' && Object.hasOwn(presets, name);
}

function checkOptions(options: Readonly<Record<string, unknown>>): GrpoOptions {
  try {
    return resolveOptions(options);
  } catch (cause) {
    throw badCheckpoint(`${RUN_FILES.settings}: ${(cause as Error).message}`, cause);
  }
}

/** One line a step, in order. A metric that was not finite was written as null. Throws bad-checkpoint. */
export function readLog(bytes: Uint8Array): LoggedStep[] {
  let before = -1;
  return parseJsonLines(RUN_FILES.log, bytes).map(({ step, ...metrics }, index) => {
    const fail = (expected: string, value: unknown): PlaygroundError =>
      badCheckpoint(`line ${index + 1} of ${RUN_FILES.log} must have ${expected}, but it has ${show(value)}`);
    if (!isWhole(step, MOST_STEPS) || step <= before) throw fail(`a step after ${before}`, step);
    before = step;
    const numbers = Object.entries(metrics).map(([name, value]): [string, number] => {
      if (value !== null && !isFinite(value)) throw fail(`a finite number as ${show(name)}`, value);
      return [name, value ?? NaN];
    });
    return { step, metrics: Object.fromEntries(numbers) };
  });
}

function readCompletions(bytes: Uint8Array): LoggedCompletion[] {
  return parseJsonLines(RUN_FILES.completions, bytes).map(
    ({ step, prompt, completion, advantage, ...rewards }, index) => {
      const fail = (expected: string, value: unknown): PlaygroundError =>
        badCheckpoint(`line ${index + 1} of ${RUN_FILES.completions} must have ${expected}, but it has ${show(value)}`);
      if (!isWhole(step, MOST_STEPS)) throw fail('a step', step);
      if (!isText(prompt)) throw fail('a prompt', prompt);
      if (!isText(completion)) throw fail('a completion', completion);
      if (!isFinite(advantage)) throw fail('a finite number as advantage', advantage);
      const numbers = Object.entries(rewards).map(([name, value]): [string, number] => {
        if (!isFinite(value)) throw fail(`a finite number as ${show(name)}`, value);
        return [name, value];
      });
      return { step, prompt, completion, rewards: Object.fromEntries(numbers), advantage };
    },
  );
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}

function isFinite(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MOST_CHARACTERS;
}
