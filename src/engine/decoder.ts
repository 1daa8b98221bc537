// What the two ways of making tokens share: the list of live sequences and what is drawn for them, on the GPU.
import draw from '../../shaders/draw.wgsl?raw';
import sample from '../../shaders/sample.wgsl?raw';
import type { ModelConfig } from './config.ts';
import type { Dispatch, Gpu, ShaderConstants } from './gpu/gpu.ts';
import { modelConstants } from './kernels.ts';

/** sample.wgsl with the draw in front. */
export const SAMPLE_SOURCE = `${draw}\n${sample}`;

export interface SamplingBuffers {
  readonly maxSequences: number;
  /** Uniform u32: live sequences. */
  readonly rows: GPUBuffer;
  /** By row: the token at hand, its position, and the sequence. */
  readonly ids: GPUBuffer;
  readonly positions: GPUBuffer;
  readonly sequenceOfRow: GPUBuffer;
  readonly sampling: GPUBuffer;
  /** [sequences, T], prompts included. */
  readonly tokens: GPUBuffer;
  /** [sequences, T]. */
  readonly logProbs: GPUBuffer;
  /** [sequences, 4] prompt length, longest length, length, done. */
  readonly states: GPUBuffer;
}

/** Makes the tokens of the live sequences and keeps the list of those that live on. */
export interface Decoder {
  /** Tokens that `encode` makes of every live sequence at most. */
  readonly tokensPerSubmit: number;
  /** Every sequence begins with its prompt's last token, since `begin` takes care of the others; else all begin at position 0, in step. */
  readonly prefills: boolean;
  /** Submits what is to be done before the first token of sequences with these prompts. */
  begin(prompts: readonly (readonly number[])[]): void;
  /** Makes `tokens` more tokens of every live sequence, of which there are up to `sequences`. */
  encode(encoder: GPUCommandEncoder, sequences: number, tokens: number): void;
}

/** Bytes of the keys, or of the values, of one sequence in one layer. Positions are rounded up to vec4s. */
export function cacheLayerBytes({ maxPositions, hiddenSize }: ModelConfig): number {
  return Math.ceil(maxPositions / 4) * 4 * hiddenSize * 4;
}

export function allocateSampling(gpu: Gpu, config: ModelConfig, maxSequences: number): SamplingBuffers {
  const { maxPositions: T } = config;
  const { UNIFORM, STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const u32s = (label: string, count: number): GPUBuffer => gpu.buffer(label, count * 4);
  return {
    maxSequences,
    rows: gpu.buffer('live rows', 4, UNIFORM | STORAGE | COPY_SRC | COPY_DST),
    ids: u32s('live ids', maxSequences),
    positions: gpu.uniform('live positions', maxSequences * 4),
    sequenceOfRow: u32s('live sequences', maxSequences),
    sampling: gpu.uniform('sampling', 48),
    tokens: u32s('tokens', maxSequences * T),
    logProbs: u32s('sampled log-probs', maxSequences * T),
    states: u32s('sequence states', maxSequences * 4),
  };
}

/** Drops finished sequences from the list and moves on by `tokens`. */
export function planAdvance(
  gpu: Gpu,
  config: ModelConfig,
  buffers: SamplingBuffers,
  tokens: number,
): Promise<Dispatch> {
  const { rows, ids, positions, sequenceOfRow, tokens: drawn, states } = buffers;
  return gpu.dispatch({
    source: SAMPLE_SOURCE,
    entry: 'sample_advance',
    constants: sampleConstants(config, buffers, tokens),
    bind: { live_rows: rows, ids, positions, sequences: sequenceOfRow, tokens: drawn, states },
    grid: () => [1, 1, 1],
  });
}

/** Constants of sample.wgsl, for `ADVANCE` tokens from one list of live sequences to the next, and `LANES` threads to a draw. */
export function sampleConstants(
  config: ModelConfig,
  buffers: SamplingBuffers,
  ADVANCE: number,
  LANES = 64,
): ShaderConstants {
  const sizes = { MAX_LENGTH: config.maxPositions, MAX_SEQUENCES: buffers.maxSequences };
  return { ...modelConstants(config), ...sizes, DRAWS: 1, ADVANCE, LANES };
}
