// Sampling with a KV cache, all on the GPU: every token of every live sequence is one pass of the forward kernels, a draw, and a
// compaction of the list of live sequences. The host only looks, now and then, whether any sequence lives.
import sample from '../../shaders/sample.wgsl?raw';
import { PlaygroundError } from '../base/errors.ts';
import type { ModelConfig } from './config.ts';
import { allocateActivations, planForward } from './forward.ts';
import { uniformStruct, type Dispatch, type Gpu } from './gpu/gpu.ts';
import { modelConstants, type Kernels } from './kernels.ts';
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

type Buffers = ReturnType<typeof allocate>;

/** The dispatches of one token: the model up to its last layer, the logits and the draw, the next token's rows. */
interface Plan {
  readonly body: readonly Dispatch[];
  readonly draw: readonly Dispatch[];
  readonly advance: readonly Dispatch[];
}

/** Bytes that the keys and values of all layers may take together. */
const CACHE_BUDGET = 256 * 2 ** 20;

/** Tokens a submit: short enough for a driver's watchdog on a slow GPU. */
const TOKENS_PER_SUBMIT = 8;

export class Generator {
  readonly #gpu: Gpu;
  readonly #config: ModelConfig;
  readonly #maxSequences: number;
  readonly #buffers: Buffers;
  readonly #plan: Plan;

  private constructor(gpu: Gpu, config: ModelConfig, maxSequences: number, buffers: Buffers, plan: Plan) {
    this.#gpu = gpu;
    this.#config = config;
    this.#maxSequences = maxSequences;
    this.#buffers = buffers;
    this.#plan = plan;
  }

  /** For up to `sequences` at once; more are sampled in turns. Sequences have at most config.maxPositions tokens. */
  static async create(gpu: Gpu, parameters: Parameters, kernels: Kernels, sequences: number): Promise<Generator> {
    const { config } = parameters;
    const { maxStorageBufferBindingSize, maxComputeWorkgroupsPerDimension } = gpu.device.limits;
    const rowBytes = config.maxPositions * config.hiddenSize * 4;
    const byCache = Math.floor(Math.min(maxStorageBufferBindingSize, CACHE_BUDGET / (2 * config.numLayers)) / rowBytes);
    const maxSequences = Math.max(1, Math.min(sequences, byCache, maxComputeWorkgroupsPerDimension));
    const buffers = allocate(gpu, config, maxSequences);
    const { rows, ids, positions, sequenceOfRow, activations, caches, sampling, tokens, logProbs, states } = buffers;
    const inputs = { rows, ids, positions };
    const { body, head } = await planForward(kernels, inputs, parameters, activations, ({ qkv, attended }, layer) => {
      const { key, value } = caches[layer] as (typeof caches)[number];
      const bind = {
        rows,
        qkv,
        out: attended,
        sequences: sequenceOfRow,
        positions,
        key_cache: key,
        value_cache: value,
      };
      return kernels.attentionCached(bind, config.maxPositions);
    });
    const constants = { ...modelConstants(config), MAX_LENGTH: config.maxPositions, MAX_SEQUENCES: maxSequences };
    const [draw, advance] = await Promise.all([
      gpu.dispatch({
        source: sample,
        entry: 'sample_token',
        constants,
        bind: {
          rows,
          sampling,
          logits: activations.logits,
          row_sequences: sequenceOfRow,
          row_positions: positions,
          tokens,
          log_probs: logProbs,
          states,
        },
        grid: (count) => [count, 1, 1],
      }),
      gpu.dispatch({
        source: sample,
        entry: 'sample_advance',
        constants,
        bind: { live_rows: rows, ids, positions, sequences: sequenceOfRow, tokens, states },
        grid: () => [1, 1, 1],
      }),
    ]);
    return new Generator(gpu, config, maxSequences, buffers, { body, draw: [...head, draw], advance: [advance] });
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
    const completions: Completion[] = [];
    for (let first = 0; first < prompts.length; first += this.#maxSequences) {
      completions.push(...(await this.#wave(prompts.slice(first, first + this.#maxSequences), first, settings)));
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
    this.#gpu.write(
      ids,
      Uint32Array.from(prompts, (prompt) => prompt[0] as number),
    );
    this.#gpu.write(positions, new Uint32Array(count));
    this.#gpu.write(
      sequenceOfRow,
      Uint32Array.from(prompts, (_, sequence) => sequence),
    );
    this.#gpu.write(rows, Uint32Array.of(count));
    this.#gpu.write(sampling, new Uint8Array(samplingUniform(settings, firstSequence)));

    const lengths = prompts.map((prompt) => prompt.length);
    const shortest = Math.min(...lengths);
    const end = Math.min(T, Math.max(...lengths) + settings.maxNewTokens) - 1;
    let looking: Promise<number> | null = null;
    for (let position = 0; position < end; position += TOKENS_PER_SUBMIT) {
      this.#gpu.submit((encoder) => {
        for (let p = position; p < Math.min(end, position + TOKENS_PER_SUBMIT); p++) {
          const draws = p + 1 >= shortest ? this.#plan.draw : [];
          this.#gpu.encode(encoder, [...this.#plan.body, ...draws, ...this.#plan.advance], count);
        }
      });
      // Looks one submit behind, so that the GPU has work while the host waits.
      const live: number | null = looking && (await looking);
      if (live === 0) break;
      looking = this.#gpu
        .read([{ buffer: rows, bytes: 4 }])
        .then(([bytes]) => new Uint32Array(bytes as ArrayBuffer)[0] as number);
    }
    await looking;

    const [tokenBytes, logProbBytes, stateBytes] = await this.#gpu.read([
      { buffer: tokens, bytes: count * T * 4 },
      { buffer: logProbs, bytes: count * T * 4 },
      { buffer: states, bytes: count * 16 },
    ]);
    const drawn = new Uint32Array(tokenBytes as ArrayBuffer);
    const drawnLogProbs = new Float32Array(logProbBytes as ArrayBuffer);
    const ended = new Uint32Array(stateBytes as ArrayBuffer);
    return lengths.map((promptLength, sequence) => {
      const from = sequence * T + promptLength;
      const to = sequence * T + (ended[sequence * 4 + 2] as number);
      const completion = Array.from(drawn.subarray(from, to));
      return {
        ids: completion,
        logProbs: Array.from(drawnLogProbs.subarray(from, to)),
        truncated: completion.at(-1) !== settings.eos,
      };
    });
  }
}

function allocate(gpu: Gpu, config: ModelConfig, sequences: number) {
  const { hiddenSize: D, numLayers: L, maxPositions: T } = config;
  const u32s = (label: string, count: number): GPUBuffer => gpu.buffer(label, count * 4);
  return {
    rows: gpu.buffer(
      'live rows',
      4,
      GPUBufferUsage.UNIFORM | GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    ),
    ids: u32s('live ids', sequences),
    positions: u32s('live positions', sequences),
    sequenceOfRow: u32s('live sequences', sequences),
    activations: allocateActivations(gpu, config, sequences, false),
    caches: Array.from({ length: L }, (_, layer) => ({
      key: gpu.buffer(`layer ${layer} keys`, sequences * T * D * 4),
      value: gpu.buffer(`layer ${layer} values`, sequences * T * D * 4),
    })),
    sampling: gpu.uniform('sampling', 48),
    tokens: u32s('tokens', sequences * T),
    logProbs: u32s('sampled log-probs', sequences * T),
    states: u32s('sequence states', sequences * 4),
  };
}

function samplingUniform(settings: SamplingSettings, firstSequence: number): ArrayBuffer {
  const mask = (word: number): number =>
    settings.forbidden.reduce((bits, id) => (id >> 5 === word ? bits | (1 << (id & 31)) : bits), 0) >>> 0;
  return uniformStruct(sample, 'Sampling', {
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
