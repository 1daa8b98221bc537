// What a run leaves behind, ready to be exported at any time: the metrics of its steps, its latest completions, and a copy of its
// weights off the GPU, which a lost device does not take along.
import type { Checkpoint } from '../engine/index.ts';
import { runCard } from '../export/model-card.ts';
import { runName, type LoggedCompletion, type LoggedStep } from '../export/run-log.ts';
import { CURVES_FILE, exportRun } from '../export/zip.ts';
import type { GrpoOptions } from '../grpo/options.ts';
import type { TrainerState } from '../grpo/trainer.ts';
import { findPreset } from '../recipes/presets.ts';
import type { RunStep } from '../recipes/run.ts';
import { findTask } from '../tasks/registry.ts';
import type { Model } from './models.ts';
import type { ExportChoices, RunSettings } from './protocol.ts';

/** Completions kept, the latest ones; the metrics of all steps are kept. */
const MAX_COMPLETIONS = 20_000;

/** Weights, and the state to go on from them; null where there is none. */
interface Kept {
  readonly checkpoint: Checkpoint;
  readonly state: TrainerState | null;
}

/** What a run begins with, the base model and its evaluation, or all that an interrupted run left. The weights are those after the last step in the log. */
export interface Beginning extends Kept {
  readonly log: readonly LoggedStep[];
  readonly completions: readonly LoggedCompletion[];
}

export class RunRecord {
  readonly settings: RunSettings;
  /** What the run began with; null where it went on from files that do not tell. */
  readonly base: Checkpoint | null;
  readonly #tokenizer: Model['tokenizer'];
  readonly #log: LoggedStep[];
  readonly #completions: LoggedCompletion[];
  #weights: Kept & { readonly step: number; readonly takenAt: number };

  constructor(settings: RunSettings, tokenizer: Model['tokenizer'], beginning: Beginning) {
    this.settings = settings;
    this.#tokenizer = tokenizer;
    const { log, completions, checkpoint, state } = beginning;
    this.base = state ? baseOf(state, checkpoint, settings) : checkpoint;
    this.#log = log.map(({ step, metrics }) => ({ step, metrics }));
    this.#completions = completions.slice(-MAX_COMPLETIONS);
    this.#weights = { step: this.#lastStep, checkpoint, state, takenAt: performance.now() };
  }

  /** Of the weights kept, since they were taken. */
  get weightsAgeMs(): number {
    return performance.now() - this.#weights.takenAt;
  }

  addStep({ step, metrics, completions }: RunStep): void {
    this.#log.push({ step, metrics });
    this.#completions.push(...completions.map((completion) => ({ step, ...completion })));
    this.#completions.splice(0, this.#completions.length - MAX_COMPLETIONS);
  }

  /** The weights after the latest step, in place of those kept; without a state, the run cannot go on from them. */
  keepWeights({ checkpoint, state }: Kept): void {
    this.#weights = { step: this.#lastStep, checkpoint, state, takenAt: performance.now() };
  }

  get #lastStep(): number {
    return (this.#log.at(-1) as LoggedStep).step;
  }

  get log(): readonly LoggedStep[] {
    return this.#log;
  }

  /** The weights kept, as a Hugging Face folder with settings and log, in one zip. */
  zip({ weights = 'fp32', curves = null }: ExportChoices = {}): Uint8Array {
    const { step, checkpoint, state } = this.#weights;
    const settings = this.settings;
    const card = runCard({
      settings,
      base: settings.base ?? findPreset(settings.preset).model,
      config: checkpoint.config,
      task: findTask(settings.task),
      command: trainCommand(settings, step),
      step: this.#log.find((logged) => logged.step === step) as LoggedStep,
      weights,
      curves: curves ? CURVES_FILE : undefined,
    });
    const completions = this.#completions;
    const tokenizer = this.#tokenizer;
    return exportRun({
      checkpoint,
      tokenizer,
      settings,
      step,
      log: this.#log,
      completions,
      card,
      state: weights === 'fp32' ? state : null,
      weights,
      curves,
    });
  }
}

/** The reference of a run under way is its base, unless it has none or one that moves. */
function baseOf({ reference }: TrainerState, { config }: Checkpoint, { options }: RunSettings): Checkpoint | null {
  return reference && !options.syncRefModel ? { config, tensors: reference } : null;
}

/** The command line that trains the same weights, `steps` steps of the run; a base that is not the preset's is named by its folder. */
export function trainCommand(settings: RunSettings, steps: number): string {
  const { options: usual } = findPreset(settings.preset);
  const names = Object.keys(usual) as (keyof GrpoOptions)[];
  const changed = names
    .map((name) => [optionText(settings.options[name]), optionText(usual[name]), name] as const)
    .filter(([text, usualText]) => text !== usualText)
    .map(([text, , name]) => ` --set ${name}=${text}`);
  const { preset, seed, base } = settings;
  const model = base === undefined ? '' : ` --model ${base}`;
  const out = runName(settings, steps);
  return `npm run -s grpo -- train --preset ${preset}${model} --seed ${seed} --steps ${steps}${changed.join('')} --out ${out}`;
}

/** As `parseOption` reads it. */
function optionText(value: GrpoOptions[keyof GrpoOptions]): string {
  return value === null ? 'none' : String(value);
}
