// What a run leaves behind, ready to be exported at any time: the metrics of its steps, its latest completions, and a copy of its
// weights off the GPU, which a lost device does not take along.
import type { Checkpoint } from '../engine/index.ts';
import { runCard } from '../export/model-card.ts';
import { runName, type LoggedCompletion, type LoggedStep } from '../export/run-log.ts';
import { exportRun } from '../export/zip.ts';
import type { GrpoOptions } from '../grpo/options.ts';
import { findPreset } from '../recipes/presets.ts';
import type { RunStep } from '../recipes/run.ts';
import { findTask } from '../tasks/registry.ts';
import type { Model } from './models.ts';
import type { RunSettings } from './protocol.ts';

/** Completions kept, the latest ones; the metrics of all steps are kept. */
const MAX_COMPLETIONS = 20_000;

export class RunRecord {
  readonly #settings: RunSettings;
  readonly #tokenizer: Model['tokenizer'];
  readonly #log: LoggedStep[];
  readonly #completions: LoggedCompletion[] = [];
  #weights: { readonly step: number; readonly checkpoint: Checkpoint; readonly takenAt: number };

  /** `base` is step 0 and the weights that belong to it are the model's. */
  constructor(settings: RunSettings, { checkpoint, tokenizer }: Model, base: RunStep) {
    this.#settings = settings;
    this.#tokenizer = tokenizer;
    this.#log = [base];
    this.#weights = { step: base.step, checkpoint, takenAt: performance.now() };
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

  /** The weights after the latest step, in place of those kept. */
  keepWeights(checkpoint: Checkpoint): void {
    const { step } = this.#log.at(-1) as LoggedStep;
    this.#weights = { step, checkpoint, takenAt: performance.now() };
  }

  /** The weights kept, as a Hugging Face folder with settings and log, in one zip. */
  zip(): Uint8Array {
    const { step, checkpoint } = this.#weights;
    const settings = this.#settings;
    const card = runCard({
      settings,
      base: findPreset(settings.preset).model,
      config: checkpoint.config,
      task: findTask(settings.task),
      command: trainCommand(settings, step),
      step: this.#log.find((logged) => logged.step === step) as LoggedStep,
    });
    const completions = this.#completions;
    return exportRun({ checkpoint, tokenizer: this.#tokenizer, settings, step, log: this.#log, completions, card });
  }
}

/** The command line that trains the same weights, `steps` steps of the run. */
export function trainCommand(settings: RunSettings, steps: number): string {
  const { options: usual } = findPreset(settings.preset);
  const names = Object.keys(usual) as (keyof GrpoOptions)[];
  const changed = names
    .map((name) => [optionText(settings.options[name]), optionText(usual[name]), name] as const)
    .filter(([text, usualText]) => text !== usualText)
    .map(([text, , name]) => ` --set ${name}=${text}`);
  const { preset, seed } = settings;
  const out = runName(settings, steps);
  return `npm run -s grpo -- train --preset ${preset} --seed ${seed} --steps ${steps}${changed.join('')} --out ${out}`;
}

/** As `parseOption` reads it. */
function optionText(value: GrpoOptions[keyof GrpoOptions]): string {
  return value === null ? 'none' : String(value);
}
