// The fastest way to make tokens on this GPU, found by trying each on a device of its own and remembered.
import type { ModelConfig } from './config.ts';
import { FUSED_SIZES } from './fused-decoder.ts';
import { cacheBytes, Generator, type GeneratorOptions } from './generator.ts';
import { Arena } from './gpu/arena.ts';
import { Gpu } from './gpu/gpu.ts';
import { Kernels } from './kernels.ts';
import { Parameters } from './parameters.ts';

/** Options of a generator. */
export type DecoderChoice = Required<Pick<GeneratorOptions, 'decoder'>> & Pick<GeneratorOptions, 'fused'>;

/** Remembers choices by a name: localStorage does. */
export type ChoiceMemory = Pick<Storage, 'getItem' | 'setItem'>;

const CANDIDATES: Readonly<Record<string, DecoderChoice>> = {
  layered: { decoder: 'layered' },
  'fused, 256 threads': { decoder: 'fused', fused: { ...FUSED_SIZES, threads: 256 } },
  'fused, 512 threads': { decoder: 'fused', fused: { ...FUSED_SIZES, threads: 512 } },
};

const TIMED_TOKENS = 8;
const TIMES = 2;

/**
 * The fastest decoder for up to `maxSequences` sequences at once on the adapter that `webgpu` gives. Takes a few steps' time, or none where
 * `memory` knows; a software adapter is not asked. Tokens do not depend on the choice. Throws webgpu-unavailable, and what layered decoding throws.
 */
export async function tuneDecoder(
  webgpu: GPU | undefined,
  config: ModelConfig,
  maxSequences: number,
  memory: ChoiceMemory,
): Promise<DecoderChoice> {
  const { adapter } = await withDevice(webgpu, (gpu) => Promise.resolve(gpu));
  if (adapter.software) return CANDIDATES['layered'] as DecoderChoice;
  const key = `decoder: ${adapter.name}, ${maxSequences} sequences, ${JSON.stringify(config)}`;
  const known = CANDIDATES[memory.getItem(key) ?? ''];
  if (known) return known;
  const name = await fastest(Object.keys(CANDIDATES), (candidate) =>
    withDevice(webgpu, (gpu) => timeDecoder(gpu, config, maxSequences, CANDIDATES[candidate] as DecoderChoice)),
  );
  memory.setItem(key, name);
  return CANDIDATES[name] as DecoderChoice;
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

/** Milliseconds that `choice` takes from the first token to a few beyond half of the longest sequence, with weights of zero. */
export async function timeDecoder(
  gpu: Gpu,
  config: ModelConfig,
  maxSequences: number,
  choice: DecoderChoice,
): Promise<number> {
  const kernels = new Kernels(gpu, config);
  const arena = new Arena(gpu, 'caches', cacheBytes(config, maxSequences));
  const generator = await Generator.create(gpu, new Parameters(gpu, config, 'policy'), kernels, arena, {
    ...choice,
    maxSequences,
  });
  const sample = (promptLength: number): Promise<unknown> =>
    generator.generate(
      Array.from({ length: maxSequences }, () => new Array<number>(promptLength).fill(0)),
      {
        temperature: 1,
        topK: 0,
        topP: 1,
        minP: 0,
        forbidden: [0],
        seed: 1,
        step: 1,
        eos: 0,
        maxNewTokens: TIMED_TOKENS,
      },
    );
  await sample(1); // what only the first run does, such as clearing buffers
  let best = Infinity;
  for (let time = 0; time < TIMES; time++) {
    const begin = performance.now();
    await sample(Math.ceil(config.maxPositions / 2));
    best = Math.min(best, performance.now() - begin);
  }
  return best;
}

async function withDevice<Result>(webgpu: GPU | undefined, use: (gpu: Gpu) => Promise<Result>): Promise<Result> {
  const gpu = await Gpu.open(webgpu);
  try {
    return await use(gpu);
  } finally {
    gpu.destroy();
  }
}
