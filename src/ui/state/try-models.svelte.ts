// The models that can be tried: those of the build, the visitor's run, and whatever else the page comes to hold, such as an import.
import type { ModelSource } from '../../inference/client.ts';
import { TASK_NAMES, type TaskName } from '../../tasks/task.ts';
import type { Run } from './run.svelte.ts';

export interface TryModel {
  /** Names it in a list, whatever its weights are at the moment. */
  readonly key: string;
  readonly title: string;
  /** Of the weights: another version must be opened anew. */
  readonly version: string;
  /** The tasks whose problems it can read. */
  readonly tasks: readonly TaskName[];
  /** Rejects with a PlaygroundError, such as bad-checkpoint. */
  readonly source: () => Promise<ModelSource>;
}

const shipped = (name: string, title: string, tasks: readonly TaskName[]): TryModel => ({
  key: name,
  title,
  version: name,
  tasks,
  source: () => Promise.resolve({ kind: 'shipped', name }),
});

/** Every folder of models/. */
export const SHIPPED_MODELS: readonly TryModel[] = [
  shipped('countdown', 'Base of countdown, untrained by GRPO', ['countdown', 'countdown-easy']),
  shipped('countdown-easy', 'Base of easy countdown, small', ['countdown-easy']),
  shipped('countdown-easy-rare', 'Base of easy countdown that rarely says wait', ['countdown-easy']),
  shipped('addition', 'Base of addition', ['addition']),
  shipped('two-languages', 'Base in two languages', ['countdown', 'addition']),
  shipped('two-languages-small', 'Base in two languages, small', ['countdown']),
];

/** The weights that the run has now: its exported zip, opened again. Null while it has none. */
export function runModel(run: Run): TryModel | null {
  const { settings, steps } = run.view;
  const step = steps.at(-1)?.step;
  if (!settings || step === undefined || !run.exportable) return null;
  return {
    key: 'run',
    title: `Your run, step ${step}`,
    version: `run ${JSON.stringify(settings)} ${step}`,
    tasks: [settings.task],
    source: async () => {
      const bytes = await run.exportZip();
      if (!bytes) throw new Error(run.exportProblem ?? 'the run could not be exported');
      return { kind: 'zip', bytes };
    },
  };
}

/** Models that were added while the page was open. */
export class ModelShelf {
  #added = $state.raw<readonly TryModel[]>([]);
  #folders = 0;

  get added(): readonly TryModel[] {
    return this.#added;
  }

  /** In place of the one with the same key, if there is one. */
  add(model: TryModel): void {
    this.#added = [model, ...this.#added.filter(({ key }) => key !== model.key)];
  }

  /** From files as Hugging Face names them; config.json, tokenizer.json and model.safetensors are read. For every task if none is given. */
  addFolder(title: string, files: ReadonlyMap<string, Uint8Array>, tasks: readonly TaskName[] = TASK_NAMES): void {
    const version = `folder ${++this.#folders}`;
    this.add({
      key: `added ${title}`,
      title,
      version,
      tasks,
      source: () => Promise.resolve({ kind: 'folder', files }),
    });
  }
}
