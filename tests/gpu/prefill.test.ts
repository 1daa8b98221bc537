// Prompts into the caches: by cache_prompts alone, and with the whole model.
import { describe, expect, it, vi } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { cacheBytes, Generator, type SamplingSettings } from '../../src/engine/generator.ts';
import { Arena } from '../../src/engine/gpu/arena.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import { Parameters } from '../../src/engine/parameters.ts';
import { prefillRows } from '../../src/engine/prefill.ts';
import { openGpu, roughModel } from './open.ts';
import { floats, runDispatch } from './run-kernel.ts';

const config = {
  vocabSize: 23,
  hiddenSize: 32,
  intermediateSize: 48,
  numLayers: 2,
  numHeads: 4,
  maxPositions: 21,
};
const settings: SamplingSettings = {
  ...{ temperature: 1, topK: 0, topP: 1, minP: 0, forbidden: [], seed: 11, step: 2, eos: 5, maxNewTokens: 3 },
};

async function layered(maxSequences: number): Promise<Generator> {
  const gpu = await openGpu();
  const parameters = new Parameters(gpu, config, 'policy');
  parameters.write(roughModel(config, 4));
  const arena = new Arena(gpu, 'caches', cacheBytes(config, maxSequences));
  return Generator.create(gpu, parameters, new Kernels(gpu, config), arena, { maxSequences, decoder: 'layered' });
}

describe('cache_prompts', () => {
  it.each([4, 72])(
    'puts the keys and values of a prompt of width %i into every sequence that has it, and no others',
    async (D) => {
      const gpu = await openGpu();
      const kernels = new Kernels(gpu, { ...config, hiddenSize: D, numHeads: 2 });
      const random = new Random(D);
      const spans = [3, 8, 0, 3, 0, 0, 3, 8, 8, 9]; // of five sequences: the third has no prompt here
      const qkv = floats(random, 9 * 3 * D);
      const before = { key_cache: floats(random, 5 * 21 * D), value_cache: floats(random, 5 * 21 * D) };
      const after = await runDispatch(
        gpu,
        9,
        { reads: { prompts: Uint32Array.from(spans), qkv }, writes: before },
        (on) => kernels.cachePrompts(on, 5),
      );
      const expected = { key_cache: before.key_cache.slice(), value_cache: before.value_cache.slice() };
      for (let sequence = 0; sequence < 5; sequence++) {
        const [first, end] = spans.slice(sequence * 2) as [number, number];
        for (let n = first; n < end; n++) {
          const at = (sequence * 21 + n - first) * D;
          expected.key_cache.set(qkv.subarray((n * 3 + 1) * D, (n * 3 + 2) * D), at);
          expected.value_cache.set(qkv.subarray((n * 3 + 2) * D, (n * 3 + 3) * D), at);
        }
      }
      expect(after).toEqual(expected);
    },
  );
});

describe('prefill', { timeout: 60_000 }, () => {
  it('computes a prompt once, however many sequences have it', async () => {
    const generator = await layered(9);
    const encode = vi.spyOn(await openGpu(), 'encode');
    const prompts = [[1, 2, 3, 4], [5], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]];
    await generator.generate(prompts, settings);
    const [, , rows] = encode.mock.calls[0]!;
    encode.mockRestore();
    expect(rows).toBe(3 + 0 + 2);
  });

  it('gives the same completions where the prompts take one pass and where they take several', async () => {
    const random = new Random(1);
    const prompts = Array.from({ length: 70 }, () =>
      Array.from({ length: 1 + random.integer(20) }, () => random.integer(23)),
    );
    const rows = prompts.reduce((sum, { length }) => sum + length - 1, 0);
    expect(rows).toBeGreaterThan(prefillRows(config, 70));
    const [wide, narrow] = [await layered(70), await layered(5)];
    expect(await wide.generate(prompts, settings)).toEqual(await narrow.generate(prompts, settings));
  });
});
