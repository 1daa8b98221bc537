// The form: a preset, the seed, the steps and every option as the text that was typed, until it makes valid settings.
import { optionProblems, parseOption, type GrpoOptions } from '../../grpo/options.ts';
import { PRESETS, type Preset, type PresetName } from '../../recipes/presets.ts';
import type { TaskName } from '../../tasks/task.ts';
import type { RunSettings } from '../../worker/protocol.ts';
import { formatAddress, parseAddress, type Drafts } from './address.ts';
import {
  DEFAULT_PRESET,
  FIELD_NAMES,
  OPTION_NAMES,
  presetsOf,
  presetText,
  settingText,
  type FieldName,
  type OptionName,
} from './fields.ts';

const MAX_SEED = 2 ** 32 - 1;
const MAX_STEPS = 100_000;

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
    const others = Object.entries(this.#drafts).filter(([name]) => name !== field);
    const changed = text !== presetText(this.#preset, field);
    this.#drafts = Object.fromEntries(changed ? [...others, [field, text]] : others);
  }

  isChanged(field: FieldName): boolean {
    return field in this.#drafts;
  }

  /** How many fields differ from the preset; the seed belongs to none. */
  get changedFields(): number {
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

  /** Fills the form with the settings of a run. */
  show(settings: RunSettings): void {
    this.#preset = PRESETS[settings.preset];
    const texts = FIELD_NAMES.map((field) => [field, settingText(settings, field)] as const);
    this.#drafts = Object.fromEntries(texts.filter(([field, text]) => text !== presetText(this.#preset, field)));
  }

  get address(): string {
    return formatAddress(this.#preset, this.#drafts);
  }

  /** A wrong value shows beside its field; throws bad-settings for a preset that there is not. */
  readAddress(search: string): void {
    const { preset, drafts } = parseAddress(search);
    this.#preset = preset;
    this.#drafts = drafts;
  }
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
