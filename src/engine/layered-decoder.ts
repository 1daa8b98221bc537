// A token as one pass of the training's forward kernels over all live sequences, with a KV cache: nine dispatches a layer.
// Works for every model on every adapter, and is what the fused decoder must agree with.
import { planForward, takeActivations } from './forward.ts';
import {
  cacheLayerBytes,
  planAdvance,
  SAMPLE_SOURCE,
  sampleConstants,
  type Decoder,
  type SamplingBuffers,
  type Wave,
} from './decoder.ts';
import { whole, type Arena, type Range } from './gpu/arena.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import type { Kernels } from './kernels.ts';
import type { Parameters } from './parameters.ts';

/** Short enough for a driver's watchdog on a slow GPU. */
const TOKENS_PER_SUBMIT = 8;

export class LayeredDecoder implements Decoder {
  readonly tokensPerSubmit = TOKENS_PER_SUBMIT;
  readonly #gpu: Gpu;
  /** The model up to its last layer, the logits and the draw, the next token's rows. */
  readonly #body: readonly Dispatch[];
  readonly #draw: readonly Dispatch[];
  readonly #advance: Dispatch;

  private constructor(gpu: Gpu, body: readonly Dispatch[], draw: readonly Dispatch[], advance: Dispatch) {
    this.#gpu = gpu;
    this.#body = body;
    this.#draw = draw;
    this.#advance = advance;
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
    const take = (label: string, width: number): Range => whole(gpu.buffer(label, maxSequences * width * 4));
    const activations = takeActivations(take, config, false);
    const range = arena.carve();
    const cache = (label: string): Range => range(label, maxSequences * cacheLayerBytes(config));
    const { body, head } = await planForward(
      kernels,
      { rows, ids, positions },
      parameters,
      activations,
      ({ qkv, attended }, layer) => {
        const caches = { key_cache: cache(`layer ${layer} keys`), value_cache: cache(`layer ${layer} values`) };
        const bind = { rows, qkv, out: attended, sequences: sequenceOfRow, positions, ...caches };
        return kernels.attentionCached(bind, config.maxPositions);
      },
    );
    const LANES = kernels.software ? 1 : 64;
    const [draw, advance] = await Promise.all([
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
    return new LayeredDecoder(gpu, body, [...head, draw], advance);
  }

  begin(): void {
    // the forward kernels read the parameters as they are
  }

  encode(encoder: GPUCommandEncoder, { sequences, shortest, longest }: Wave, position: number): void {
    const end = Math.min(longest - 1, position + TOKENS_PER_SUBMIT);
    for (let p = position; p < end; p++) {
      const draw = p + 1 >= shortest ? this.#draw : [];
      this.#gpu.encode(encoder, [...this.#body, ...draw, this.#advance], sequences);
    }
  }
}
