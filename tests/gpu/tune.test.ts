// Which decoder samples: by itself, and after trying them all.
import { describe, expect, it, vi } from 'vitest';
import type { ModelConfig } from '../../src/engine/config.ts';
import { cacheBytes, Generator } from '../../src/engine/generator.ts';
import { Arena } from '../../src/engine/gpu/arena.ts';
import { Gpu } from '../../src/engine/index.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import { Parameters } from '../../src/engine/parameters.ts';
import { fastest, timeDecoder, tuneDecoder } from '../../src/engine/tune.ts';

const config: ModelConfig = {
  vocabSize: 8,
  hiddenSize: 16,
  intermediateSize: 16,
  numLayers: 1,
  numHeads: 2,
  maxPositions: 12,
};

/** The browser's WebGPU with an adapter that claims to be a graphics card, or a software adapter. */
function disguised(architecture: 'rocket' | 'swiftshader'): GPU {
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<unknown> => {
    const adapter = (await navigator.gpu.requestAdapter(options))!;
    return {
      limits: adapter.limits,
      features: adapter.features,
      info: { vendor: 'acme', architecture, device: '', description: '', isFallbackAdapter: false },
      requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
    };
  };
  return { requestAdapter } as unknown as GPU;
}

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

describe('tuneDecoder', { timeout: 120_000 }, () => {
  it('does not try a software adapter', async () => {
    const memory = { getItem: vi.fn(), setItem: vi.fn() };
    expect(await tuneDecoder(disguised('swiftshader'), config, 4, memory)).toEqual({ decoder: 'layered' });
    expect(memory.setItem).not.toHaveBeenCalled();
  });

  it('tries a graphics card once and then remembers its name, the model and the number of sequences', async () => {
    const known = new Map<string, string>();
    const memory = {
      getItem: (key: string) => known.get(key) ?? 'a decoder of an older version',
      setItem: (key: string, value: string) => void known.set(key, value),
    };
    const clock = vi.spyOn(performance, 'now');
    const choice = await tuneDecoder(disguised('rocket'), config, 4, memory);
    const looks = clock.mock.calls.length;
    expect(looks).toBeGreaterThan(0);
    expect(known.size).toBe(1);
    expect([...known.keys()][0]).toMatch(/acme rocket, 4 sequences/);
    expect(await tuneDecoder(disguised('rocket'), config, 4, memory)).toEqual(choice);
    expect(clock.mock.calls.length).toBe(looks);
    clock.mockRestore();
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

  it.each(['layered', 'fused'] as const)(
    'times %s decoding up to the middle of the longest sequence',
    async (decoder) => {
      const gpu = await Gpu.open(navigator.gpu);
      const generate = vi.spyOn(Generator.prototype, 'generate');
      expect(await timeDecoder(gpu, config, 3, { decoder })).toBeGreaterThan(0);
      const lengths = generate.mock.calls.map(([prompts]) => prompts.map(({ length }) => length));
      expect(lengths.at(-1)).toEqual([6, 6, 6]);
      generate.mockRestore();
      gpu.destroy();
    },
  );
});
