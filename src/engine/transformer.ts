// The Llama decoder as lists of dispatches over packed rows. Shapes: N rows, D width, F MLP width, V vocabulary padded to VP.
//
//   x_0 = E[ids];  per layer:  x' = x + attention(norm(x)) Wo,  x'' = x' + swiglu(norm(x') Wgu) Wdown;  logits = norm(x_L) E^T
//
// The same forward kernels serve training, scoring and cached decoding; only attention differs. For the backward pass every
// layer keeps its inputs, qkv, attention output and gate_up; norms and swiglu are made anew, since that is cheaper than memory.
import attention from '../../shaders/attention.wgsl?raw';
import embedding from '../../shaders/embedding.wgsl?raw';
import matmulTiled from '../../shaders/matmul-tiled.wgsl?raw';
import matmul from '../../shaders/matmul.wgsl?raw';
import reduce from '../../shaders/reduce.wgsl?raw';
import rmsNorm from '../../shaders/rms-norm.wgsl?raw';
import rope from '../../shaders/rope.wgsl?raw';
import swiglu from '../../shaders/swiglu.wgsl?raw';
import { paddedVocabulary, RMS_NORM_EPS, ROPE_THETA, type ModelConfig } from './config.ts';
import type { Dispatch, Gpu, KernelCall, ShaderConstants } from './gpu/gpu.ts';
import type { Parameters } from './parameters.ts';

type Resource = GPUBuffer | GPUBufferBinding;

/** Rows whose weight gradients make one partial sum. */
export const CHUNK_ROWS = 256;

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
    CHUNK: CHUNK_ROWS,
    EPS: String(RMS_NORM_EPS),
  };
}

/** [maxPositions, K/2] of (cos, sin) of position * theta^(-2j/K). */
export function rotaryTable(config: ModelConfig): Float32Array {
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

/** What a forward pass reads about its rows. */
export interface RowInputs {
  /** Uniform u32: how many rows there are. */
  readonly rows: GPUBuffer;
  readonly ids: GPUBuffer;
  readonly positions: GPUBuffer;
}

/** The buffers that one forward pass leaves behind; `layers` share buffers where nothing is kept for a backward pass. */
export interface Activations {
  readonly layers: readonly LayerActivations[];
  /** x_L [N, D]. */
  readonly last: GPUBuffer;
  readonly lastScale: GPUBuffer;
  /** norm(x) of the layer at hand [N, D]. */
  readonly normed: GPUBuffer;
  /** swiglu of the layer at hand [N, F]. */
  readonly gated: GPUBuffer;
  /** [N, VP]. */
  readonly logits: GPUBuffer;
}

interface LayerActivations {
  readonly x: GPUBuffer; // [N, D]
  readonly scale: GPUBuffer; // [N]
  readonly qkv: GPUBuffer; // [N, 3D]
  readonly attended: GPUBuffer; // [N, D]
  readonly lse: GPUBuffer; // [N, H]
  readonly middle: GPUBuffer; // x' [N, D]
  readonly middleScale: GPUBuffer; // [N]
  readonly gateUp: GPUBuffer; // [N, 2F]
}

/** Bytes that `allocateActivations` takes a row, and those of its largest buffer. */
export function activationBytes(config: ModelConfig, keepLayers: boolean): { total: number; largest: number } {
  const { hiddenSize: D, intermediateSize: F, numLayers: L, numHeads: H } = config;
  const layer = D + 1 + 3 * D + D + H + D + 1 + 2 * F;
  const VP = paddedVocabulary(config.vocabSize);
  const total = layer * (keepLayers ? L : 1) + D + 1 + D + F + VP;
  return { total: total * 4, largest: Math.max(3 * D, 2 * F) * 4 };
}

export function allocateActivations(gpu: Gpu, config: ModelConfig, rows: number, keepLayers: boolean): Activations {
  const { hiddenSize: D, intermediateSize: F, numLayers: L, numHeads: H } = config;
  const make = (label: string, width: number): GPUBuffer => gpu.buffer(label, rows * width * 4);
  const layer = (name: string): LayerActivations => ({
    x: make(`${name} x`, D),
    scale: make(`${name} scale`, 1),
    qkv: make(`${name} qkv`, 3 * D),
    attended: make(`${name} attended`, D),
    lse: make(`${name} lse`, H),
    middle: make(`${name} middle`, D),
    middleScale: make(`${name} middle scale`, 1),
    gateUp: make(`${name} gate_up`, 2 * F),
  });
  const shared = keepLayers ? null : layer('layer');
  const layers = Array.from({ length: L }, (_, index) => shared ?? layer(`layer ${index}`));
  return {
    layers,
    last: shared?.x ?? make('last x', D),
    lastScale: make('last scale', 1),
    normed: make('normed', D),
    gated: make('gated', F),
    logits: make('logits', paddedVocabulary(config.vocabSize)),
  };
}

/** Rows to workgroups for kernels that take a block of columns and some rows a thread. */
const grid2 =
  (columns: number, columnsPerGroup: number, rowsPerGroup: number): KernelCall['grid'] =>
  (rows) => [ceilDiv(columns, columnsPerGroup), ceilDiv(rows, rowsPerGroup), 1];

/** Where the products come from, and how many rows of results a workgroup makes; 32 columns in both. */
interface Products {
  readonly source: string;
  readonly rowsPerGroup: number;
}

/** Builds dispatches for one model size over one set of row inputs. */
export class Transformer {
  readonly #gpu: Gpu;
  readonly #config: ModelConfig;
  readonly #constants: ShaderConstants;
  readonly #turns: GPUBuffer;
  readonly #products: Products;

  constructor(gpu: Gpu, config: ModelConfig) {
    this.#gpu = gpu;
    this.#config = config;
    this.#constants = modelConstants(config);
    // Barriers cost a software adapter more than the tiles save.
    this.#products = gpu.adapter.software
      ? { source: matmul, rowsPerGroup: 32 }
      : { source: matmulTiled, rowsPerGroup: 64 };
    const table = rotaryTable(config);
    this.#turns = gpu.buffer('rotary table', table.byteLength);
    gpu.write(this.#turns, table);
  }

  /** From ids to logits. `attend` makes the attention dispatch of a layer: packed or cached. */
  async forward(
    inputs: RowInputs,
    parameters: Parameters,
    activations: Activations,
    attend: (layer: number, activations: LayerActivations) => Promise<Dispatch>,
  ): Promise<{ readonly body: readonly Dispatch[]; readonly head: readonly Dispatch[] }> {
    const { hiddenSize: D, intermediateSize: F, numLayers: L, vocabSize } = this.#config;
    const { rows } = inputs;
    const { normed, gated, layers, last } = activations;
    const first = layers[0] as LayerActivations;
    const calls: Promise<Dispatch>[] = [
      this.#call(embedding, 'embedding_forward', {}, grid2(D / 4, 16, 4), {
        rows,
        ids: inputs.ids,
        weight: parameters.embedding(),
        x: first.x,
      }),
    ];
    for (let index = 0; index < L; index++) {
      const at = `model.layers.${index}`;
      const layer = layers[index] as LayerActivations;
      const next = layers[index + 1]?.x ?? last;
      calls.push(
        this.#norm(rows, layer.x, parameters.tensor(`${at}.input_layernorm.weight`), normed, layer.scale),
        this.#linear(
          rows,
          D,
          3 * D,
          normed,
          parameters.tensor(`${at}.self_attn.q_proj.weight`, `${at}.self_attn.v_proj.weight`),
          layer.qkv,
        ),
        this.#rope('rope_forward', inputs, layer.qkv),
        attend(index, layer),
        this.#linear(
          rows,
          D,
          D,
          layer.attended,
          parameters.tensor(`${at}.self_attn.o_proj.weight`),
          layer.middle,
          layer.x,
        ),
        this.#norm(
          rows,
          layer.middle,
          parameters.tensor(`${at}.post_attention_layernorm.weight`),
          normed,
          layer.middleScale,
        ),
        this.#linear(
          rows,
          D,
          2 * F,
          normed,
          parameters.tensor(`${at}.mlp.gate_proj.weight`, `${at}.mlp.up_proj.weight`),
          layer.gateUp,
        ),
        this.#call(swiglu, 'swiglu_forward', {}, grid2(F / 4, 16, 4), { rows, gate_up: layer.gateUp, y: gated }),
        this.#linear(rows, F, D, gated, parameters.tensor(`${at}.mlp.down_proj.weight`), next, layer.middle),
      );
    }
    const head = [
      this.#norm(rows, last, parameters.tensor('model.norm.weight'), normed, activations.lastScale),
      this.#linear(rows, D, paddedVocabulary(vocabSize), normed, parameters.embedding(), activations.logits),
    ];
    return { body: await Promise.all(calls), head: await Promise.all(head) };
  }

  /** Causal attention within the packed sequences. */
  attendPacked(rows: GPUBuffer, spans: GPUBuffer): (layer: number, activations: LayerActivations) => Promise<Dispatch> {
    const grid: KernelCall['grid'] = (count) => [ceilDiv(count, 64), this.#config.numHeads, 1];
    return (_, { qkv, attended, lse }) =>
      this.#attention('attention_forward', grid, { rows, spans, qkv, out: attended, lse });
  }

  /** One new token a row, against caches [sequences, maxLength, D] of one layer each. */
  attendCached(
    rows: GPUBuffer,
    positions: GPUBuffer,
    sequences: GPUBuffer,
    caches: readonly { readonly key: GPUBuffer; readonly value: GPUBuffer }[],
    maxLength: number,
  ): (layer: number, activations: LayerActivations) => Promise<Dispatch> {
    const grid: KernelCall['grid'] = (count) => [count, this.#config.numHeads, 1];
    return (layer, { qkv, attended }) => {
      const { key, value } = caches[layer] as { key: GPUBuffer; value: GPUBuffer };
      const bind = { rows, qkv, out: attended, sequences, positions, key_cache: key, value_cache: value };
      return this.#attention('attention_decode', grid, bind, maxLength);
    };
  }

  /**
   * From the gradient of the logits, in `activations.logits`, to every parameter's gradient, which accumulates in `gradients`.
   * `d_x`, the gradient of the residual stream, must be zero when the dispatches begin.
   */
  async backward(
    inputs: RowInputs,
    spans: GPUBuffer,
    parameters: Parameters,
    activations: Activations,
    gradients: Parameters,
    maxRows: number,
  ): Promise<{ readonly d_x: GPUBuffer; readonly dispatches: readonly Dispatch[] }> {
    const { hiddenSize: D, intermediateSize: F, numLayers: L, numHeads: H, vocabSize } = this.#config;
    const VP = paddedVocabulary(vocabSize);
    const { rows } = inputs;
    const { normed, gated, layers, last, lastScale, logits } = activations;
    const make = (label: string, width: number): GPUBuffer => this.#gpu.buffer(label, maxRows * width * 4);
    const d_x = make('d_x', D); // the residual stream's gradient, from the end of the model to its beginning
    const d_normed = make('d_normed', D);
    const d_attended = make('d_attended', D);
    const d_qkv = make('d_qkv', 3 * D);
    const d_gated = make('d_gated', F);
    const d_gateUp = make('d_gate_up', 2 * F);
    const delta = make('delta', H);
    const chunks = ceilDiv(maxRows, CHUNK_ROWS);
    const partial = this.#gpu.buffer('partial gradients', chunks * Math.max(3 * D * D, 2 * F * D, VP * D) * 4);
    const calls: Promise<Dispatch>[] = [];

    const reduceInto = (gradient: Resource, elements: number): void => {
      calls.push(
        this.#call(reduce, 'reduce_chunks', { ELEMENTS: elements }, () => [ceilDiv(elements / 4, 64), 1, 1], {
          rows,
          partial,
          gradient,
        }),
      );
    };
    const { source, rowsPerGroup } = this.#products;
    const linearWeight = (x: GPUBuffer, d_y: GPUBuffer, IN: number, OUT: number, gradient: Resource): void => {
      const grid: KernelCall['grid'] = (count) => [
        ceilDiv(IN, 32),
        ceilDiv(OUT, rowsPerGroup),
        ceilDiv(count, CHUNK_ROWS),
      ];
      calls.push(this.#call(source, 'matmul_backward_weight', { IN, OUT }, grid, { rows, x, d_y, partial }));
      reduceInto(gradient, IN * OUT);
    };
    const linearInput = (d_y: GPUBuffer, weight: Resource, IN: number, OUT: number, into: GPUBuffer): void => {
      calls.push(
        this.#call(source, 'matmul_backward_input', { IN, OUT }, grid2(IN, 32, rowsPerGroup), {
          rows,
          d_y,
          weight,
          d_x: into,
        }),
      );
    };
    const norm = (x: GPUBuffer, row_scale: GPUBuffer, name: string): void => {
      calls.push(
        this.#call(rmsNorm, 'rms_norm_backward', {}, (count) => [ceilDiv(count, 4), 1, 1], {
          rows,
          x,
          gain: parameters.tensor(name),
          row_scale,
          d_y: d_normed,
          d_x,
        }),
      );
      const grid: KernelCall['grid'] = (count) => [ceilDiv(D / 4, 64), ceilDiv(count, CHUNK_ROWS), 1];
      calls.push(
        this.#call(rmsNorm, 'rms_norm_backward_gain', {}, grid, { rows, x, row_scale, d_y: d_normed, partial }),
      );
      reduceInto(gradients.tensor(name), D);
    };

    // The head: normed still holds norm(x_L).
    linearWeight(normed, logits, D, VP, gradients.embedding());
    linearInput(logits, parameters.embedding(), D, VP, d_normed);
    norm(last, lastScale, 'model.norm.weight');
    for (let index = L - 1; index >= 0; index--) {
      const at = `model.layers.${index}`;
      const layer = layers[index] as LayerActivations;
      calls.push(
        this.#call(swiglu, 'swiglu_forward', {}, grid2(F / 4, 16, 4), { rows, gate_up: layer.gateUp, y: gated }),
      );
      linearWeight(gated, d_x, F, D, gradients.tensor(`${at}.mlp.down_proj.weight`));
      linearInput(d_x, parameters.tensor(`${at}.mlp.down_proj.weight`), F, D, d_gated);
      calls.push(
        this.#call(swiglu, 'swiglu_backward', {}, grid2(F / 4, 16, 4), {
          rows,
          gate_up: layer.gateUp,
          d_y: d_gated,
          d_gate_up: d_gateUp,
        }),
      );
      calls.push(
        this.#norm(
          rows,
          layer.middle,
          parameters.tensor(`${at}.post_attention_layernorm.weight`),
          normed,
          layer.middleScale,
        ),
      );
      linearWeight(
        normed,
        d_gateUp,
        D,
        2 * F,
        gradients.tensor(`${at}.mlp.gate_proj.weight`, `${at}.mlp.up_proj.weight`),
      );
      linearInput(
        d_gateUp,
        parameters.tensor(`${at}.mlp.gate_proj.weight`, `${at}.mlp.up_proj.weight`),
        D,
        2 * F,
        d_normed,
      );
      norm(layer.middle, layer.middleScale, `${at}.post_attention_layernorm.weight`);

      linearWeight(layer.attended, d_x, D, D, gradients.tensor(`${at}.self_attn.o_proj.weight`));
      linearInput(d_x, parameters.tensor(`${at}.self_attn.o_proj.weight`), D, D, d_attended);
      const grid: KernelCall['grid'] = (count) => [ceilDiv(count, 64), H, 1];
      const { qkv, lse, attended } = layer;
      calls.push(
        this.#attention('attention_backward_query', grid, {
          rows,
          spans,
          qkv,
          row_out: attended,
          row_lse: lse,
          d_out: d_attended,
          delta,
          d_qkv,
        }),
      );
      calls.push(
        this.#attention('attention_backward_key_value', grid, {
          rows,
          spans,
          qkv,
          row_lse: lse,
          d_out: d_attended,
          row_delta: delta,
          d_qkv,
        }),
      );
      calls.push(this.#rope('rope_backward', inputs, d_qkv));
      calls.push(this.#norm(rows, layer.x, parameters.tensor(`${at}.input_layernorm.weight`), normed, layer.scale));
      linearWeight(
        normed,
        d_qkv,
        D,
        3 * D,
        gradients.tensor(`${at}.self_attn.q_proj.weight`, `${at}.self_attn.v_proj.weight`),
      );
      linearInput(
        d_qkv,
        parameters.tensor(`${at}.self_attn.q_proj.weight`, `${at}.self_attn.v_proj.weight`),
        D,
        3 * D,
        d_normed,
      );
      norm(layer.x, layer.scale, `${at}.input_layernorm.weight`);
    }
    const embeddingGrid: KernelCall['grid'] = (count) => [
      ceilDiv(D / 4, 16),
      ceilDiv(VP, 4),
      ceilDiv(count, CHUNK_ROWS),
    ];
    calls.push(this.#call(embedding, 'embedding_backward', {}, embeddingGrid, { rows, ids: inputs.ids, d_x, partial }));
    reduceInto(gradients.embedding(), VP * D);
    return { d_x, dispatches: await Promise.all(calls) };
  }

  #call(
    source: string,
    entry: string,
    constants: ShaderConstants,
    grid: KernelCall['grid'],
    bind: KernelCall['bind'],
  ): Promise<Dispatch> {
    return this.#gpu.dispatch({ source, entry, constants: { ...this.#constants, ...constants }, grid, bind });
  }

  #norm(rows: GPUBuffer, x: GPUBuffer, gain: Resource, y: GPUBuffer, scale: GPUBuffer): Promise<Dispatch> {
    return this.#call(rmsNorm, 'rms_norm_forward', {}, (count) => [ceilDiv(count, 4), 1, 1], {
      rows,
      x,
      gain,
      y,
      scale,
    });
  }

  #linear(
    rows: GPUBuffer,
    IN: number,
    OUT: number,
    x: GPUBuffer,
    weight: Resource,
    y: GPUBuffer,
    residual?: GPUBuffer,
  ): Promise<Dispatch> {
    const { source, rowsPerGroup } = this.#products;
    const grid = grid2(OUT, 32, rowsPerGroup);
    return residual
      ? this.#call(source, 'matmul_forward_residual', { IN, OUT }, grid, { rows, x, weight, residual, y })
      : this.#call(source, 'matmul_forward', { IN, OUT }, grid, { rows, x, weight, y });
  }

  #rope(entry: string, inputs: RowInputs, qkv: GPUBuffer): Promise<Dispatch> {
    const grid = grid2(this.#config.hiddenSize, 16, 4);
    return this.#call(rope, entry, {}, grid, {
      rows: inputs.rows,
      positions: inputs.positions,
      turns: this.#turns,
      qkv,
    });
  }

  #attention(entry: string, grid: KernelCall['grid'], bind: KernelCall['bind'], maxLength = 1): Promise<Dispatch> {
    return this.#call(attention, entry, { MAX_LENGTH: maxLength }, grid, bind);
  }
}
