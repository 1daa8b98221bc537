// The transformer's kernels with their grids, for one model size: a method a kernel, each making a dispatch.
import attentionTiled from '../../shaders/attention-tiled.wgsl?raw';
import attention from '../../shaders/attention.wgsl?raw';
import embedding from '../../shaders/embedding.wgsl?raw';
import matmulTiled from '../../shaders/matmul-tiled.wgsl?raw';
import matmul from '../../shaders/matmul.wgsl?raw';
import prefill from '../../shaders/prefill.wgsl?raw';
import reduce from '../../shaders/reduce.wgsl?raw';
import rmsNorm from '../../shaders/rms-norm.wgsl?raw';
import rope from '../../shaders/rope.wgsl?raw';
import transpose from '../../shaders/transpose.wgsl?raw';
import { paddedVocabulary, RMS_NORM_EPS, ROPE_THETA, type ModelConfig } from './config.ts';
import type { Dispatch, Gpu, KernelCall, ShaderConstants } from './gpu/gpu.ts';

export type Resource = GPUBuffer | GPUBufferBinding;

const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);

/** WGSL constants of a model's sizes. */
export function modelConstants(config: ModelConfig): ShaderConstants {
  const { vocabSize, hiddenSize, intermediateSize, numHeads } = config;
  return {
    V: vocabSize,
    VP: paddedVocabulary(vocabSize),
    D: hiddenSize,
    F: intermediateSize,
    H: numHeads,
    K: hiddenSize / numHeads,
    EPS: String(RMS_NORM_EPS),
  };
}

/** [maxPositions, K/2] of (cos, sin) of position * theta^(-2j/K). */
function rotaryTable(config: ModelConfig): Float32Array {
  const half = config.hiddenSize / config.numHeads / 2;
  const table = new Float32Array(config.maxPositions * half * 2);
  for (let position = 0; position < config.maxPositions; position++) {
    for (let j = 0; j < half; j++) {
      const angle = position * ROPE_THETA ** (-j / half);
      table.set([Math.cos(angle), Math.sin(angle)], (position * half + j) * 2);
    }
  }
  return table;
}

/** Width of a linear layer's input and output. */
export type LinearSizes = { readonly IN: number; readonly OUT: number };

/**
 * attention.wgsl with its loops over the parts of a head written out. For software adapters: they unroll nothing, and an array that is
 * indexed by a variable is read and written there a lane at a time.
 */
function unrollParts(source: string, parts: number): string {
  const loop = /for \(var k = 0u; k < PARTS; k\+\+\) \{([^{}]*)\}/g;
  return source.replaceAll(loop, (_, body: string) =>
    Array.from({ length: parts }, (_, k) => `{${body.replaceAll(/\bk\b/g, `${k}u`)}}`).join('\n'),
  );
}

/** Workgroups worth having in flight for the gradient of one weight: with fewer tiles than that, the rows are split. */
const WORKGROUPS = 528;
const MOST_SPLITS = 64;
const SOFTWARE_SPLITS = 2;
/** For the gradient of a gain: on GPUs a workgroup each, on software adapters a thread. */
const NORM_SPLITS = 512;
const SOFTWARE_NORM_SPLITS = 128;
/** Threads that share a row. */
const NORM_LANES = 16;
/** Splits that a thread sums up, or up to twice as many. */
const SPLITS_A_LANE = 8;

export class Kernels {
  readonly config: ModelConfig;
  /** Work is shared out for a software adapter, where barriers cost more than they save. */
  readonly software: boolean;
  readonly #gpu: Gpu;
  readonly #constants: ShaderConstants;
  /** [maxPositions, K/2] of (cos, sin), for rotary position embedding. */
  readonly turns: GPUBuffer;
  /** Where the products come from, and how many rows and columns of results a workgroup makes. */
  readonly #products: { readonly source: string; readonly rows: number; readonly columns: number };

  constructor(gpu: Gpu, config: ModelConfig, software = gpu.adapter.software) {
    this.#gpu = gpu;
    this.software = software;
    this.config = config;
    this.#constants = modelConstants(config);
    this.#products = software
      ? { source: matmul, rows: 8, columns: 64 }
      : { source: matmulTiled, rows: 64, columns: 64 };
    const table = rotaryTable(config);
    this.turns = gpu.buffer('rotary table', table.byteLength);
    gpu.write(this.turns, table);
  }

  /** In how many shares the rows of a weight's gradient are summed. */
  splits({ IN, OUT }: LinearSizes): number {
    if (this.software) return SOFTWARE_SPLITS;
    const tiles = ceilDiv(IN, this.#products.columns) * ceilDiv(OUT, this.#products.rows);
    return Math.min(MOST_SPLITS, Math.max(2, ceilDiv(WORKGROUPS, tiles)));
  }

  /** In how many shares the rows of a gain's gradient are summed. */
  get normSplits(): number {
    return this.software ? SOFTWARE_NORM_SPLITS : NORM_SPLITS;
  }

  embed(rows: GPUBuffer, ids: GPUBuffer, weight: Resource, x: Resource): Promise<Dispatch> {
    const grid = this.#elementwise(this.config.hiddenSize / 4);
    return this.#dispatch(embedding, 'embedding_forward', grid, { rows, ids, weight, x });
  }

  embedBackward(rows: GPUBuffer, ids: GPUBuffer, d_x: Resource, partial: Resource, SPLITS: number): Promise<Dispatch> {
    const { hiddenSize: D, vocabSize } = this.config;
    const grid: KernelCall['grid'] = () => [ceilDiv(D / 4, 16), ceilDiv(paddedVocabulary(vocabSize), 4), SPLITS];
    return this.#dispatch(embedding, 'embedding_backward', grid, { rows, ids, d_x, partial }, { SPLITS });
  }

  /** y = norm(x). */
  norm(rows: GPUBuffer, x: Resource, gain: Resource, y: Resource): Promise<Dispatch> {
    const LANES = this.#lanes(NORM_LANES);
    const grid: KernelCall['grid'] = (count) => [ceilDiv(count, this.software ? 8 : 64 / LANES), 1, 1];
    return this.#dispatch(rmsNorm, 'rms_norm_forward', grid, { rows, x, gain, y }, { LANES });
  }

  /** Through norm(x): accumulates into d_x; turns d_y into norm(x); the gain's gradient in `normSplits` shares. */
  normBackward(
    rows: GPUBuffer,
    x: Resource,
    gain: Resource,
    d_y: Resource,
    d_x: Resource,
    partial: Resource,
  ): Promise<Dispatch> {
    const SPLITS = this.normSplits;
    const LANES = this.#lanes(NORM_LANES);
    const groups = this.software ? SPLITS / 64 : SPLITS;
    const bind = { rows, x, gain, d_y, d_x, partial };
    return this.#dispatch(rmsNorm, 'rms_norm_backward', () => [groups, 1, 1], bind, { SPLITS, LANES });
  }

  /** y = x W^T, or residual + x W^T. */
  linear(
    rows: GPUBuffer,
    sizes: LinearSizes,
    x: Resource,
    weight: Resource,
    y: Resource,
    residual?: Resource,
  ): Promise<Dispatch> {
    const bind = { rows, x, weight, y };
    return residual
      ? this.#product('matmul_forward_residual', sizes.OUT, { ...bind, residual }, sizes)
      : this.#product('matmul_forward', sizes.OUT, bind, sizes);
  }

  /** gate_up = x W^T, and gated = silu(gate) * up of its halves. */
  linearGated(
    rows: GPUBuffer,
    sizes: LinearSizes,
    x: Resource,
    weight: Resource,
    gate_up: Resource,
    gated: Resource,
  ): Promise<Dispatch> {
    return this.#product('matmul_forward_gated', sizes.OUT, { rows, x, weight, gate_up, gated }, sizes);
  }

  linearBackwardInput(
    rows: GPUBuffer,
    sizes: LinearSizes,
    d_y: Resource,
    weight: Resource,
    d_x: Resource,
  ): Promise<Dispatch> {
    return this.#product('matmul_backward_input', sizes.IN, { rows, d_y, weight, d_x }, sizes);
  }

  /** Where the input is silu(gate) * up: writes it to `gated`, and turns gate_up into its gradient, in place. */
  linearBackwardGated(
    rows: GPUBuffer,
    sizes: LinearSizes,
    d_y: Resource,
    weight: Resource,
    gate_up: Resource,
    gated: Resource,
  ): Promise<Dispatch> {
    return this.#product('matmul_backward_gated', sizes.IN, { rows, d_y, weight, gate_up, gated }, sizes);
  }

  linearBackwardWeight(
    rows: GPUBuffer,
    sizes: LinearSizes,
    x: Resource,
    d_y: Resource,
    partial: Resource,
    SPLITS: number,
  ): Promise<Dispatch> {
    const [columns, outs] = [ceilDiv(sizes.IN, this.#products.columns), ceilDiv(sizes.OUT, this.#products.rows)];
    const grid: KernelCall['grid'] = () => [columns, outs, SPLITS];
    const bind = { rows, x, d_y, partial };
    return this.#dispatch(this.#products.source, 'matmul_backward_weight', grid, bind, { ...sizes, SPLITS });
  }

  /** Adds the splits of a gradient of `ELEMENTS` numbers to it. */
  reduce(partial: Resource, gradient: Resource, ELEMENTS: number, SPLITS: number): Promise<Dispatch> {
    const LANES = this.#lanes(2 ** Math.min(6, Math.max(0, Math.floor(Math.log2(SPLITS / SPLITS_A_LANE)))));
    const grid: KernelCall['grid'] = () => [ceilDiv(ELEMENTS / 4, 64 / LANES), 1, 1];
    return this.#dispatch(reduce, 'reduce_splits', grid, { partial, gradient }, { ELEMENTS, SPLITS, LANES });
  }

  rope(
    entry: 'rope_forward' | 'rope_backward',
    rows: GPUBuffer,
    positions: GPUBuffer,
    qkv: Resource,
  ): Promise<Dispatch> {
    const grid = this.#elementwise(this.config.hiddenSize);
    return this.#dispatch(rope, entry, grid, { rows, positions, turns: this.turns, qkv });
  }

  /** `weight`, [OUT, IN], as [IN, OUT]. */
  transpose(weight: Resource, transposed: Resource, sizes: LinearSizes): Promise<Dispatch> {
    const grid: KernelCall['grid'] = () => [ceilDiv(sizes.IN, 32), ceilDiv(sizes.OUT, 32), 1];
    return this.#dispatch(transpose, 'transpose_weight', grid, { weight, transposed }, sizes);
  }

  /** Attention within packed sequences: the forward pass or one of the backward passes. */
  attention(
    entry: 'attention_forward' | 'attention_backward_query' | 'attention_backward_key_value',
    bind: KernelCall['bind'],
  ): Promise<Dispatch> {
    const source = this.software ? attention : attentionTiled;
    return this.#attention(source, entry, (count) => [ceilDiv(count, 64), this.config.numHeads, 1], bind);
  }

  /** Attention of one new token a row, against a cache of `maxLength` positions a sequence. */
  attentionCached(bind: KernelCall['bind'], maxLength: number): Promise<Dispatch> {
    const { numHeads } = this.config;
    const [entry, rows] = this.software ? ['attention_decode_alone', 8] : ['attention_decode', 1];
    return this.#attention(attention, entry, (count) => [ceilDiv(count, rows), numHeads, 1], bind, maxLength);
  }

  /** The rows of prompts into the caches of up to `maxSequences` sequences. */
  cachePrompts(bind: KernelCall['bind'], maxSequences: number): Promise<Dispatch> {
    const { hiddenSize: D, maxPositions } = this.config;
    const grid: KernelCall['grid'] = () => [ceilDiv(D / 4, 16), ceilDiv(maxSequences, 4), 1];
    return this.#dispatch(prefill, 'cache_prompts', grid, bind, { MAX_LENGTH: maxPositions });
  }

  /** With heads in the widest parts that divide them. */
  #attention(
    source: string,
    entry: string,
    grid: KernelCall['grid'],
    bind: KernelCall['bind'],
    MAX_LENGTH = 1,
  ): Promise<Dispatch> {
    const headWidth = this.config.hiddenSize / this.config.numHeads;
    const width = headWidth % 4 === 0 ? 4 : 2;
    const PARTS = headWidth / width;
    const text = this.software ? unrollParts(source, PARTS) : source;
    return this.#dispatch(`alias Part = vec${width}f;\n${text}`, entry, grid, bind, { PARTS, MAX_LENGTH });
  }

  /** On software adapters every thread works on its own. */
  #lanes(onGpus: number): number {
    return this.software ? 1 : onGpus;
  }

  #dispatch(
    source: string,
    entry: string,
    grid: KernelCall['grid'],
    bind: KernelCall['bind'],
    constants: ShaderConstants = {},
  ): Promise<Dispatch> {
    return this.#gpu.dispatch({
      source,
      entry,
      constants: { ...this.#constants, SPLITS: 1, ...constants },
      grid,
      bind,
    });
  }

  /** For kernels with workgroups of 16 x 4. */
  #elementwise(columns: number): KernelCall['grid'] {
    return (rows) => [ceilDiv(columns, 16), ceilDiv(rows, 4), 1];
  }

  /** A product with a result for every row and each of `columns` columns. */
  #product(entry: string, columns: number, bind: KernelCall['bind'], sizes: LinearSizes): Promise<Dispatch> {
    const { source, ...tile } = this.#products;
    const across = ceilDiv(columns, tile.columns);
    return this.#dispatch(source, entry, (rows) => [across, ceilDiv(rows, tile.rows), 1], bind, sizes);
  }
}
