// Several tokens of all live sequences in one dispatch of decode.wgsl, activations in workgroup memory.
import decodeShader from '../../shaders/decode.wgsl?raw';
import drawShader from '../../shaders/draw.wgsl?raw';
import { paddedVocabulary, type ModelConfig } from './config.ts';
import { cacheLayerBytes, planAdvance, type Decoder, type SamplingBuffers, type Wave } from './decoder.ts';
import type { Dispatch, Gpu, ShaderConstants } from './gpu/gpu.ts';
import { modelConstants, type Kernels } from './kernels.ts';
import type { Parameters } from './parameters.ts';

export interface FusedSizes {
  /** Sequences a workgroup owns, a multiple of 4: more of them read each weight less often, fewer fill a GPU sooner. */
  readonly sequences: number;
  /** Tokens a dispatch makes: more save dispatches, fewer pack the live sequences together sooner. */
  readonly tokens: number;
  /** Threads of a workgroup, a multiple of 64. */
  readonly threads: number;
  /** Workgroup memory that may be used, in bytes, as far as the adapter has it. */
  readonly memory: number;
}

export const FUSED_SIZES: FusedSizes = { sequences: 4, tokens: 8, threads: 256, memory: 48 * 1024 };

/** Threads that share a sum: with more, adding up their parts takes longer than it saves. */
const MOST_SPLITS = 16;
const NORM_LANES = 16;

/** How a workgroup shares out its work, as constants of decode.wgsl; null where its memory does not hold the model. */
export function shareWork(config: ModelConfig, sizes: FusedSizes, memoryLimit: number): ShaderConstants | null {
  const { hiddenSize: D, intermediateSize: F, numHeads: H, maxPositions: T } = config;
  const { sequences: S, tokens: TOKENS, threads: THREADS } = sizes;
  const VP = paddedVocabulary(config.vocabSize);
  const quads = S / 4;
  const partials = (splits: number, OUT: number): number => (splits - 1) * OUT * quads; // the first share adds them up
  const scores = (heads: number): number => S * heads * Math.ceil(T / 4);
  const shares = (scratch: number) => {
    const splits = (IN: number, OUT: number, sums = OUT): number =>
      largestDivisor(IN / 4, (n) => {
        const threads = (n * OUT * quads) / 4;
        return n <= MOST_SPLITS && threads <= THREADS && partials(n, sums) <= scratch;
      });
    return {
      QKV_SPLITS: splits(D, 3 * D),
      OUTPUT_SPLITS: splits(D, D),
      GATE_UP_SPLITS: splits(D, F, 2 * F),
      DOWN_SPLITS: splits(F, D),
      LOGITS_SPLITS: splits(D, VP),
      ATTEND_HEADS: largestDivisor(H, (heads) => S * heads <= THREADS && scores(heads) <= scratch),
    };
  };
  const wanted = shares(Infinity);
  const wantedScratch = Math.max(
    NORM_LANES * quads,
    scores(wanted.ATTEND_HEADS),
    partials(wanted.QKV_SPLITS, 3 * D),
    partials(wanted.OUTPUT_SPLITS, D),
    partials(wanted.GATE_UP_SPLITS, 2 * F),
    partials(wanted.DOWN_SPLITS, D),
    partials(wanted.LOGITS_SPLITS, VP),
  );
  const activations = (2 * D + Math.max(3 * D, F, VP)) * quads;
  const others = (2 * THREADS + S + 4) * 4 + 48; // lanes, totals, slots and alive, each rounded up to 16 bytes
  const room = Math.floor((Math.min(sizes.memory, memoryLimit) - others) / 16) - activations;
  if (room < Math.max(NORM_LANES * quads, scores(1))) return null;
  const SCRATCH_SIZE = Math.min(wantedScratch, room);
  return { S, TOKENS, THREADS, DRAWS: THREADS / 64, NORM_LANES, SCRATCH_SIZE, ...shares(SCRATCH_SIZE) };
}

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

  /** `work` is what `shareWork` gave. */
  static async create(
    gpu: Gpu,
    parameters: Parameters,
    kernels: Kernels,
    buffers: SamplingBuffers,
    work: ShaderConstants,
  ): Promise<FusedDecoder> {
    const { config } = parameters;
    const { maxSequences, rows, positions, sequenceOfRow, sampling, tokens, logProbs, states } = buffers;
    const weights = gpu.buffer('transposed weights', parameters.buffer.size);
    const cache = (label: string): GPUBuffer =>
      gpu.buffer(label, maxSequences * config.numLayers * cacheLayerBytes(config));
    const { S, TOKENS } = work as { readonly S: number; readonly TOKENS: number };
    const sizes = { ...modelConstants(config), L: config.numLayers, MAX_LENGTH: config.maxPositions };
    const [transpose, decode] = await Promise.all([
      planTranspose(kernels, parameters, weights),
      Promise.all([
        gpu.dispatch({
          source: `${drawShader}\n${decodeShader}`,
          entry: 'decode_tokens',
          constants: { ...sizes, ...work, ...weightOffsets(parameters) },
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
        planAdvance(gpu, config, buffers, TOKENS),
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
