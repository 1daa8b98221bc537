// Prompts into the KV caches: one forward pass over all their tokens but the last, from which decoding goes on. Sequences with the
// same prompt share its rows, as the completions of a group do.
import { packBatches, rowTables, type Batch } from './batch.ts';
import type { ModelConfig } from './config.ts';
import { planForward, type Activations } from './forward.ts';
import type { Range } from './gpu/arena.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import type { Kernels } from './kernels.ts';
import type { Parameters } from './parameters.ts';

/** Of one layer, [sequences, T, D] each. */
export interface LayerCache {
  readonly key_cache: Range;
  readonly value_cache: Range;
}

/** Rows of a pass: enough to keep a GPU busy, few enough to need little memory. */
const MOST_ROWS = 512;

/** Rows that a pass may have: at least one whole prompt. */
export function prefillRows({ maxPositions }: ModelConfig, maxSequences: number): number {
  const most = maxSequences * (maxPositions - 1);
  return Math.max(maxPositions, Math.min(MOST_ROWS, most));
}

interface Tables {
  readonly rows: GPUBuffer;
  readonly ids: GPUBuffer;
  readonly positions: GPUBuffer;
  /** [N, 2] first row and end row of the row's prompt. */
  readonly spans: GPUBuffer;
  /** [sequences, 2] the same of the sequence's prompt, equal where the pass has it not. */
  readonly prompts: GPUBuffer;
}

export class Prefill {
  readonly #gpu: Gpu;
  readonly #maxRows: number;
  readonly #maxSequences: number;
  readonly #tables: Tables;
  readonly #plan: readonly Dispatch[];

  private constructor(gpu: Gpu, maxRows: number, maxSequences: number, tables: Tables, plan: readonly Dispatch[]) {
    this.#gpu = gpu;
    this.#maxRows = maxRows;
    this.#maxSequences = maxSequences;
    this.#tables = tables;
    this.#plan = plan;
  }

  /** For passes of up to `maxRows` rows, which the activations must have room for, each layer in memory of its own. */
  static async create(
    gpu: Gpu,
    parameters: Parameters,
    kernels: Kernels,
    activations: Activations,
    caches: readonly LayerCache[],
    maxRows: number,
    maxSequences: number,
  ): Promise<Prefill> {
    const tables: Tables = {
      rows: gpu.uniform('prompt rows', 4),
      ids: gpu.buffer('prompt ids', maxRows * 4),
      positions: gpu.buffer('prompt positions', maxRows * 4),
      spans: gpu.buffer('prompt spans', maxRows * 8),
      prompts: gpu.buffer('prompt of every sequence', maxSequences * 8),
    };
    const { rows, spans, prompts } = tables;
    const [{ body }, copies] = await Promise.all([
      planForward(kernels, tables, parameters, activations, ({ qkv, attended, lse }) =>
        kernels.attention('attention_forward', { rows, spans, qkv, out: attended, lse }),
      ),
      Promise.all(
        activations.layers.map(({ qkv }, layer) =>
          kernels.cachePrompts({ prompts, qkv, ...(caches[layer] as LayerCache) }, maxSequences),
        ),
      ),
    ]);
    // The last layer's keys and values are all that is wanted of it.
    const keyed = body.slice(
      0,
      body.findLastIndex(({ label }) => label === 'attention_forward'),
    );
    return new Prefill(gpu, maxRows, maxSequences, tables, [...keyed, ...copies]);
  }

  /** Submits what fills the caches of sequence after sequence, from position 0 to the token before its prompt's last. */
  run(prompts: readonly (readonly number[])[]): void {
    const numbers = new Map<string, number>();
    const distinct: (readonly number[])[] = [];
    const promptOf = prompts.map((prompt) => {
      const key = prompt.join();
      const known = numbers.get(key);
      if (known !== undefined) return known;
      numbers.set(key, distinct.length);
      return distinct.push(prompt) - 1;
    });
    const sequences = distinct.map((ids) => ({ ids, promptLength: ids.length }));
    for (const batch of packBatches(sequences, this.#maxRows)) {
      this.#load(batch, promptOf);
      this.#gpu.submit((encoder) => this.#gpu.encode(encoder, this.#plan, batch.rows));
    }
  }

  #load(batch: Batch, promptOf: readonly number[]): void {
    const { rows } = batch;
    const { ids, positions, spans, labels } = rowTables(batch);
    const spanOf = new Map<number, Uint32Array>();
    for (let row = 0; row < rows; row++)
      spanOf.set(labels[row * 2 + 1] as number, spans.subarray(row * 2, row * 2 + 2));
    const bySequence = new Uint32Array(this.#maxSequences * 2);
    promptOf.forEach((prompt, sequence) => bySequence.set(spanOf.get(prompt) ?? [0, 0], sequence * 2));
    this.#gpu.write(this.#tables.rows, Uint32Array.of(rows));
    this.#gpu.write(this.#tables.ids, ids);
    this.#gpu.write(this.#tables.positions, positions);
    this.#gpu.write(this.#tables.spans, spans);
    this.#gpu.write(this.#tables.prompts, bySequence);
  }
}
