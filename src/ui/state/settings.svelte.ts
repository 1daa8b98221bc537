// The form: a preset, the seed, the steps and every option as the text that was typed, until it makes valid settings.
import { OPTION_SPECS, optionProblems, parseOption, type GrpoOptions } from '../../grpo/options.ts';
import { findPreset, PRESET_NAMES, PRESETS, type Preset, type PresetName } from '../../recipes/presets.ts';
import type { TaskName } from '../../tasks/task.ts';
import type { RunSettings } from '../../worker/protocol.ts';
import { OPTION_NAMES, optionText, type OptionName } from './options-text.ts';

export const FIELD_NAMES = ['seed', 'steps', ...OPTION_NAMES] as const;
export type FieldName = 'seed' | 'steps' | OptionName;

export const DEFAULT_PRESET: PresetName = 'aha';
export const DEFAULT_SEED = 1;
const MAX_SEED = 2 ** 32 - 1;
const MAX_STEPS = 100_000;

type Drafts = Readonly<Partial<Record<FieldName, string>>>;
type Problems = Readonly<Partial<Record<FieldName, string>>>;

export class Settings {
  #preset = $state.raw<Preset>(PRESETS[DEFAULT_PRESET]);
  /** Only what was typed and differs from the preset. */
  #drafts = $state.raw<Drafts>({});
  #values = $derived(parse(this.#preset, this.#drafts));
  #problems = $derived(findProblems(this.#values));

  get preset(): Preset {
    return this.#preset;
  }

  /** By field: what is wrong with it, in words. */
  get problems(): Problems {
    return this.#problems;
  }

  /** The settings to start with, null while any field is wrong. */
  get valid(): RunSettings | null {
    if (Object.keys(this.#problems).length > 0) return null;
    const { seed, steps, options } = this.#values;
    return {
      preset: this.#preset.name,
      task: this.#preset.task,
      seed: seed as number,
      steps: steps as number,
      options: options as unknown as GrpoOptions,
    };
  }

  text(field: FieldName): string {
    return this.#drafts[field] ?? presetText(this.#preset, field);
  }

  setText(field: FieldName, text: string): void {
    const { [field]: _, ...others } = this.#drafts;
    this.#drafts = text === presetText(this.#preset, field) ? others : { ...others, [field]: text };
  }

  isChanged(field: FieldName): boolean {
    return field in this.#drafts;
  }

  /** Whether any option differs from the preset; the seed is nobody's. */
  get changedOptions(): number {
    return Object.keys(this.#drafts).filter((field) => field !== 'seed').length;
  }

  /** Changes of the options are dropped: they were made to another preset. */
  choosePreset(name: PresetName): void {
    if (name === this.#preset.name) return;
    const { seed } = this.#drafts;
    this.#preset = PRESETS[name];
    this.#drafts = seed === undefined ? {} : { seed };
  }

  chooseTask(task: TaskName): void {
    const [first] = presetsOf(task);
    if (first && task !== this.#preset.task) this.choosePreset(first.name);
  }

  backToPreset(): void {
    const { seed } = this.#drafts;
    this.#drafts = seed === undefined ? {} : { seed };
  }

  /** The part of the address after "?": only what differs from the preset; empty for the first preset as it is. */
  get query(): string {
    const query = new URLSearchParams();
    if (this.#preset.name !== DEFAULT_PRESET) query.set('preset', this.#preset.name);
    for (const field of FIELD_NAMES) {
      const draft = this.#drafts[field];
      if (draft !== undefined) query.set(field, draft);
    }
    return query.toString();
  }

  /** Reads an address. A wrong value shows beside its field; throws bad-settings for a preset or task that there is not. */
  readQuery(search: string): void {
    const query = new URLSearchParams(search);
    const task = query.get('task');
    const named = query.get('preset');
    const fallback = presetsOf(task ?? '')[0] ?? PRESETS[DEFAULT_PRESET];
    this.#preset = named === null ? fallback : findPreset(named);
    this.#drafts = {};
    for (const field of FIELD_NAMES) {
      const text = query.get(field);
      if (text !== null) this.setText(field, text);
    }
  }
}

export function presetsOf(task: string): Preset[] {
  return PRESET_NAMES.map((name) => PRESETS[name]).filter((preset) => preset.task === task);
}

function presetText(preset: Preset, field: FieldName): string {
  if (field === 'seed') return String(DEFAULT_SEED);
  return field === 'steps' ? String(preset.steps) : optionText(preset.options[field]);
}

interface Values {
  readonly seed: unknown;
  readonly steps: unknown;
  readonly options: Readonly<Record<OptionName, unknown>>;
}

function parse(preset: Preset, drafts: Drafts): Values {
  const options: Record<OptionName, unknown> = { ...preset.options };
  for (const name of OPTION_NAMES) {
    const draft = drafts[name];
    if (draft !== undefined) options[name] = parseOption(name, draft.trim());
  }
  const whole = (text: string): unknown => (/^\d+$/.test(text.trim()) ? Number(text) : text);
  return {
    seed: whole(drafts.seed ?? presetText(preset, 'seed')),
    steps: whole(drafts.steps ?? presetText(preset, 'steps')),
    options,
  };
}

function findProblems({ seed, steps, options }: Values): Problems {
  const within = (value: unknown, min: number, max: number): string | undefined =>
    typeof value === 'number' && value >= min && value <= max
      ? undefined
      : `must be a whole number from ${min} to ${max}, but it is ${JSON.stringify(value)}`;
  const seedProblem = within(seed, 0, MAX_SEED);
  const stepsProblem = within(steps, 1, MAX_STEPS);
  return {
    ...(seedProblem && { seed: seedProblem }),
    ...(stepsProblem && { steps: stepsProblem }),
    ...optionProblems(options),
  };
}

/** Options that stand on the first screen; all others are one click away. */
export const MAIN_FIELDS: readonly FieldName[] = [
  ...OPTION_NAMES.filter((name) => !OPTION_SPECS[name].advanced),
  'steps',
  'seed',
];
