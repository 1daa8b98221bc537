// The Llama decoder's forward pass as a list of dispatches over packed rows. N rows, D width, F MLP width, V vocabulary
// padded to VP.
//
//   x_0 = E[ids];  per layer:  x' = x + attention(norm(x)) Wo,  x'' = x' + swiglu(norm(x') Wgu) Wdown;  logits = norm(x_L) E^T
//
// The same kernels serve training, scoring and cached decoding; only attention differs.
import { headWidth, paddedVocabulary, type ModelConfig } from './config.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import type { Kernels } from './kernels.ts';
import type { Parameters } from './parameters.ts';

/** What a pass reads about its rows. */
export interface RowInputs {
  /** Uniform u32: how many rows there are. */
  readonly rows: GPUBuffer;
  /** [N] token ids. */
  readonly ids: GPUBuffer;
  /** [N] positions in the sequence. */
  readonly positions: GPUBuffer;
}

/** What a forward pass leaves behind. A backward pass needs layers with buffers of their own. */
export interface Activations {
  readonly layers: readonly LayerActivations[];
  /** x_L [N, D]. */
  readonly last: GPUBuffer;
  readonly lastScale: GPUBuffer;
  /** norm(x) of the layer at hand [N, D]. */
  readonly normed: GPUBuffer;
  /** swiglu of the layer at hand [N, F]. */
  readonly gated: GPUBuffer;
  /** [N, VP], or [N, 4] values from its beginning where a model has a value head. */
  readonly logits: GPUBuffer;
}

export interface LayerActivations {
  readonly x: GPUBuffer; // [N, D]
  readonly scale: GPUBuffer; // [N], 1 / rms of x
  readonly qkv: GPUBuffer; // [N, 3D], queries and keys turned
  readonly attended: GPUBuffer; // [N, D]
  readonly lse: GPUBuffer; // [N, H]
  readonly middle: GPUBuffer; // x' [N, D]
  readonly middleScale: GPUBuffer; // [N]
  readonly gateUp: GPUBuffer; // [N, 2F]
}

/** Bytes that `allocateActivations` takes a row where layers are kept, and those of its widest buffer. */
export function activationBytes(config: ModelConfig): { readonly total: number; readonly widest: number } {
  const { hiddenSize: D, intermediateSize: F, numLayers: L, numHeads: H, vocabSize } = config;
  const layer = 6 * D + 2 * F + H + 2;
  return { total: (layer * L + 2 * D + 1 + F + paddedVocabulary(vocabSize)) * 4, widest: Math.max(3 * D, 2 * F) * 4 };
}

export function allocateActivations(gpu: Gpu, config: ModelConfig, rows: number, keepLayers: boolean): Activations {
  const { hiddenSize: D, intermediateSize: F, numLayers: L, numHeads: H, vocabSize } = config;
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
  return {
    layers: Array.from({ length: L }, (_, index) => shared ?? layer(`layer ${index}`)),
    last: shared?.x ?? make('last x', D),
    lastScale: make('last scale', 1),
    normed: make('normed', D),
    gated: make('gated', F),
    logits: make('logits', paddedVocabulary(vocabSize)),
  };
}

/** From ids to x_L (`body`), and from x_L to logits or values (`head`). `attend` makes the attention of a layer: packed or cached. */
export async function planForward(
  kernels: Kernels,
  { rows, ids, positions }: RowInputs,
  parameters: Parameters,
  activations: Activations,
  attend: (layer: LayerActivations, index: number) => Promise<Dispatch>,
): Promise<{ readonly body: readonly Dispatch[]; readonly head: readonly Dispatch[] }> {
  const { hiddenSize: D, intermediateSize: F } = kernels.config;
  const { layers, last, normed, gated } = activations;
  const body = layers.flatMap((layer, index) => {
    const weights = parameters.layer(index);
    const next = layers[index + 1]?.x ?? last;
    return [
      kernels.norm(rows, layer.x, weights.attentionNorm, normed, layer.scale),
      kernels.linear(rows, { IN: D, OUT: 3 * D }, normed, weights.qkv, layer.qkv),
      kernels.rope('rope_forward', rows, positions, layer.qkv),
      attend(layer, index),
      kernels.linear(rows, { IN: D, OUT: D }, layer.attended, weights.output, layer.middle, layer.x),
      kernels.norm(rows, layer.middle, weights.mlpNorm, normed, layer.middleScale),
      kernels.linear(rows, { IN: D, OUT: 2 * F }, normed, weights.gateUp, layer.gateUp),
      kernels.swiglu(rows, layer.gateUp, gated),
      kernels.linear(rows, { IN: F, OUT: D }, gated, weights.down, next, layer.middle),
    ];
  });
  const first = (layers[0] as LayerActivations).x;
  const head = [
    kernels.norm(rows, last, parameters.finalNorm, normed, activations.lastScale),
    kernels.linear(
      rows,
      { IN: D, OUT: headWidth(kernels.config, parameters.head) },
      normed,
      parameters.headWeight,
      activations.logits,
    ),
  ];
  return {
    body: await Promise.all([kernels.embed(rows, ids, parameters.embedding, first), ...body]),
    head: await Promise.all(head),
  };
}
