// The Llama decoder's forward pass as a list of dispatches over packed rows. N rows, D width, F MLP width, V vocabulary
// padded to VP.
//
//   x_0 = E[ids];  per layer:  x' = x + attention(norm(x)) Wo,  x'' = x' + swiglu(norm(x') Wgu) Wdown;  logits = norm(x_L) E^T
//
// The same kernels serve training, scoring and cached decoding; only attention differs.
import { headWidth, paddedVocabulary, type ModelConfig } from './config.ts';
import type { Range } from './gpu/arena.ts';
import type { Dispatch } from './gpu/gpu.ts';
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

/** What a forward pass leaves behind. A backward pass needs layers with memory of their own. */
export interface Activations {
  readonly layers: readonly LayerActivations[];
  /** x_L [N, D]. */
  readonly last: Range;
  /** norm(x) of the layer at hand [N, D]. */
  readonly normed: Range;
  /** silu(gate) * up of the layer at hand, from its beginning: [N, F]. */
  readonly gated: Range;
  /** [N, VP], or [N, 4] values from its beginning where a model has a value head. */
  readonly logits: Range;
}

export interface LayerActivations {
  readonly x: Range; // [N, D]
  readonly qkv: Range; // [N, 3D], queries and keys turned
  readonly attended: Range; // [N, D]
  readonly lse: Range; // [N, H]
  readonly middle: Range; // x' [N, D]
  readonly gateUp: Range; // [N, 2F]
}

/** Takes memory for `width` numbers a row. */
export type Take = (label: string, width: number) => Range;

export function takeActivations(take: Take, config: ModelConfig, keepLayers: boolean): Activations {
  const { hiddenSize: D, intermediateSize: F, numLayers: L, numHeads: H, vocabSize } = config;
  const layer = (name: string): LayerActivations => ({
    x: take(`${name} x`, D),
    qkv: take(`${name} qkv`, 3 * D),
    attended: take(`${name} attended`, D),
    lse: take(`${name} lse`, H),
    middle: take(`${name} middle`, D),
    gateUp: take(`${name} gate_up`, 2 * F),
  });
  const shared = keepLayers ? null : layer('layer');
  return {
    layers: Array.from({ length: L }, (_, index) => shared ?? layer(`layer ${index}`)),
    last: shared?.x ?? take('last x', D),
    normed: take('normed', D),
    gated: take('gated', Math.max(F, 3 * D)), // a backward pass puts the gradient of qkv here
    logits: take('logits', paddedVocabulary(vocabSize)),
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
  const { layers, last, normed, gated, logits } = activations;
  const body = layers.flatMap((layer, index) => {
    const { x, qkv, attended, middle, gateUp } = layer;
    const weights = parameters.layer(index);
    const next = layers[index + 1]?.x ?? last;
    return [
      kernels.norm(rows, x, weights.attentionNorm, normed),
      kernels.linear(rows, { IN: D, OUT: 3 * D }, normed, weights.qkv, qkv),
      kernels.rope('rope_forward', rows, positions, qkv),
      attend(layer, index),
      kernels.linear(rows, { IN: D, OUT: D }, attended, weights.output, middle, x),
      kernels.norm(rows, middle, weights.mlpNorm, normed),
      kernels.linearGated(rows, { IN: D, OUT: 2 * F }, normed, weights.gateUp, gateUp, gated),
      kernels.linear(rows, { IN: F, OUT: D }, gated, weights.down, next, middle),
    ];
  });
  const first = (layers[0] as LayerActivations).x;
  const head = [
    kernels.norm(rows, last, parameters.finalNorm, normed),
    kernels.linear(
      rows,
      { IN: D, OUT: headWidth(kernels.config, parameters.head) },
      normed,
      parameters.headWeight,
      logits,
    ),
  ];
  return {
    body: await Promise.all([kernels.embed(rows, ids, parameters.embedding, first), ...body]),
    head: await Promise.all(head),
  };
}
