// A model's Hugging Face folder in transformers.js: its tokenizer, its generation loop and ONNX Runtime, none of them ours.
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  env,
  InterruptableStoppingCriteria,
  StoppingCriteria,
  StoppingCriteriaList,
  TextStreamer,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  type Tensor,
} from '@xenova/transformers';
import { PlaygroundError } from '../base/errors.ts';
import type { Folder } from '../export/hugging-face.ts';
import type { Completion, GenerationRequest, TokensListener } from './protocol.ts';

/** Folders that are being loaded, by the name that each is loaded under: all that transformers.js gets to see. */
const folders = new Map<string, Folder>();
let loaded = 0;

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = '/';
env.remoteHost = '/'; // allowed or not, it is the key under which a cache is asked
env.remotePathTemplate = '{model}/';
env.useFS = false;
env.useFSCache = false;
env.useBrowserCache = false; // a model that was trained on would be served as it was
env.useWasmCache = false;
env.useCustomCache = true;
env.customCache = {
  match(path) {
    const [, name = '', file = ''] = /^\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const bytes = folders.get(name)?.get(file);
    return Promise.resolve(bytes && new Response(bytes as Uint8Array<ArrayBuffer>));
  },
  put: () => Promise.resolve(),
};
env.fetch = () => Promise.resolve(new Response(null, { status: 404 })); // whatever is not in the folder is not there
const { wasm } = env.backends.onnx;
if (wasm) {
  delete wasm.wasmPaths; // transformers.js points it to another origin; ONNX Runtime itself knows its file in the build
  wasm.numThreads = 1; // more need a page that is isolated from other origins, and models this small do not gain
}

/** Tokens are told together for as long, since more cannot be seen; then the worker looks at its messages. */
const MS_BETWEEN_TURNS = 30;

export class TextModel {
  readonly #tokenizer: PreTrainedTokenizer;
  readonly #model: PreTrainedModel;
  readonly #maxPositions: number;
  readonly #eos: bigint;
  /** Waits before a forward pass, so that others have their turn. */
  #turn: () => Promise<void> = () => Promise.resolve();

  private constructor(tokenizer: PreTrainedTokenizer, model: PreTrainedModel) {
    this.#tokenizer = tokenizer;
    this.#model = model;
    const { max_position_embeddings, eos_token_id } = model.config as unknown as Record<string, number>;
    this.#maxPositions = max_position_embeddings ?? 0;
    this.#eos = BigInt(eos_token_id ?? 0);
    // ONNX Runtime's WebAssembly computes without ever returning to the event loop, and the loop of `generate` awaits nothing else:
    // a stop would not be heard before the end.
    const forward = model.forward.bind(model);
    model.forward = async (inputs) => {
      await this.#turn();
      return forward(inputs) as Promise<unknown>;
    };
  }

  /**
   * `folder` holds onnx/model.onnx beside the files of a Hugging Face folder. `device` is `auto` where ONNX Runtime was put under
   * Symbol.for('onnxruntime'). Throws bad-checkpoint where transformers.js cannot open it.
   */
  static async load(folder: Folder, device: 'wasm' | 'auto' = 'wasm'): Promise<TextModel> {
    const name = `model-${loaded++}`;
    folders.set(name, folder);
    try {
      const tokenizer = await AutoTokenizer.from_pretrained(name);
      const model = await AutoModelForCausalLM.from_pretrained(name, { device, dtype: 'fp32' });
      return new TextModel(tokenizer, model);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new PlaygroundError(
        'bad-checkpoint',
        `the model was expected to open in ONNX Runtime, but it did not: ${why}. Check the connection and try again.`,
        { cause },
      );
    } finally {
      folders.delete(name);
    }
  }

  /** Throws bad-settings for a prompt that leaves no position for a completion. */
  async generate(
    { prompt, count, temperature, maxNewTokens, msBetweenTokens }: GenerationRequest,
    listener: TokensListener,
    signal: AbortSignal,
  ): Promise<Completion[]> {
    const texts = Array.from({ length: count }, () => `<bos>${prompt.replace(/^<bos>/, '')}`);
    const inputs = this.#tokenizer(texts, { add_special_tokens: false }) as Record<'input_ids', Tensor>;
    const promptLength = inputs.input_ids.dims[1] ?? 0;
    // Past the end of the positions transformers.js would go on, and ONNX Runtime fail.
    const newTokens = Math.min(maxNewTokens, this.#maxPositions - promptLength);
    if (newTokens <= 0) {
      throw new PlaygroundError(
        'bad-settings',
        `a prompt must leave room in the model's ${this.#maxPositions} positions, but it takes ${promptLength}`,
      );
    }
    const batch = new Batch(this.#tokenizer, this.#eos, count);
    const interruption = new InterruptableStoppingCriteria();
    const stopping = new StoppingCriteriaList();
    stopping.extend([interruption, new AllEnded(batch)]);
    let last = performance.now();
    this.#turn = async () => {
      const wait = Math.max(msBetweenTokens - (performance.now() - last), 0);
      if (wait === 0 && performance.now() - last < MS_BETWEEN_TURNS) return;
      listener(batch.takeGained());
      await new Promise((resolve) => setTimeout(resolve, wait));
      last = performance.now();
      if (signal.aborted) interruption.interrupt();
    };
    await this.#model.generate({
      ...inputs,
      max_new_tokens: newTokens,
      do_sample: temperature > 0,
      temperature: temperature || 1,
      top_k: 0,
      streamer: batch,
      stopping_criteria: stopping,
    });
    listener(batch.takeGained());
    return batch.completions();
  }

  async dispose(): Promise<void> {
    await this.#model.dispose();
  }
}

/** The completions of a batch as they grow. A row goes on being sampled after its end until all have ended; that is left out. */
class Batch extends TextStreamer {
  readonly #tokenizer: PreTrainedTokenizer;
  readonly #eos: bigint;
  readonly #rows: { readonly tokens: string[]; told: number; finished: boolean }[];
  #prompt = true;

  constructor(tokenizer: PreTrainedTokenizer, eos: bigint, count: number) {
    super(tokenizer);
    this.#tokenizer = tokenizer;
    this.#eos = eos;
    this.#rows = Array.from({ length: count }, () => ({ tokens: [], told: 0, finished: false }));
  }

  get ended(): boolean[] {
    return this.#rows.map(({ finished }) => finished);
  }

  /** First the prompts, then a token a row each time; a TextStreamer by itself takes a single row. */
  override put(ids: bigint[][]): void {
    if (this.#prompt) {
      this.#prompt = false;
      return;
    }
    this.#rows.forEach((row, index) => {
      const id = ids[index]?.[0];
      if (row.finished || id === undefined) return;
      row.tokens.push(this.#tokenizer.decode([id], { skip_special_tokens: false }));
      row.finished = id === this.#eos;
    });
  }

  override end(): void {
    // What there is was put already.
  }

  takeGained(): string[][] {
    return this.#rows.map((row) => {
      const gained = row.tokens.slice(row.told);
      row.told = row.tokens.length;
      return gained;
    });
  }

  completions(): Completion[] {
    return this.#rows.map(({ tokens, finished }) => ({ tokens, finished }));
  }
}

/** The one of transformers.js looks at the last token alone, so that a batch would end only where all rows end at once. */
class AllEnded extends StoppingCriteria {
  readonly #batch: Batch;

  constructor(batch: Batch) {
    super();
    this.#batch = batch;
  }

  override _call(): boolean[] {
    return this.#batch.ended;
  }
}
