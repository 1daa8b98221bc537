// Sampling with a KV cache, all on the GPU: a decoder makes the tokens of the live sequences and keeps the list of those that
// live. The host only looks, now and then, whether any does.
import { PlaygroundError } from '../base/errors.ts';
import type { ModelConfig } from './config.ts';
import { allocateSampling, cacheLayerBytes, SAMPLE_SOURCE, type Decoder, type SamplingBuffers } from './decoder.ts';
import { FUSED_SIZES, fusedCacheBytes, FusedDecoder, shareWork, type FusedSizes } from './fused-decoder.ts';
import { rangeBytes, type Arena } from './gpu/arena.ts';
import { uniformStruct, type Gpu, type ShaderConstants } from './gpu/gpu.ts';
import type { Kernels } from './kernels.ts';
import { LayeredDecoder } from './layered-decoder.ts';
import type { Parameters } from './parameters.ts';

export interface SamplingSettings {
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** 0: all. */
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  /** Token ids that are never drawn. */
  readonly forbidden: readonly number[];
  readonly seed: number;
  /** Part of the random key, as are the seed, the sequence's number, the position and the token. */
  readonly step: number;
  readonly eos: number;
  readonly maxNewTokens: number;
}

export interface Completion {
  /** Without the prompt; ends in eos unless it was cut off. */
  readonly ids: readonly number[];
  /** Log-prob of every token when it was drawn, in nats: at the temperature, before top-k, top-p and min-p. */
  readonly logProbs: readonly number[];
  readonly truncated: boolean;
}

/** How tokens are made: several in one dispatch, or each in many. The completions are the same. */
export type DecoderKind = 'fused' | 'layered';

export interface GeneratorOptions {
  /** Sequences sampled at once; more are sampled in turns. */
  readonly maxSequences: number;
  /** If not given: fused where the adapter is a GPU that can. On software adapters it is slower, since barriers cost them more. */
  readonly decoder?: DecoderKind | undefined;
  readonly fused?: FusedSizes | undefined;
}

/** Workgroups that every adapter can have: where larger ones do not compile. */
const LEAST_THREADS = 256;

/** Bytes of an arena for the keys and values of `sequences` sequences, however they are decoded. */
export function cacheBytes(config: ModelConfig, sequences: number): number {
  const ofKeys = Math.max(fusedCacheBytes(config), config.numLayers * cacheLayerBytes(config));
  return 2 * config.numLayers * rangeBytes((ofKeys * sequences) / config.numLayers);
}

export class Generator {
  readonly #gpu: Gpu;
  readonly #config: ModelConfig;
  readonly #buffers: SamplingBuffers;
  readonly #decoder: Decoder;

  private constructor(gpu: Gpu, config: ModelConfig, buffers: SamplingBuffers, decoder: Decoder) {
    this.#gpu = gpu;
    this.#config = config;
    this.#buffers = buffers;
    this.#decoder = decoder;
  }

  /**
   * Keys and values go into the arena: as many sequences are sampled at once as it has room for. They have at most config.maxPositions
   * tokens. Throws limit-too-small where fused decoding is asked for and does not fit.
   */
  static async create(
    gpu: Gpu,
    parameters: Parameters,
    kernels: Kernels,
    arena: Arena,
    options: GeneratorOptions,
  ): Promise<Generator> {
    const { config } = parameters;
    const { limits } = gpu.device;
    const work = await chooseWork(gpu, parameters, options);
    const layerBytes = cacheLayerBytes(config);
    const sequenceBytes = work ? fusedCacheBytes(config) : config.numLayers * layerBytes;
    const bindingBytes = work ? sequenceBytes : layerBytes;
    const maxSequences = Math.min(
      options.maxSequences,
      Math.floor(limits.maxStorageBufferBindingSize / bindingBytes),
      Math.floor(arena.bytes / (2 * sequenceBytes)),
      limits.maxComputeWorkgroupsPerDimension,
    );
    const buffers = allocateSampling(gpu, config, Math.max(1, maxSequences));
    const decoder = work
      ? await FusedDecoder.create(gpu, parameters, kernels, arena, buffers, work)
      : await LayeredDecoder.create(gpu, parameters, kernels, arena, buffers);
    return new Generator(gpu, config, buffers, decoder);
  }

  /** A completion for every prompt. Throws bad-settings for an empty prompt, a token outside the vocabulary, or one too long. */
  async generate(prompts: readonly (readonly number[])[], settings: SamplingSettings): Promise<Completion[]> {
    const { vocabSize, maxPositions } = this.#config;
    for (const prompt of prompts) {
      if (prompt.length === 0 || prompt.length >= maxPositions) {
        throw new PlaygroundError(
          'bad-settings',
          `a prompt must have 1 to ${maxPositions - 1} tokens, but one has ${prompt.length}`,
        );
      }
      const outside = prompt.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
      if (outside !== undefined)
        throw new PlaygroundError(
          'bad-settings',
          `a prompt's token must be 0 to ${vocabSize - 1}, but one is ${outside}`,
        );
    }
    const forbidden = settings.forbidden.filter((id) => id < vocabSize);
    if (new Set(forbidden).size === vocabSize)
      throw new PlaygroundError('bad-settings', 'every token is forbidden: allow at least one');
    if (!(settings.maxNewTokens >= 1))
      throw new PlaygroundError('bad-settings', `maxNewTokens must be at least 1, but it is ${settings.maxNewTokens}`);
    const { maxSequences } = this.#buffers;
    const completions: Completion[] = [];
    for (let first = 0; first < prompts.length; first += maxSequences) {
      completions.push(...(await this.#wave(prompts.slice(first, first + maxSequences), first, settings)));
    }
    return completions;
  }

  async #wave(
    prompts: readonly (readonly number[])[],
    firstSequence: number,
    settings: SamplingSettings,
  ): Promise<Completion[]> {
    const T = this.#config.maxPositions;
    const count = prompts.length;
    const { rows, ids, positions, sequenceOfRow, sampling, tokens, logProbs, states } = this.#buffers;
    const prompted = new Uint32Array(count * T);
    const state = new Uint32Array(count * 4);
    prompts.forEach((prompt, sequence) => {
      prompted.set(prompt, sequence * T);
      state.set([prompt.length, Math.min(T, prompt.length + settings.maxNewTokens), prompt.length, 0], sequence * 4);
    });
    this.#gpu.write(tokens, prompted);
    this.#gpu.write(states, state);
    const lengths = prompts.map((prompt) => prompt.length);
    const begins = Uint32Array.from(lengths, (length) => (this.#decoder.prefills ? length - 1 : 0));
    this.#gpu.write(
      ids,
      Uint32Array.from(prompts, (prompt, sequence) => prompt[begins[sequence] as number] as number),
    );
    this.#gpu.write(positions, begins);
    this.#gpu.write(
      sequenceOfRow,
      Uint32Array.from(prompts, (_, sequence) => sequence),
    );
    this.#gpu.write(rows, Uint32Array.of(count));
    this.#gpu.write(sampling, new Uint8Array(samplingUniform(settings, firstSequence)));

    const passes = lengths.map((length, sequence) => {
      const longest = Math.min(T, length + settings.maxNewTokens);
      return longest - 1 - (begins[sequence] as number);
    });
    const { tokensPerSubmit } = this.#decoder;
    this.#decoder.begin(prompts);
    let looking: Promise<number> | null = null;
    for (let left = Math.max(...passes); left > 0; left -= tokensPerSubmit) {
      this.#gpu.submit((encoder) => this.#decoder.encode(encoder, count, Math.min(left, tokensPerSubmit)));
      // Looks one submit behind, so that the GPU has work while the host waits.
      const live: number | null = looking && (await looking);
      if (live === 0) break;
      looking = this.#gpu
        .read([{ buffer: rows, bytes: 4 }])
        .then(([bytes]) => new Uint32Array(bytes as ArrayBuffer)[0] as number);
    }
    const [[tokenBytes, logProbBytes, stateBytes]] = await Promise.all([
      this.#gpu.read([
        { buffer: tokens, bytes: count * T * 4 },
        { buffer: logProbs, bytes: count * T * 4 },
        { buffer: states, bytes: count * 16 },
      ]),
      looking,
    ]);
    const drawn = new Uint32Array(tokenBytes as ArrayBuffer);
    const drawnLogProbs = new Float32Array(logProbBytes as ArrayBuffer);
    const ended = new Uint32Array(stateBytes as ArrayBuffer);
    return lengths.map((promptLength, sequence) => {
      const from = sequence * T + promptLength;
      const to = sequence * T + (ended[sequence * 4 + 2] as number);
      const completion = numbers(drawn, from, to);
      return {
        ids: completion,
        logProbs: numbers(drawnLogProbs, from, to),
        truncated: completion.at(-1) !== settings.eos,
      };
    });
  }
}

/** How a workgroup shares out fused decoding; null for layered decoding. Throws limit-too-small where fused is asked for and does not fit. */
async function chooseWork(
  gpu: Gpu,
  parameters: Parameters,
  { decoder, fused: sizes = FUSED_SIZES }: Pick<GeneratorOptions, 'decoder' | 'fused'>,
): Promise<ShaderConstants | null> {
  const { config } = parameters;
  const { limits } = gpu.device;
  if (decoder === 'layered' || (!decoder && gpu.adapter.software)) return null;
  if (decoder === 'fused') {
    const work = shareWork(config, sizes, limits);
    if (work) return work;
    throw new PlaygroundError(
      'limit-too-small',
      'this model does not fit into a workgroup: use layered decoding or a smaller model',
    );
  }
  for (const threads of [sizes.threads, LEAST_THREADS]) {
    const work = shareWork(config, { ...sizes, threads }, limits);
    if (work && (await FusedDecoder.compiles(gpu, parameters, work))) return work;
  }
  return null;
}

function samplingUniform(settings: SamplingSettings, firstSequence: number): ArrayBuffer {
  const mask = (word: number): number =>
    settings.forbidden.reduce((bits, id) => (id >> 5 === word ? bits | (1 << (id & 31)) : bits), 0) >>> 0;
  return uniformStruct(SAMPLE_SOURCE, 'Sampling', {
    temperature: settings.temperature,
    top_k: settings.topK,
    top_p: settings.topP,
    min_p: settings.minP,
    seed: settings.seed >>> 0,
    step: settings.step,
    first_sequence: firstSequence,
    eos: settings.eos,
    forbidden_low: mask(0),
    forbidden_high: mask(1),
  });
}

/** A plain array of a range. Array.from takes ten times as long, and an array that grows four times. */
function numbers(data: Uint32Array | Float32Array, from: number, to: number): number[] {
  const copy = new Array<number>(to - from);
  for (let n = 0; n < copy.length; n++) copy[n] = data[from + n] as number;
  return copy;
}
