// Several tokens of all live sequences in one dispatch of decode.wgsl, activations in workgroup memory.
import decodeShader from '../../shaders/decode.wgsl?raw';
import drawShader from '../../shaders/draw.wgsl?raw';
import { paddedVocabulary, type ModelConfig } from './config.ts';
import { planAdvance, type Decoder, type SamplingBuffers } from './decoder.ts';
import type { Arena, Range } from './gpu/arena.ts';
import type { Dispatch, Gpu, KernelCall, ShaderConstants } from './gpu/gpu.ts';
import { modelConstants, type Kernels } from './kernels.ts';
import type { Parameters } from './parameters.ts';

export interface FusedSizes {
  /** Tokens a dispatch makes: more save dispatches, fewer pack the live sequences together sooner. */
  readonly tokens: number;
  /** Threads of a workgroup, a multiple of 64, as far as the adapter has them. */
  readonly threads: number;
  /** Workgroup memory that may be used, in bytes, as far as the adapter has it. */
  readonly memory: number;
}

/** More threads are slower: each then has fewer registers for loads under way. */
export const FUSED_SIZES: FusedSizes = { tokens: 8, threads: 512, memory: 48 * 1024 };

export type WorkgroupLimits = Pick<
  GPUSupportedLimits,
  'maxComputeWorkgroupStorageSize' | 'maxComputeInvocationsPerWorkgroup' | 'maxComputeWorkgroupSizeX'
>;

/** Sequences of a workgroup: a vec4 has one number of each. With eight, half as many workgroups took about twice as long. */
const SEQUENCES = 4;
/** Threads that share a sum: with more, adding up their parts takes longer than it saves. */
const MOST_SPLITS = 16;
/** Rows of a weight that a thread reads at once. */
const ROWS = 8;

/** How a workgroup shares out its work, as constants of decode.wgsl; null where a workgroup cannot hold the model. */
export function shareWork(config: ModelConfig, sizes: FusedSizes, limits: WorkgroupLimits): ShaderConstants | null {
  const most = Math.min(sizes.threads, limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  const threads = Math.floor(most / 64) * 64;
  if (threads < config.hiddenSize) return null; // a thread a channel
  const memory = Math.min(sizes.memory, limits.maxComputeWorkgroupStorageSize);
  for (const heads of divisors(config.numHeads)) {
    const shares = shareMemory(config, threads, memory, heads);
    if (shares) return { TOKENS: sizes.tokens, THREADS: threads, DRAWS: threads / 64, ...shares };
  }
  return null;
}

/** The same for attention of so many heads at once; null where they do not fit. */
function shareMemory(config: ModelConfig, threads: number, memory: number, heads: number): ShaderConstants | null {
  const { hiddenSize: D, intermediateSize: F, numHeads: H, maxPositions: T } = config;
  const VP = paddedVocabulary(config.vocabSize);
  const rows = SEQUENCES * heads;
  const scalars = rows * T + threads + D / H + SEQUENCES + 1; // scores, lanes, angles, slots, alive: each starts on 16 bytes
  const room = Math.floor((memory - scalars * 4 - 64) / 16) - (2 * D + 4); // besides X, INPUT and SQUARES
  /** The most shares of a sum of IN products that fit, in `blocks` blocks of four columns beside `live` channels; 0 where none does. */
  const splits = (IN: number, blocks: number, live: number): number =>
    divisors(IN / ROWS).find((n) => n <= MOST_SPLITS && n * blocks <= threads && live + n * blocks * 4 <= room) ?? 0;
  const gateUps = divisors(F / 4).map((blocks) => ({ blocks, shares: splits(D, 2 * blocks, F) }));
  const gateUp = gateUps.reduce((best, other) =>
    other.blocks * other.shares > best.blocks * best.shares ? other : best,
  );
  const shares = {
    QKV_SPLITS: splits(D, (3 * D) / 4, 0),
    OUTPUT_SPLITS: splits(D, D / 4, 0),
    GATE_UP_BLOCKS: gateUp.blocks,
    GATE_UP_SPLITS: gateUp.shares,
    DOWN_SPLITS: splits(F, D / 4, F),
    LOGITS_SPLITS: splits(D, VP / 4, VP),
  };
  const used = Math.max(
    Math.max(3 * D, threads) + 3 * SEQUENCES * H * headParts(config), // HEADS and what lies before it
    shares.QKV_SPLITS * 3 * D,
    shares.OUTPUT_SPLITS * D,
    F + gateUp.shares * gateUp.blocks * 8,
    F + shares.DOWN_SPLITS * D,
    VP + shares.LOGITS_SPLITS * VP,
  );
  const fits = used <= room && rows * headParts(config) <= threads && Object.values(shares).every((count) => count > 0);
  return fits ? { ATTEND_HEADS: heads, WIDE_SIZE: used, ...shares } : null;
}

/** The largest first. */
function divisors(whole: number): number[] {
  return Array.from({ length: whole }, (_, index) => whole - index).filter((n) => whole % n === 0);
}

/** vec4s of a head's channels. */
function headParts({ hiddenSize, numHeads }: ModelConfig): number {
  return Math.ceil(hiddenSize / numHeads / 4);
}

/** Bytes of the keys, or of the values, of one sequence. */
export function fusedCacheBytes(config: ModelConfig): number {
  return config.numLayers * config.maxPositions * config.numHeads * headParts(config) * 16;
}

export class FusedDecoder implements Decoder {
  readonly tokensPerSubmit: number;
  readonly prefills = false;
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

  /** Whether this adapter's compiler takes a whole model as one kernel in workgroups of that size. `work` is what `shareWork` gave. */
  static compiles(gpu: Gpu, parameters: Parameters, work: ShaderConstants): Promise<boolean> {
    const { source, entry, constants } = decodeKernel(parameters, work);
    return gpu.pipeline(source, entry, constants).then(
      () => true,
      () => false,
    );
  }

  static async create(
    gpu: Gpu,
    parameters: Parameters,
    kernels: Kernels,
    arena: Arena,
    buffers: SamplingBuffers,
    work: ShaderConstants,
  ): Promise<FusedDecoder> {
    const { config } = parameters;
    const { maxSequences, rows, positions, sequenceOfRow, sampling, tokens, logProbs, states } = buffers;
    const weights = gpu.buffer('transposed weights', parameters.buffer.size);
    const range = arena.carve();
    const cache = (label: string): Range => range(label, maxSequences * fusedCacheBytes(config));
    const { TOKENS } = work as { readonly TOKENS: number };
    const [transpose, decode] = await Promise.all([
      planTranspose(kernels, parameters, weights),
      Promise.all([
        gpu.dispatch({
          ...decodeKernel(parameters, work),
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
          grid: (count) => [Math.ceil(count / SEQUENCES), 1, 1],
        }),
        planAdvance(gpu, config, buffers, TOKENS),
      ]),
    ]);
    return new FusedDecoder(gpu, parameters, weights, transpose, decode, TOKENS);
  }

  begin(): void {
    const { buffer } = this.#parameters;
    this.#gpu.submit((encoder) => {
      encoder.copyBufferToBuffer(buffer, 0, this.#weights, 0, buffer.size); // the gains; matrices are overwritten
      this.#gpu.encode(encoder, this.#transpose, 1);
    });
  }

  /** Always makes `tokensPerSubmit`: none of a sequence that is done. */
  encode(encoder: GPUCommandEncoder, sequences: number): void {
    this.#gpu.encode(encoder, this.#decode, sequences);
  }
}

function decodeKernel(
  parameters: Parameters,
  work: ShaderConstants,
): Pick<KernelCall, 'source' | 'entry' | 'constants'> {
  const { config } = parameters;
  const sizes = { ...modelConstants(config), L: config.numLayers, MAX_LENGTH: config.maxPositions };
  return {
    source: `${drawShader}\n${decodeShader}`,
    entry: 'decode_tokens',
    constants: { ...sizes, ...work, ...weightOffsets(parameters) },
  };
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
