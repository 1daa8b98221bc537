// Which decoder samples: by itself, and after trying them all.
import { describe, expect, it, vi } from 'vitest';
import type { ModelConfig } from '../../src/engine/config.ts';
import { cacheBytes, Generator, type Completion } from '../../src/engine/generator.ts';
import { Arena } from '../../src/engine/gpu/arena.ts';
import { Gpu } from '../../src/engine/index.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import { Parameters } from '../../src/engine/parameters.ts';
import { fastest, recallDecoder, timeDecoder, tuneDecoder, type ChoiceMemory } from '../../src/engine/tune.ts';
import { decoderMemory } from '../../src/worker/decoder-memory.ts';
import { disguised } from './open.ts';

const config: ModelConfig = {
  vocabSize: 8,
  hiddenSize: 16,
  intermediateSize: 16,
  numLayers: 1,
  numHeads: 2,
  maxPositions: 12,
};

// A software adapter takes seconds to compile the whole model.
describe('a generator that may choose its decoder', { timeout: 120_000 }, () => {
  it('takes the fused one, except on software adapters and where the compiler refuses it', async () => {
    const decoderOf = async (gpu: Gpu, refused: readonly number[]): Promise<string> => {
      const compile = gpu.pipeline.bind(gpu);
      const entries: string[] = [];
      const compiler = vi.spyOn(gpu, 'pipeline').mockImplementation((source, entry, constants) => {
        if (entry === 'decode_tokens' && refused.includes(Number(constants['THREADS'])))
          return Promise.reject(new Error('too many registers'));
        entries.push(entry);
        return compile(source, entry, constants);
      });
      const parameters = new Parameters(gpu, config, 'policy');
      const options = { maxSequences: 2, fused: { tokens: 4, threads: 128, memory: 32768 } };
      const arena = new Arena(gpu, 'caches', cacheBytes(config, 2));
      const generator = await Generator.create(gpu, parameters, new Kernels(gpu, config), arena, options);
      compiler.mockRestore();
      const completions = await generator.generate([[1], [2, 3]], {
        ...{ temperature: 1, topK: 0, topP: 1, minP: 0, forbidden: [0], seed: 1, step: 1, eos: 0, maxNewTokens: 5 },
      });
      expect(completions.map(({ ids }) => ids.length)).toEqual([5, 5]);
      return entries.includes('sample_token') ? 'layered' : 'fused';
    };
    const graphics = await Gpu.open(disguised('rocket'));
    expect(await decoderOf(graphics, [])).toBe('fused');
    expect(await decoderOf(graphics, [128])).toBe('fused'); // in more threads, which every adapter has
    expect(await decoderOf(graphics, [128, 256])).toBe('layered');
    graphics.destroy();
    const software = await Gpu.open(disguised('swiftshader'));
    expect(await decoderOf(software, [])).toBe('layered');
    software.destroy();
  });
});

/** Remembers in a map; getItem answers as if an older version had left something. */
function memoryOf(known: Map<string, string>): ChoiceMemory {
  return {
    getItem: (key) => Promise.resolve(known.get(key) ?? 'a decoder of an older version'),
    setItem: (key, value) => Promise.resolve(void known.set(key, value)),
  };
}

describe('tuneDecoder', { timeout: 120_000 }, () => {
  const sizes = { config, maxSequences: 4 };
  const graphics = { name: 'acme rocket', software: false };
  const goOn = (): void => undefined;

  it('does not try a software adapter', async () => {
    const known = new Map<string, string>();
    const adapter = { name: 'swiftshader', software: true };
    expect(await tuneDecoder(navigator.gpu, adapter, sizes, memoryOf(known), goOn)).toBe(false);
    expect(known.size).toBe(0);
  });

  it('tries a graphics card once and then remembers its name, the model and the number of sequences', async () => {
    const known = new Map<string, string>();
    const memory = memoryOf(known);
    const open = vi.spyOn(Gpu, 'open');
    expect(await recallDecoder(graphics, sizes, memory)).toBeUndefined();
    expect(await tuneDecoder(disguised('rocket'), graphics, sizes, memory, goOn)).toBe(true);
    const devices = open.mock.calls.length;
    expect(devices).toBe(3);
    expect([...known.keys()]).toEqual([expect.stringMatching(/acme rocket, 4 sequences/)]);
    expect(await tuneDecoder(disguised('rocket'), graphics, sizes, memory, goOn)).toBe(false);
    expect(open.mock.calls.length).toBe(devices);
    open.mockRestore();
    expect(await recallDecoder(graphics, sizes, memory)).toBeDefined();
    expect(await recallDecoder(graphics, { config, maxSequences: 5 }, memory)).toBeUndefined();
    expect(await recallDecoder({ ...graphics, name: 'acme cart' }, sizes, memory)).toBeUndefined();
  });

  it('ends where it may not go on, and then remembers nothing', async () => {
    const known = new Map<string, string>();
    const quick = { generate: () => Promise.resolve([]) } as unknown as Generator;
    const create = vi.spyOn(Generator, 'create').mockResolvedValue(quick);
    const twice = vi
      .fn(goOn)
      .mockImplementationOnce(goOn)
      .mockImplementation(() => {
        throw new Error('a start came');
      });
    await expect(tuneDecoder(disguised('rocket'), graphics, sizes, memoryOf(known), twice)).rejects.toThrow(
      'a start came',
    );
    expect(create).toHaveBeenCalledOnce();
    create.mockRestore();
    expect(known.size).toBe(0);
  });

  it('chooses the shortest time, leaves out what fails, and fails where layered decoding does', async () => {
    const times: Record<string, number> = { layered: 3, small: 2, large: 4 };
    const time = (name: string): Promise<number> => {
      const ms = times[name];
      return ms === undefined ? Promise.reject(new Error(`no ${name}`)) : Promise.resolve(ms);
    };
    expect(await fastest(['layered', 'small', 'large'], time)).toBe('small');
    expect(await fastest(['layered', 'none', 'large'], time)).toBe('layered');
    await expect(fastest(['none', 'small'], time)).rejects.toThrow('no none');
  });

  it.each(['layered', 'fused'] as const)('times %s decoding up to half of the longest sequence', async (decoder) => {
    const gpu = await Gpu.open(navigator.gpu);
    const generate = vi.spyOn(Generator.prototype, 'generate');
    expect(await timeDecoder(gpu, { config, maxSequences: 3 }, { decoder })).toBeGreaterThan(0);
    const completions = (await generate.mock.results.at(-1)?.value) as readonly Completion[];
    expect(completions.map(({ ids }) => ids.length)).toEqual([6, 6, 6]);
    generate.mockRestore();
    gpu.destroy();
  });
});

describe('the memory of the page', () => {
  it('keeps a decoder for the next visit, by a name of any characters', async () => {
    const key = `a test, "/?#%&" ${Math.random()}`;
    expect(await decoderMemory.getItem(key)).toBeUndefined();
    await decoderMemory.setItem(key, 'fused, 256 threads');
    expect(await decoderMemory.getItem(key)).toBe('fused, 256 threads');
    expect(await decoderMemory.getItem(`${key} `)).toBeUndefined();
  });
});
