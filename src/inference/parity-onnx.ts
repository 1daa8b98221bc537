// ONNX Runtime as one side of a parity check: the file as any other program would run it, with its cache and with padding on the left.
import { InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import type { ModelConfig } from '../engine/config.ts';
import type { Policy } from './parity.ts';

/** Rows computed at once: their cache goes in and out of ONNX Runtime with every token. */
const BATCH = 32;
/** Any token will do: it is masked. */
const PADDING = 0;

type Rows = readonly (readonly number[])[];

/** `model`: the bytes of an onnx/model.onnx. */
export async function onnxPolicy(model: Uint8Array, config: ModelConfig, eos: number): Promise<Policy> {
  const session = await InferenceSession.create(model);
  const { vocabSize: V } = config;

  /** Logits [B, T, V] of ids [B, T], and the cache: all keys and values so far. A mask covers what the cache holds, too. */
  async function forward(ids: Rows, masks: Rows, past?: InferenceSession.ReturnType) {
    const nothing = new Tensor('float32', [], [ids.length, config.numHeads, 0, config.hiddenSize / config.numHeads]);
    const names = session.inputNames.filter((name) => name.startsWith('past_key_values'));
    const cache = await session.run({
      input_ids: int64(ids),
      attention_mask: int64(masks),
      position_ids: int64(masks.map((mask, row) => positionsOf(mask).slice(-ids[row]!.length))),
      ...Object.fromEntries(names.map((name) => [name, past?.[name.replace('past_key_values', 'present')] ?? nothing])),
    });
    return { logits: cache['logits']!.data as Float32Array, cache };
  }

  async function completeBatch(prompts: Rows, maxNewTokens: number): Promise<number[][]> {
    const completions = prompts.map((): number[] => []);
    let { rows: ids, masks } = padLeft(prompts);
    let past: InferenceSession.ReturnType | undefined;
    for (let count = 0; count < maxNewTokens; count++) {
      const { logits, cache } = await forward(ids, masks, past);
      const T = ids[0]!.length;
      const next = prompts.map((_, row) => indexOfLargest(logits.subarray((row * T + T - 1) * V, (row + 1) * T * V)));
      for (const [row, completion] of completions.entries()) if (completion.at(-1) !== eos) completion.push(next[row]!);
      if (completions.every((completion) => completion.at(-1) === eos)) break;
      ids = next.map((id) => [id]);
      masks = masks.map((mask) => [...mask, 1]);
      past = cache;
    }
    return completions;
  }

  async function logProbsOfBatch(sequences: Rows): Promise<Float64Array[]> {
    const { rows, masks } = padLeft(sequences);
    const T = rows[0]!.length;
    const { logits } = await forward(rows, masks);
    return sequences.map((ids, row) => {
      const first = (row + 1) * T - ids.length; // where its `<bos>` stands among all rows
      return Float64Array.from(ids.slice(1), (id, at) =>
        logProb(logits.subarray((first + at) * V, (first + at + 1) * V), id),
      );
    });
  }

  return {
    complete: (prompts, maxNewTokens) => inBatches(prompts, (batch) => completeBatch(batch, maxNewTokens)),
    logProbs: (sequences) => inBatches(sequences, logProbsOfBatch),
  };
}

async function inBatches<Result>(rows: Rows, compute: (batch: Rows) => Promise<Result[]>): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < rows.length; start += BATCH)
    results.push(...(await compute(rows.slice(start, start + BATCH))));
  return results;
}

function padLeft(rows: Rows): { rows: Rows; masks: Rows } {
  const width = Math.max(...rows.map(({ length }) => length));
  const padding = (row: readonly number[], value: number): number[] =>
    Array.from({ length: width - row.length }, () => value);
  return {
    rows: rows.map((row) => [...padding(row, PADDING), ...row]),
    masks: rows.map((row) => [...padding(row, 0), ...row.map(() => 1)]),
  };
}

/** A token's number among those that its mask shows. */
function positionsOf(mask: readonly number[]): number[] {
  let seen = 0;
  return mask.map((visible) => (visible ? seen++ : 0));
}

function int64(rows: Rows): Tensor {
  return new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);
}

function indexOfLargest(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > values[best]! ? index : best), 0);
}

function logProb(logits: Float32Array, id: number): number {
  const largest = Math.max(...logits);
  return logits[id]! - largest - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
}
