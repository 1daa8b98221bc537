// Prompts in one pass, then a token as one pass of the training's forward kernels over all live sequences, with a KV cache: nine
// dispatches a layer. Works for every model on every adapter, and is what the fused decoder must agree with.
import { planForward, takeActivations } from './forward.ts';
import {
  cacheLayerBytes,
  planAdvance,
  SAMPLE_SOURCE,
  sampleConstants,
  type Decoder,
  type SamplingBuffers,
} from './decoder.ts';
import { whole, type Arena, type Range } from './gpu/arena.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import type { Kernels } from './kernels.ts';
import type { Parameters } from './parameters.ts';
import { Prefill, prefillRows, type LayerCache } from './prefill.ts';

/** Short enough for a driver's watchdog on a slow GPU. */
const TOKENS_PER_SUBMIT = 8;

export class LayeredDecoder implements Decoder {
  readonly tokensPerSubmit = TOKENS_PER_SUBMIT;
  readonly prefills = true;
  readonly #gpu: Gpu;
  readonly #prefill: Prefill;
  /** The model, the draw and the next token's rows. */
  readonly #token: readonly Dispatch[];

  private constructor(gpu: Gpu, prefill: Prefill, token: readonly Dispatch[]) {
    this.#gpu = gpu;
    this.#prefill = prefill;
    this.#token = token;
  }

  static async create(
    gpu: Gpu,
    parameters: Parameters,
    kernels: Kernels,
    arena: Arena,
    buffers: SamplingBuffers,
  ): Promise<LayeredDecoder> {
    const { config } = parameters;
    const { maxSequences, rows, ids, positions, sequenceOfRow, sampling, tokens, logProbs, states } = buffers;
    const promptRows = prefillRows(config, maxSequences);
    const mostRows = Math.max(maxSequences, promptRows);
    const take = (label: string, width: number): Range => whole(gpu.buffer(label, mostRows * width * 4));
    const activations = takeActivations(take, config, true);
    const range = arena.carve();
    const cache = (label: string): Range => range(label, maxSequences * cacheLayerBytes(config));
    const caches = activations.layers.map((_, layer): LayerCache => ({
      key_cache: cache(`layer ${layer} keys`),
      value_cache: cache(`layer ${layer} values`),
    }));
    const LANES = kernels.software ? 1 : 64;
    const [{ body, head }, prefill, draw, advance] = await Promise.all([
      planForward(kernels, { rows, ids, positions }, parameters, activations, ({ qkv, attended }, layer) => {
        const bind = { rows, qkv, out: attended, sequences: sequenceOfRow, positions, ...caches[layer] };
        return kernels.attentionCached(bind, config.maxPositions);
      }),
      Prefill.create(gpu, parameters, kernels, activations, caches, promptRows, maxSequences),
      gpu.dispatch({
        source: SAMPLE_SOURCE,
        entry: 'sample_token',
        constants: sampleConstants(config, buffers, 1, LANES),
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
        grid: (count) => [Math.ceil((count * LANES) / 64), 1, 1],
      }),
      planAdvance(gpu, config, buffers, 1),
    ]);
    return new LayeredDecoder(gpu, prefill, [...body, ...head, draw, advance]);
  }

  begin(prompts: readonly (readonly number[])[]): void {
    this.#prefill.run(prompts);
  }

  encode(encoder: GPUCommandEncoder, sequences: number, tokens: number): void {
    for (let token = 0; token < tokens; token++) this.#gpu.encode(encoder, this.#token, sequences);
  }
}
