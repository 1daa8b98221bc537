// Fused decoding (decode_tokens over weights from transpose_weight) against layered decoding: the same completions for every model
// size, setting and way of sharing the work out.
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { ModelConfig } from '../../src/engine/config.ts';
import { FUSED_SIZES, fusedConstants, type FusedSizes } from '../../src/engine/fused-decoder.ts';
import { Generator, type Completion, type DecoderKind, type SamplingSettings } from '../../src/engine/generator.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import { Parameters } from '../../src/engine/parameters.ts';
import { openGpu, roughModel } from './open.ts';
import { floats, runDispatch, unwritten } from './run-kernel.ts';
import { measureClose } from './worst-errors.ts';

const config: ModelConfig = {
  vocabSize: 23,
  hiddenSize: 48,
  intermediateSize: 80,
  numLayers: 2,
  numHeads: 6,
  maxPositions: 37,
};
const settings: SamplingSettings = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  forbidden: [],
  seed: 11,
  step: 2,
  eos: 5,
  maxNewTokens: 20,
};

/** Both decoders over the weights of one model. */
async function decoders(
  size: ModelConfig,
  maxSequences: number,
  sizes: FusedSizes = FUSED_SIZES,
): Promise<Readonly<Record<DecoderKind, Generator>>> {
  const gpu = await openGpu();
  const parameters = new Parameters(gpu, size, 'policy');
  parameters.write(roughModel(size, 4));
  const kernels = new Kernels(gpu, size);
  const [fused, layered] = await Promise.all([
    Generator.create(gpu, parameters, kernels, maxSequences, 'fused', sizes),
    Generator.create(gpu, parameters, kernels, maxSequences, 'layered'),
  ]);
  return { fused, layered };
}

/** Prompts of 1 to T - 1 tokens, so that some end at the longest sequence before maxNewTokens. */
function raggedPrompts({ maxPositions, vocabSize }: ModelConfig, count: number): number[][] {
  const random = new Random(count, 3);
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + random.integer(maxPositions - 1) }, () => random.integer(vocabSize)),
  );
}

function expectSame(what: string, fused: readonly Completion[], layered: readonly Completion[]): void {
  expect(fused.map(({ ids }) => ids)).toEqual(layered.map(({ ids }) => ids));
  expect(fused.map(({ truncated }) => truncated)).toEqual(layered.map(({ truncated }) => truncated));
  const logProbs = (completions: readonly Completion[]): number[] =>
    completions.flatMap((completion) => completion.logProbs);
  measureClose('fused decoding', `log-probs, ${what}`, logProbs(fused), logProbs(layered), { atol: 1e-5 });
}

describe('fused decoding', () => {
  it.each<[string, ModelConfig, number, FusedSizes]>([
    ['heads of 8', config, 13, FUSED_SIZES],
    ['one head', { ...config, hiddenSize: 32, numHeads: 1, vocabSize: 28 }, 6, FUSED_SIZES],
    ['heads of 6, which no vec4 fits', { ...config, numHeads: 8 }, 5, { sequences: 4, tokens: 3 }],
    ['a larger model and V 64', { vocabSize: 64, hiddenSize: 64, intermediateSize: 192, numLayers: 3, numHeads: 4, maxPositions: 50 }, 9, FUSED_SIZES], // prettier-ignore
    ['the smallest model', { vocabSize: 2, hiddenSize: 16, intermediateSize: 16, numLayers: 1, numHeads: 8, maxPositions: 9 }, 4, FUSED_SIZES], // prettier-ignore
    ['eight sequences a workgroup', config, 21, { sequences: 8, tokens: 8 }],
    ['the widest model', { vocabSize: 28, hiddenSize: 256, intermediateSize: 1024, numLayers: 1, numHeads: 8, maxPositions: 12 }, 3, FUSED_SIZES], // prettier-ignore
  ])('gives the completions of layered decoding: %s', async (what, size, count, sizes) => {
    const { fused, layered } = await decoders(size, 32, sizes);
    const prompts = raggedPrompts(size, count);
    for (const temperature of [1, 0]) {
      const expected = await layered.generate(prompts, { ...settings, temperature });
      expectSame(`${what}, temperature ${temperature}`, await fused.generate(prompts, { ...settings, temperature }), expected); // prettier-ignore
    }
  });
});
