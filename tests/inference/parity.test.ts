import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { onnxModel } from '../../src/export/onnx/llama.ts';
import { onnxPolicy } from '../../src/inference/parity-onnx.ts';
import { compare, type Policy } from '../../src/inference/parity.ts';
import { roughModel } from '../gpu/open.ts';
import { SMALL } from '../export/model.ts';
import '../onnxruntime.ts';
import { logProbs } from '../reference/layers.ts';
import { forward } from '../reference/model.ts';

const EOS = 2;
const { vocabSize: V } = SMALL;
const model = roughModel(SMALL, 3);

/** The double-precision reference, which has no cache: every token is a forward pass over all before it. */
const reference: Policy = {
  complete: (prompts, maxNewTokens) =>
    Promise.resolve(
      prompts.map((prompt) => {
        const ids = [...prompt];
        while (ids.length < prompt.length + maxNewTokens && (ids.length === prompt.length || ids.at(-1) !== EOS)) {
          const last = forward(SMALL, model.tensors, ids).subarray(-V);
          ids.push(last.indexOf(Math.max(...last)));
        }
        return ids.slice(prompt.length);
      }),
    ),
  logProbs: (sequences) =>
    Promise.resolve(
      sequences.map((ids) => logProbs(forward(SMALL, model.tensors, ids.slice(0, -1)), ids.slice(1), V, 1).logProbs),
    ),
};

/** 36 prompts of 1 to 6 tokens: more than one batch, each with padding. */
const random = new Random(5);
const PROMPTS = Array.from({ length: 36 }, (_, index) =>
  Array.from({ length: 1 + (index % 6) }, () => random.integer(V)),
);
const NEW_TOKENS = 8;

/** Not a model at all, but soon done: says the prompt again, each token with log-prob -1. */
const echo: Policy = {
  complete: (prompts) => Promise.resolve(prompts),
  logProbs: (sequences) => Promise.resolve(sequences.map((ids) => ids.slice(1).map(() => -1))),
};

describe('the parity of two policies', { timeout: 30_000 }, () => {
  let onnx: Policy;
  beforeAll(async () => {
    onnx = await onnxPolicy(onnxModel(model), SMALL, EOS);
  });

  it('is whole between ONNX Runtime and the double-precision reference, whether completions end or are cut off', async () => {
    const parity = await compare(reference, onnx, PROMPTS, NEW_TOKENS);
    expect(parity).toMatchObject({ problems: 36, identical: 36, passed: true });
    expect(parity.maxDifference).toBeLessThan(1e-4);
    const completions = await onnx.complete(PROMPTS, NEW_TOKENS);
    const ended = completions.filter((ids) => ids.at(-1) === EOS);
    expect(ended.length).toBeGreaterThan(0);
    expect(ended.length).toBeLessThan(36);
    const lengths = PROMPTS.map((prompt, problem) => prompt.length + completions[problem]!.length - 1);
    expect(parity.tokens).toBe(lengths.reduce((sum, length) => sum + length));
  });

  it('fails where one completion differs by a token', async () => {
    const other: Policy = {
      ...echo,
      complete: async (...args) => (await echo.complete(...args)).map((ids, at) => (at === 7 ? ids.with(0, 5) : ids)),
    };
    expect(await compare(echo, other, PROMPTS, NEW_TOKENS)).toMatchObject({ identical: 35, passed: false });
  });

  it.each([2e-3, NaN])('fails where one log-prob is off by %d', async (error) => {
    const other: Policy = {
      ...echo,
      logProbs: async (sequences) =>
        (await echo.logProbs(sequences)).map((row, at) =>
          at === 35 ? Array.from(row, (value) => value + error) : row,
        ),
    };
    const { identical, passed, maxDifference } = await compare(echo, other, PROMPTS, NEW_TOKENS);
    expect({ identical, passed }).toEqual({ identical: 36, passed: false });
    expect(maxDifference).toBeGreaterThan(1.9e-3);
  });

  it('fails for a model whose weights are not the exported ones', async () => {
    const tensors = new Map(model.tensors);
    tensors.set(
      'model.norm.weight',
      model.tensors.get('model.norm.weight')!.map((weight) => 1.01 * weight),
    );
    const other = await onnxPolicy(onnxModel({ config: SMALL, tensors }), SMALL, EOS);
    expect((await compare(onnx, other, PROMPTS, NEW_TOKENS)).passed).toBe(false);
  });
});
