// What the visitor opened: read and checked by the worker, and kept until something else is opened or it is closed.
import type { OpenedModel, PickedFile, RunSettings, SessionApi } from '../../worker/protocol.ts';
import type { ModelShelf } from './try-models.svelte.ts';

/** What did not open, and why. */
export interface ImportProblem {
  readonly name: string;
  readonly reason: string;
}

const MOST_STEPS = 100_000;

export class Import {
  /** The next start begins with the opened model instead of the preset's. */
  asBase = $state(false);
  readonly #session: SessionApi;
  readonly #shelf: ModelShelf;
  #model = $state.raw<OpenedModel | null>(null);
  #problem = $state.raw<ImportProblem | null>(null);
  #reading = $state(false);

  /** What opens can be tried beside other models. */
  constructor(session: SessionApi, shelf: ModelShelf) {
    this.#session = session;
    this.#shelf = shelf;
  }

  get model(): OpenedModel | null {
    return this.#model;
  }

  get problem(): ImportProblem | null {
    return this.#problem;
  }

  get reading(): boolean {
    return this.#reading;
  }

  /** Of what does not open only the reason is kept; what was opened before stays. */
  async open(picked: readonly PickedFile[] | Promise<readonly PickedFile[]>): Promise<void> {
    this.#reading = true;
    this.#problem = null;
    let name = 'the files';
    try {
      const files = await picked;
      name = files[0]?.path.split('/')[0] ?? name;
      this.#model = await this.#session.open(files);
      this.asBase = this.#model.run === null;
      this.#shelf.addFolder(`Opened: ${this.#model.name}`, this.#model.files);
    } catch (error) {
      this.#problem = { name, reason: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#reading = false;
    }
  }

  close(): void {
    this.#model = null;
    this.#problem = null;
    this.asBase = false;
  }

  /** The settings to go on with: the run's own, for as many steps again where all are done. Null where no run was opened. */
  get settings(): RunSettings | null {
    const run = this.#model?.run;
    if (!run) return null;
    const { settings, step } = run;
    return step < settings.steps ? settings : { ...settings, steps: Math.min(MOST_STEPS, step + settings.steps) };
  }
}
