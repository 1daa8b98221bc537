import { beforeAll, describe, expect, it } from 'vitest';
import { parameterLayout, type Checkpoint } from '../../src/engine/config.ts';
import { onnxModel } from '../../src/export/onnx/llama.ts';
import { InferenceSession, Tensor } from '../onnxruntime.ts';
import { forward } from '../reference/model.ts';
import { randomCheckpoint, SMALL } from './model.ts';

const { vocabSize: V } = SMALL;
const checkpoint = randomCheckpoint();
const IDS = [1, 12, 24, 14, 24, 16, 23, 11, 4, 21];
let run: Runner;

type Rows = readonly (readonly number[])[];
/** Runs rows of equal length; where a row's mask is 0 it is padding. Without a cache, from the first token. */
type Runner = (rows: Rows, masks: Rows, cache?: InferenceSession.ReturnType) => Promise<InferenceSession.ReturnType>;

async function runner({ config, tensors }: Checkpoint): Promise<Runner> {
  const session = await InferenceSession.create(onnxModel({ config, tensors }));
  const int64 = (values: Rows): Tensor =>
    new Tensor('int64', BigInt64Array.from(values.flat(), BigInt), [values.length, values[0]!.length]);
  return (rows, masks, cache) => {
    const nothing = [rows.length, config.numHeads, 0, config.hiddenSize / config.numHeads];
    const past = session.inputNames
      .filter((name) => name.startsWith('past_key_values'))
      .map((name): [string, InferenceSession.OnnxValueMapType[string]] => [
        name,
        cache?.[name.replace('past_key_values', 'present')] ?? new Tensor('float32', new Float32Array(0), nothing),
      ]);
    const positions = masks.map((mask, row) => {
      let seen = 0;
      return mask.map((visible) => (visible ? seen++ : 0)).slice(-rows[row]!.length);
    });
    return session.run({
      input_ids: int64(rows),
      attention_mask: int64(masks),
      position_ids: int64(positions),
      ...Object.fromEntries(past),
    });
  };
}

beforeAll(async () => {
  run = await runner(checkpoint);
});

const logitsOf = (outputs: InferenceSession.ReturnType): Float32Array => outputs['logits']!.data as Float32Array;
const ones = (count: number): number[] => Array.from({ length: count }, () => 1);

function worstDifference(given: Float32Array, expected: ArrayLike<number>): number {
  expect(given.length).toBe(expected.length);
  return given.reduce((worst, value, index) => Math.max(worst, Math.abs(value - expected[index]!)), 0);
}

describe('the ONNX file', () => {
  const expected = forward(SMALL, checkpoint.tensors, IDS);

  it('gives the logits of the double-precision reference', async () => {
    expect(worstDifference(logitsOf(await run([IDS], [ones(IDS.length)])), expected)).toBeLessThan(1e-5);
  });

  it('gives the same logits token by token, from its cache', async () => {
    let outputs = await run([IDS.slice(0, 4)], [ones(4)]);
    for (let at = 4; at < IDS.length; at++) {
      outputs = await run([[IDS[at]!]], [ones(at + 1)], outputs);
      expect(worstDifference(logitsOf(outputs), expected.subarray(at * V, (at + 1) * V))).toBeLessThan(1e-5);
    }
  });

  it('does not see padding on the left, whatever is there, nor does a row see another', async () => {
    const long = [1, 20, 13, 19, 24, 15, 23, 12, 17, 4, 12, 19, 9];
    const padding = long.length - IDS.length;
    const mask = [...Array.from({ length: padding }, () => 0), ...ones(IDS.length)];
    const outputs = await run([long, [9, 9, 9, ...IDS]], [ones(long.length), mask]);
    const rows = logitsOf(outputs);
    expect(worstDifference(rows.subarray(0, long.length * V), forward(SMALL, checkpoint.tensors, long))).toBeLessThan(
      1e-5,
    );
    expect(worstDifference(rows.subarray((long.length + padding) * V), expected)).toBeLessThan(1e-5);
    const next = logitsOf(
      await run(
        [[5], [6]],
        [
          [...ones(long.length), 1],
          [...mask, 1],
        ],
        outputs,
      ),
    );
    const continued = forward(SMALL, checkpoint.tensors, [...IDS, 6]);
    expect(worstDifference(next.subarray(V), continued.subarray(IDS.length * V))).toBeLessThan(1e-5);
  });

  it('reads every position that the model has, and refuses one beyond', async () => {
    const full = Array.from({ length: SMALL.maxPositions }, (_, at) => (7 * at) % V);
    const outputs = await run([full], [ones(full.length)]);
    expect(worstDifference(logitsOf(outputs), forward(SMALL, checkpoint.tensors, full))).toBeLessThan(1e-5);
    await expect(run([[...full, 1]], [ones(full.length + 1)])).rejects.toThrow();
  });

  it.each([
    { hiddenSize: 48, numHeads: 3, numLayers: 1 },
    { hiddenSize: 16, numHeads: 8, numLayers: 1 },
    { hiddenSize: 32, numHeads: 1, numLayers: 3 },
  ])('holds a model of any sizes, as $hiddenSize wide with $numHeads heads', async (sizes) => {
    const config = { ...SMALL, ...sizes };
    const other = randomCheckpoint(config, 2);
    const logits = logitsOf(await (await runner(other))([IDS], [ones(IDS.length)]));
    expect(worstDifference(logits, forward(config, other.tensors, IDS))).toBeLessThan(1e-5);
  });

  it('stores every weight once, as model.safetensors does, and is the same bytes every time', () => {
    const file = onnxModel(checkpoint);
    expect(onnxModel(checkpoint)).toEqual(file);
    const weights = parameterLayout(SMALL).tensors.reduce((sum, { size }) => sum + 4 * size, 0);
    const tables = 2 * 4 * SMALL.maxPositions * (SMALL.hiddenSize / SMALL.numHeads);
    const rest = file.length - weights - tables;
    expect(rest).toBeGreaterThan(0);
    expect(rest).toBeLessThan(20_000); // the graph itself
  });
});
