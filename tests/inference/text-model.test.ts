// The real transformers.js and ONNX Runtime, in Node.
import { readFileSync } from 'node:fs';
import * as onnxruntime from 'onnxruntime-web/wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { ONNX_FILE, onnxModel } from '../../src/export/onnx/llama.ts';
import { MODEL_FILES, readModelFolder, writeModelFolder, type Folder } from '../../src/export/hugging-face.ts';
import type { GenerationRequest, Tokens } from '../../src/inference/protocol.ts';
import type { TextModel } from '../../src/inference/text-model.ts';
import { countdownEasy } from '../../src/tasks/countdown-easy.ts';

const PROMPT = '3,5,7>1<think>';
const NEVER = new AbortController().signal;

let load: (folder: Folder) => Promise<TextModel>;
let folder: Map<string, Uint8Array>;
let model: TextModel;

beforeAll(async () => {
  Reflect.set(globalThis, Symbol.for('onnxruntime'), onnxruntime); // in Node transformers.js looks for another one otherwise
  const { TextModel } = await import('../../src/inference/text-model.ts');
  onnxruntime.env.wasm.wasmPaths = new URL('../../node_modules/onnxruntime-web/dist/', import.meta.url).href;
  load = (files) => TextModel.load(files, 'auto');
  const file = (name: string) => readFileSync(new URL(`../../models/countdown-easy/${name}`, import.meta.url));
  const { checkpoint, tokenizer } = readModelFolder(new Map(MODEL_FILES.map((name) => [name, file(name)])));
  folder = writeModelFolder(checkpoint, tokenizer);
  folder.set(ONNX_FILE, onnxModel(checkpoint));
  model = await load(folder);
});

async function generate(request: Partial<GenerationRequest>, signal = NEVER, onGain: () => void = () => undefined) {
  const told: string[][] = [];
  const listener = (gained: readonly Tokens[]): void => {
    gained.forEach((tokens, row) => (told[row] ??= []).push(...tokens));
    onGain();
  };
  const asked = { prompt: PROMPT, count: 1, temperature: 0, maxNewTokens: 100, msBetweenTokens: 0, ...request };
  return { completions: await model.generate(asked, listener, signal), told };
}

const text = (tokens: Tokens): string => tokens.join('');

describe('a shipped model in transformers.js', () => {
  it('writes a thought and an answer to a problem, the same again at temperature 0', async () => {
    const { completions } = await generate({});
    expect(completions[0]?.finished).toBe(true);
    expect(text(completions[0]?.tokens ?? [])).toMatch(/^\d[+-]\d[+-]\d=-?\d+ (yes|no).*<\/think>\d[+-]\d[+-]\d<eos>$/);
    expect((await generate({})).completions).toEqual(completions);
  });

  it('has the tokens of the playground: words and marks are one each', async () => {
    const { completions } = await generate({ count: 16, temperature: 1 });
    for (const { tokens } of completions)
      expect(tokens).toEqual(countdownEasy.tokenizer.encode(text(tokens)).map((id) => countdownEasy.tokenizer.symbols[id])); // prettier-ignore
  });

  it('tells all tokens and none twice', async () => {
    const { completions, told } = await generate({ count: 8, temperature: 1 });
    expect(told).toEqual(completions.map(({ tokens }) => tokens));
  });

  it('ends every answer of a batch at its own end', async () => {
    const { completions } = await generate({ count: 16, temperature: 1 });
    for (const { tokens, finished } of completions) {
      expect(finished).toBe(true);
      expect(tokens.filter((token) => token === '<eos>')).toHaveLength(1);
      expect(tokens.at(-1)).toBe('<eos>');
    }
    expect(new Set(completions.map(({ tokens }) => text(tokens))).size).toBeGreaterThan(1);
  });

  it('cuts off at the number of tokens that was asked for', async () => {
    const { completions } = await generate({ maxNewTokens: 5 });
    expect(completions).toEqual([{ tokens: expect.any(Array) as Tokens, finished: false }]);
    expect(completions[0]?.tokens).toHaveLength(5);
  });

  it('never goes past the positions of the model', async () => {
    const prompt = '3,5,7>1<think>'.repeat(30); // 8 tokens each; the model has 256 positions, one is for <bos>
    const { completions } = await generate({ prompt, maxNewTokens: 1000, temperature: 1 });
    expect(completions[0]?.tokens.length).toBeLessThanOrEqual(15);
    await expect(generate({ prompt: prompt.repeat(2) })).rejects.toThrow(/256 positions, but it takes 481/);
  });

  it('stops when told to, and returns what there is', async () => {
    const stop = new AbortController();
    const { completions } = await generate({ msBetweenTokens: 5 }, stop.signal, () => stop.abort());
    expect(completions[0]?.finished).toBe(false);
    expect(completions[0]?.tokens.length).toBeLessThan(4);
  });
});

it('says so where ONNX Runtime cannot open a model', async () => {
  const broken = new Map(folder).set(ONNX_FILE, new Uint8Array(100));
  await expect(load(broken)).rejects.toMatchObject({
    name: 'bad-checkpoint',
    message: expect.stringMatching(/expected to open in ONNX Runtime/) as string,
  });
});
