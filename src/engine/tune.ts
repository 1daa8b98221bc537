// The fastest way to make tokens on this GPU, found by trying each on a device of its own and remembered from visit to visit.
import type { ModelConfig } from './config.ts';
import { FUSED_SIZES } from './fused-decoder.ts';
import { cacheBytes, Generator, type GeneratorOptions } from './generator.ts';
import { Arena } from './gpu/arena.ts';
import { Gpu, type AdapterReport } from './gpu/gpu.ts';
import { Kernels } from './kernels.ts';
import { Parameters } from './parameters.ts';

/** Options of a generator. Without a decoder it is the fused one, or what the generator falls back to should that not compile. */
export type DecoderChoice = Pick<GeneratorOptions, 'decoder' | 'fused'>;

/** Remembers choices by name. */
export interface ChoiceMemory {
  getItem(key: string): Promise<string | undefined>;
  setItem(key: string, value: string): Promise<void>;
}

/** What is sampled: sequences of up to config.maxPositions tokens, so many at once. */
export interface SamplingSizes {
  readonly config: ModelConfig;
  readonly maxSequences: number;
}

const CANDIDATES: Readonly<Record<string, DecoderChoice>> = {
  layered: { decoder: 'layered' },
  'fused, 256 threads': { fused: { ...FUSED_SIZES, threads: 256 } },
  'fused, 512 threads': { fused: { ...FUSED_SIZES, threads: 512 } },
};

const TIMES = 2;

/** What was found fastest for these sizes on this adapter; undefined where it was not tried yet. Throws what the memory throws. */
export async function recallDecoder(
  adapter: AdapterReport,
  sizes: SamplingSizes,
  memory: ChoiceMemory,
): Promise<DecoderChoice | undefined> {
  return CANDIDATES[(await memory.getItem(nameOf(adapter, sizes))) ?? ''];
}

/**
 * Tries every decoder and remembers the fastest: a few steps' time, and none where it is known already or the adapter is a software
 * adapter. Before each try `goOn` may throw to end it. Whether it tried. Tokens do not depend on the choice. Throws webgpu-unavailable,
 * and what layered decoding or the memory throws.
 */
export async function tuneDecoder(
  webgpu: GPU | undefined,
  adapter: AdapterReport,
  sizes: SamplingSizes,
  memory: ChoiceMemory,
  goOn: () => void,
): Promise<boolean> {
  if (adapter.software || (await recallDecoder(adapter, sizes, memory))) return false;
  const name = await fastest(Object.keys(CANDIDATES), async (candidate) => {
    goOn();
    const gpu = await Gpu.open(webgpu);
    try {
      return await timeDecoder(gpu, sizes, { decoder: 'fused', ...CANDIDATES[candidate] });
    } finally {
      gpu.destroy();
    }
  });
  goOn();
  await memory.setItem(nameOf(adapter, sizes), name);
  return true;
}

/** The candidate with the shortest time. One whose trial throws is out, unless it is the first: that throw is passed on. */
export async function fastest(
  candidates: readonly string[],
  trial: (name: string) => Promise<number>,
): Promise<string> {
  const [first = '', ...others] = candidates;
  let best = { name: first, ms: await trial(first) };
  for (const name of others) {
    const ms = await trial(name).catch(() => Infinity); // does not fit, does not compile, or loses the device
    if (ms < best.ms) best = { name, ms };
  }
  return best.name;
}

/** Milliseconds that `choice` takes from the first token to half of the longest sequence, with weights of zero. */
export async function timeDecoder(
  gpu: Gpu,
  { config, maxSequences }: SamplingSizes,
  choice: DecoderChoice,
): Promise<number> {
  const kernels = new Kernels(gpu, config);
  const arena = new Arena(gpu, 'caches', cacheBytes(config, maxSequences));
  const generator = await Generator.create(gpu, new Parameters(gpu, config, 'policy'), kernels, arena, {
    ...choice,
    maxSequences,
  });
  const sample = async (maxNewTokens: number): Promise<number> => {
    const begin = performance.now();
    await generator.generate(
      Array.from({ length: maxSequences }, () => [0]),
      { temperature: 1, topK: 0, topP: 1, minP: 0, forbidden: [0], seed: 1, step: 1, eos: 0, maxNewTokens },
    );
    return performance.now() - begin;
  };
  await sample(1); // what only the first run does, such as clearing buffers
  const half = Math.ceil(config.maxPositions / 2);
  let best = Infinity;
  for (let time = 0; time < TIMES; time++) best = Math.min(best, await sample(half));
  return best;
}

function nameOf(adapter: AdapterReport, { config, maxSequences }: SamplingSizes): string {
  return `decoder: ${adapter.name}, ${maxSequences} sequences, ${JSON.stringify(config)}`;
}
