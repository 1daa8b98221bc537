// Several tokens of all live sequences in one dispatch of decode.wgsl, activations in workgroup memory.
import decodeShader from '../../shaders/decode.wgsl?raw';
import drawShader from '../../shaders/draw.wgsl?raw';
import { paddedVocabulary, type ModelConfig } from './config.ts';
import { planAdvance, type Decoder, type SamplingBuffers, type Wave } from './decoder.ts';
import type { Dispatch, Gpu, ShaderConstants } from './gpu/gpu.ts';
import { modelConstants, type Kernels } from './kernels.ts';
import type { Parameters } from './parameters.ts';

export interface FusedSizes {
  /** Sequences a workgroup owns, a multiple of 4: more of them read each weight less often, fewer fill a GPU sooner. */
  readonly sequences: number;
  /** Tokens a dispatch makes: more save dispatches, fewer pack the live sequences together sooner. */
  readonly tokens: number;
}

export const FUSED_SIZES: FusedSizes = { sequences: 4, tokens: 8 };

/** As in decode.wgsl. */
const THREADS = 256;
const NORM_LANES = 16;
/** Threads that share the sum of one block: more leave too much to add up. */
const MOST_SPLITS = 16;
/** Workgroup memory beside the vec4s: `lanes`, `totals`, `slots`, `alive`. */
const OTHER_BYTES = 2 * THREADS * 4 + 128;

/** Bytes of one sequence in each of the two caches. */
export function fusedCacheBytes({ numLayers, maxPositions, hiddenSize }: ModelConfig): number {
  return numLayers * Math.ceil(maxPositions / 4) * hiddenSize * 16;
}

/** How the work is shared, as constants of decode.wgsl, or null where the model does not fit into `workgroupBytes`. */
export function fusedConstants(
  config: ModelConfig,
  { sequences: S, tokens: TOKENS }: FusedSizes,
  workgroupBytes: number,
): ShaderConstants | null {
  const { hiddenSize: D, intermediateSize: F, numHeads: H, maxPositions: T } = config;
  const VP = paddedVocabulary(config.vocabSize);
  const quads = S / 4;
  const wanted = (scratch: number) => {
    // A share needs room for its partial sums, but for the first, which adds them up.
    const splits = (IN: number, OUT: number, partials = OUT): number =>
      largestDivisor(
        IN / 4,
        (n) => n <= MOST_SPLITS && (n * OUT * quads) / 4 <= THREADS && (n - 1) * partials * quads <= scratch,
      );
    return {
      QKV_SPLITS: splits(D, 3 * D),
      OUTPUT_SPLITS: splits(D, D),
      GATE_UP_SPLITS: splits(D, F, 2 * F),
      DOWN_SPLITS: splits(F, D),
      LOGITS_SPLITS: splits(D, VP),
      ATTEND_HEADS: largestDivisor(H, (heads) => S * heads <= THREADS && scoreVec4s(S, heads, T) <= scratch),
    };
  };
  const most = wanted(Infinity);
  const wantedScratch = Math.max(
    NORM_LANES * quads,
    scoreVec4s(S, most.ATTEND_HEADS, T),
    (most.QKV_SPLITS - 1) * 3 * D * quads,
    (most.OUTPUT_SPLITS - 1) * D * quads,
    (most.GATE_UP_SPLITS - 1) * 2 * F * quads,
    (most.DOWN_SPLITS - 1) * D * quads,
    (most.LOGITS_SPLITS - 1) * VP * quads,
  );
  const activations = (2 * D + Math.max(3 * D, F, VP)) * quads;
  const room = Math.floor((workgroupBytes - OTHER_BYTES) / 16) - activations;
  if (room < Math.max(NORM_LANES * quads, scoreVec4s(S, 1, T))) return null;
  const SCRATCH_SIZE = Math.min(wantedScratch, room);
  return { S, TOKENS, DRAWS: THREADS / 64, SCRATCH_SIZE, ...wanted(SCRATCH_SIZE) };
}

const scoreVec4s = (sequences: number, heads: number, positions: number): number =>
  sequences * heads * Math.ceil(positions / 4);

/** The largest divisor of `whole` that is good; 1 always is. */
function largestDivisor(whole: number, good: (divisor: number) => boolean): number {
  for (let n = whole; n > 1; n--) if (whole % n === 0 && good(n)) return n;
  return 1;
}

export class FusedDecoder implements Decoder {
  readonly tokensPerSubmit: number;
  readonly #gpu: Gpu;
  readonly #parameters: Parameters;
  /** The parameters with every matrix transposed, at the same offsets. */
  readonly #weights: GPUBuffer;
  readonly #transpose: readonly Dispatch[];
  readonly #decode: readonly Dispatch[];

  private constructor(
    gpu: Gpu,
    parameters: Parameters,
    weights: GPUBuffer,
    transpose: readonly Dispatch[],
    decode: readonly Dispatch[],
    tokensPerSubmit: number,
  ) {
    this.#gpu = gpu;
    this.#parameters = parameters;
    this.#weights = weights;
    this.#transpose = transpose;
    this.#decode = decode;
    this.tokensPerSubmit = tokensPerSubmit;
  }

  /** `sizes` are constants that `fusedConstants` gave. */
  static async create(
    gpu: Gpu,
    parameters: Parameters,
    kernels: Kernels,
    buffers: SamplingBuffers,
    maxSequences: number,
    sizes: ShaderConstants,
  ): Promise<FusedDecoder> {
    const { config } = parameters;
    const { rows, positions, sequenceOfRow, sampling, tokens, logProbs, states } = buffers;
    const weights = gpu.buffer('transposed weights', parameters.buffer.size);
    const cache = (label: string): GPUBuffer => gpu.buffer(label, maxSequences * fusedCacheBytes(config));
    const { S, TOKENS } = sizes as { readonly S: number; readonly TOKENS: number };
    const constants = { ...modelConstants(config), MAX_LENGTH: config.maxPositions };
    const [transpose, decode] = await Promise.all([
      planTranspose(kernels, parameters, weights),
      Promise.all([
        gpu.dispatch({
          source: `${drawShader}\n${decodeShader}`,
          entry: 'decode_tokens',
          constants: { ...constants, L: config.numLayers, ...sizes, ...weightOffsets(parameters) },
          bind: {
            rows,
            sampling,
            tokens,
            log_probs: logProbs,
            states,
            position: { buffer: positions, size: 16 },
            weights,
            turns: kernels.turns,
            sequences: sequenceOfRow,
            keys: cache('keys'),
            values: cache('values'),
          },
          grid: (count) => [Math.ceil(count / S), 1, 1],
        }),
        planAdvance(gpu, buffers, { ...constants, MAX_SEQUENCES: maxSequences }, TOKENS),
      ]),
    ]);
    return new FusedDecoder(gpu, parameters, weights, transpose, decode, TOKENS);
  }

  begin(encoder: GPUCommandEncoder): void {
    const { buffer } = this.#parameters;
    encoder.copyBufferToBuffer(buffer, 0, this.#weights, 0, buffer.size); // the gains; matrices are overwritten
    this.#gpu.encode(encoder, this.#transpose, 1);
  }

  encode(encoder: GPUCommandEncoder, { sequences }: Wave): void {
    this.#gpu.encode(encoder, this.#decode, sequences);
  }
}

/** Every matrix of the parameters, transposed to the same place of `weights`. */
function planTranspose(kernels: Kernels, parameters: Parameters, weights: GPUBuffer): Promise<Dispatch[]> {
  const { hiddenSize: D, intermediateSize: F, numLayers, vocabSize } = parameters.config;
  const transpose = (weight: GPUBufferBinding, IN: number, OUT: number): Promise<Dispatch> =>
    kernels.transpose(weight, { ...weight, buffer: weights }, { IN, OUT });
  const layers = Array.from({ length: numLayers }, (_, index) => parameters.layer(index));
  return Promise.all([
    transpose(parameters.embedding, D, paddedVocabulary(vocabSize)),
    ...layers.flatMap(({ qkv, output, gateUp, down }) => [
      transpose(qkv, D, 3 * D),
      transpose(output, D, D),
      transpose(gateUp, D, 2 * F),
      transpose(down, F, D),
    ]),
  ]);
}

/** Where the tensors lie, in vec4s: those of the first layer, and LAYER from one layer to the next. */
function weightOffsets(parameters: Parameters): ShaderConstants {
  const at = ({ offset = 0 }: GPUBufferBinding): number => offset / 16;
  const first = parameters.layer(0);
  const second = parameters.config.numLayers > 1 ? parameters.layer(1) : first;
  return {
    EMBEDDING: at(parameters.embedding),
    LAYER: at(second.attentionNorm) - at(first.attentionNorm),
    ATTENTION_NORM: at(first.attentionNorm),
    QKV: at(first.qkv),
    OUTPUT: at(first.output),
    MLP_NORM: at(first.mlpNorm),
    GATE_UP: at(first.gateUp),
    DOWN: at(first.down),
    FINAL_NORM: at(parameters.finalNorm),
  };
}
