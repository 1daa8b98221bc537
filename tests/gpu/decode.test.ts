// Fused decoding (decode_tokens, with weights from transpose_weight) against layered decoding: the same completions for every model
// size, every setting, and however the work is shared out.
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { ModelConfig } from '../../src/engine/config.ts';
import { FUSED_SIZES, shareWork, type FusedSizes, type WorkgroupLimits } from '../../src/engine/fused-decoder.ts';
import {
  cacheBytes,
  Generator,
  type Completion,
  type GeneratorOptions,
  type SamplingSettings,
} from '../../src/engine/generator.ts';
import { Arena } from '../../src/engine/gpu/arena.ts';
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

/** WebGPU's own, but for the memory. */
const LIMITS: WorkgroupLimits = {
  maxComputeWorkgroupStorageSize: 32768,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
};

type Make = (options: GeneratorOptions) => Promise<Generator>;

/** What makes generators that share the weights of one model. */
async function model(size: ModelConfig): Promise<{ readonly make: Make; readonly parameters: Parameters }> {
  const gpu = await openGpu();
  const parameters = new Parameters(gpu, size, 'policy');
  parameters.write(roughModel(size, 4));
  const kernels = new Kernels(gpu, size);
  const make: Make = (options) => {
    const arena = new Arena(gpu, 'caches', cacheBytes(size, options.maxSequences));
    const { buffer } = arena.carve()('all', arena.bytes);
    gpu.write(buffer, new Float32Array(arena.bytes / 4).fill(NaN)); // whoever used the memory before may have left anything
    return Generator.create(gpu, parameters, kernels, arena, options);
  };
  return { parameters, make };
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
  measureClose('fused decoding', `log-probs, ${what}`, logProbs(fused), logProbs(layered), { atol: 2e-5 });
}

// A software adapter takes seconds to compile the whole model.
describe('fused decoding', { timeout: 120_000 }, () => {
  it.each<[string, ModelConfig, number, Partial<FusedSizes>]>([
    ['with heads of 8', config, 13, {}],
    ['with heads of 6', { ...config, numHeads: 8 }, 5, { tokens: 3 }],
    ['with one head of 80', { ...config, hiddenSize: 80, numHeads: 1, numLayers: 1 }, 6, {}],
    ['of the smallest size', { vocabSize: 2, hiddenSize: 16, intermediateSize: 16, numLayers: 1, numHeads: 8, maxPositions: 9 }, 4, {}], // prettier-ignore
    ['of a large width', { vocabSize: 28, hiddenSize: 192, intermediateSize: 768, numLayers: 1, numHeads: 3, maxPositions: 12 }, 3, {}], // prettier-ignore
    ['in as few threads as there are channels', config, 21, { threads: 64 }],
    ['in threads that no number of heads divides', config, 6, { threads: 192 }],
  ])('gives the completions of layered decoding for a model %s', async (what, size, count, sizes) => {
    const { make } = await model(size);
    const prompts = raggedPrompts(size, count);
    const layered = await make({ maxSequences: 32, decoder: 'layered' });
    const fused = await make({ maxSequences: 32, decoder: 'fused', fused: { ...FUSED_SIZES, ...sizes } });
    for (const temperature of [1, 0]) {
      const changed = { ...settings, temperature };
      const expected = await layered.generate(prompts, changed);
      expectSame(`${what}, temperature ${temperature}`, await fused.generate(prompts, changed), expected);
    }
  });

  it('draws by the same filters, forbids the same tokens and samples in the same turns', async () => {
    const size = { ...config, vocabSize: 64, hiddenSize: 64, intermediateSize: 192, numLayers: 3, numHeads: 4 };
    const { make } = await model(size);
    const prompts = raggedPrompts(size, 11);
    const layered = await make({ maxSequences: 7, decoder: 'layered' });
    const fused = await make({ maxSequences: 7, decoder: 'fused' });
    const odd = Array.from({ length: 32 }, (_, half) => 2 * half + 1);
    for (const changed of [
      { temperature: 0.7, topK: 5 },
      { temperature: 1.5, topP: 0.8 },
      { minP: 0.1 },
      { topK: 20, topP: 0.9, minP: 0.02, forbidden: [1, 33, 63] },
      { forbidden: odd, maxNewTokens: 3 },
    ]) {
      const expected = await layered.generate(prompts, { ...settings, ...changed });
      expectSame(JSON.stringify(changed), await fused.generate(prompts, { ...settings, ...changed }), expected);
    }
  });

  it('does not depend on how many tokens a dispatch makes', async () => {
    const { make } = await model(config);
    const prompts = raggedPrompts(config, 10);
    const completions: Completion[][] = [];
    for (const tokens of [1, 5]) {
      const fused = await make({ maxSequences: 10, decoder: 'fused', fused: { ...FUSED_SIZES, tokens } });
      completions.push(await fused.generate(prompts, settings));
    }
    const [one, ...more] = completions;
    for (const other of more) expect(other).toEqual(one);
    expect(new Set(one!.map(({ ids }) => ids.length)).size).toBeGreaterThan(4); // sequences end at different times
  });

  it('works in little memory, a few heads at a time and sums shared by fewer threads', async () => {
    const size = { ...config, maxPositions: 120 };
    const tight = { ...FUSED_SIZES, threads: 256, memory: 11264 };
    expect(shareWork(size, tight, LIMITS)).toMatchObject({ ATTEND_HEADS: 1, DOWN_SPLITS: 5 });
    expect(shareWork(size, FUSED_SIZES, LIMITS)).toMatchObject({ ATTEND_HEADS: 6, DOWN_SPLITS: 10 });
    const { make } = await model(size);
    const prompts = raggedPrompts(size, 6);
    const layered = await make({ maxSequences: 6, decoder: 'layered' });
    const fused = await make({ maxSequences: 6, decoder: 'fused', fused: tight });
    expectSame('little memory', await fused.generate(prompts, settings), await layered.generate(prompts, settings));
  });

  it('samples from the weights as they are, also after they changed or were not numbers', async () => {
    const { make, parameters } = await model(config);
    const prompts = raggedPrompts(config, 6);
    const fused = await make({ maxSequences: 6, decoder: 'fused' });
    const layered = await make({ maxSequences: 6, decoder: 'layered' });
    const before = await fused.generate(prompts, settings);
    const gpu = await openGpu();
    gpu.write(parameters.buffer, new Float32Array(parameters.layout.floats).fill(NaN));
    await fused.generate(prompts, settings); // its keys and values stay in the caches
    parameters.write(roughModel(config, 5));
    const after = await fused.generate(prompts, settings);
    expect(after).not.toEqual(before);
    expectSame('other weights', after, await layered.generate(prompts, settings));
  });

  it('refuses a model that does not fit into a workgroup with limit-too-small', async () => {
    const little = { ...FUSED_SIZES, memory: 4096 };
    expect(shareWork(config, little, LIMITS)).toBeNull();
    const { make } = await model(config);
    await expect(make({ maxSequences: 4, decoder: 'fused', fused: little })).rejects.toMatchObject({
      name: 'limit-too-small',
      message: expect.stringMatching(/use layered decoding/) as string,
    });
  });

  it('needs a thread a channel', () => {
    const wide = { ...config, hiddenSize: 112, numHeads: 7 };
    expect(shareWork(wide, { ...FUSED_SIZES, threads: 64 }, LIMITS)).toBeNull();
    expect(shareWork(wide, { ...FUSED_SIZES, threads: 128 }, LIMITS)).not.toBeNull();
  });
});

describe('transpose_weight', () => {
  it.each([
    [48, 144],
    [64, 24],
    [4, 36],
  ])('turns [OUT, IN] into [IN, OUT], to the bit: IN %i, OUT %i', async (IN, OUT) => {
    const gpu = await openGpu();
    const kernels = new Kernels(gpu, config);
    const weight = floats(new Random(IN), IN * OUT);
    const { transposed } = await runDispatch(
      gpu,
      1,
      { reads: { weight }, writes: { transposed: unwritten(IN * OUT) } },
      (buffers) => kernels.transpose(buffers.weight, buffers.transposed, { IN, OUT }),
    );
    expect(transposed).toEqual(
      Float32Array.from({ length: IN * OUT }, (_, at) => weight[(at % OUT) * IN + Math.floor(at / OUT)]!),
    );
  });
});
