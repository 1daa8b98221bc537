// One side of the Try page: a model, and what it answers.
import type { Completion, GenerationRequest, InferenceApi } from '../../inference/client.ts';
import type { TryModel } from './try-models.svelte.ts';

export type SidePhase = 'empty' | 'opening' | 'answering' | 'answered' | 'failed';

export class Side {
  /** The name of its place in the inference worker. */
  readonly slot: string;
  readonly #inference: InferenceApi;
  #phase = $state<SidePhase>('empty');
  #title = $state('');
  #completions = $state.raw<readonly Completion[]>([]);
  #failure = $state.raw<string | null>(null);
  /** Version of the weights in the slot. */
  #opened: string | null = null;

  constructor(slot: string, inference: InferenceApi) {
    this.slot = slot;
    this.#inference = inference;
  }

  get phase(): SidePhase {
    return this.#phase;
  }

  /** Of the model that answers, as it was called when it was asked. */
  get title(): string {
    return this.#title;
  }

  /** As they grow. */
  get completions(): readonly Completion[] {
    return this.#completions;
  }

  get failure(): string | null {
    return this.#failure;
  }

  clear(): void {
    this.#phase = 'empty';
    this.#completions = [];
    this.#failure = null;
  }

  /** Opens the model unless these weights are open, and lets it answer; null clears. Never rejects; `failure` says what went wrong. */
  async answer(model: TryModel | null, request: GenerationRequest): Promise<void> {
    this.clear();
    if (!model) return;
    this.#title = model.title;
    try {
      this.#phase = 'opening';
      await this.#open(model);
      this.#phase = 'answering';
      this.#completions = Array.from({ length: request.count }, () => ({ tokens: [], finished: false }));
      let whole = false; // what is gained comes another way than the result, and may come later
      const completions = await this.#inference.generate(this.slot, request, (gained) => {
        if (whole) return;
        this.#completions = this.#completions.map(({ tokens }, row) => {
          const longer = [...tokens, ...(gained[row] ?? [])];
          return { tokens: longer, finished: longer.at(-1) === '<eos>' };
        });
      });
      whole = true;
      this.#completions = completions;
      this.#phase = 'answered';
    } catch (error) {
      this.#opened = null; // the next worker has no models
      this.#failure = error instanceof Error ? error.message : String(error);
      this.#phase = 'failed';
    }
  }

  /** The same without showing it. Rejects as InferenceApi, or as the model's source does. */
  async sample(model: TryModel, request: GenerationRequest): Promise<readonly Completion[]> {
    try {
      await this.#open(model);
      return await this.#inference.generate(this.slot, request, () => undefined);
    } catch (error) {
      this.#opened = null;
      throw error;
    }
  }

  async #open(model: TryModel): Promise<void> {
    if (this.#opened === model.version) return;
    await this.#inference.load(this.slot, await model.source());
    this.#opened = model.version;
  }
}
