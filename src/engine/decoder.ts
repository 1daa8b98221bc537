// What the two ways of making tokens share: the list of live sequences and what is drawn for them, on the GPU.
import draw from '../../shaders/draw.wgsl?raw';
import sample from '../../shaders/sample.wgsl?raw';
import type { ModelConfig } from './config.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';

/** sample.wgsl with the draw in front. */
export const SAMPLE_SOURCE = `${draw}\n${sample}`;

export interface SamplingBuffers {
  /** Uniform u32: live sequences. */
  readonly rows: GPUBuffer;
  /** By row: the token at hand, its position (the same for all), and the sequence. */
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

/** Sequences that are sampled together, all from position 0 on and in step. */
export interface Wave {
  readonly sequences: number;
  /** Tokens of the shortest prompt: up to there no token is drawn. */
  readonly shortest: number;
  /** Tokens of the longest sequence there can be. */
  readonly longest: number;
}

/** Makes the tokens of the live sequences and keeps the list of those that live on. */
export interface Decoder {
  /** Tokens that `encode` makes of every live sequence. */
  readonly tokensPerSubmit: number;
  /** Before the first token of a wave. */
  begin(encoder: GPUCommandEncoder): void;
  /** Makes the tokens behind `position` and those that follow. */
  encode(encoder: GPUCommandEncoder, wave: Wave, position: number): void;
}

export function allocateSampling(gpu: Gpu, config: ModelConfig, sequences: number): SamplingBuffers {
  const { maxPositions: T } = config;
  const { UNIFORM, STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const u32s = (label: string, count: number): GPUBuffer => gpu.buffer(label, count * 4);
  return {
    rows: gpu.buffer('live rows', 4, UNIFORM | STORAGE | COPY_SRC | COPY_DST),
    ids: u32s('live ids', sequences),
    positions: gpu.uniform('live positions', sequences * 4),
    sequenceOfRow: u32s('live sequences', sequences),
    sampling: gpu.uniform('sampling', 48),
    tokens: u32s('tokens', sequences * T),
    logProbs: u32s('sampled log-probs', sequences * T),
    states: u32s('sequence states', sequences * 4),
  };
}

/** Drops finished sequences from the list and moves on by `tokens`. */
export function planAdvance(
  gpu: Gpu,
  buffers: SamplingBuffers,
  constants: Readonly<Record<string, number | string>>,
  tokens: number,
): Promise<Dispatch> {
  const { rows, ids, positions, sequenceOfRow, tokens: drawn, states } = buffers;
  return gpu.dispatch({
    source: SAMPLE_SOURCE,
    entry: 'sample_advance',
    constants: { ...constants, DRAWS: 1, ADVANCE: tokens },
    bind: { live_rows: rows, ids, positions, sequences: sequenceOfRow, tokens: drawn, states },
    grid: () => [1, 1, 1],
  });
}
