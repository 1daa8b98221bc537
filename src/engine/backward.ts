// The backward pass as a list of dispatches, over the activations of a forward pass. Norms and swiglu are made anew, since that
// is cheaper than memory. Weight gradients gather in partial sums over all micro-batches and are added up once a step.
import { headWidth, paddedVocabulary, type ModelConfig } from './config.ts';
import type { Activations, RowInputs } from './forward.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import type { Kernels, Resource } from './kernels.ts';
import type { Parameters } from './parameters.ts';

export interface BackwardPlan {
  /** The gradient of the residual stream, [N, D]: must be zero when `dispatches` begin. */
  readonly d_x: GPUBuffer;
  /** From the gradient of the logits, in `activations.logits`, to partial sums of every parameter's gradient. */
  readonly dispatches: readonly Dispatch[];
  /** Must be zero when a step begins. */
  readonly partials: readonly GPUBuffer[];
  /** From the partial sums to the gradients. */
  readonly reductions: readonly Dispatch[];
}

/** Gradients of activations, from the end of a model to its beginning: scratch that the models of one learner share. */
export type BackwardScratch = ReturnType<typeof allocateScratch>;

/** Bytes that `allocateScratch` takes a row. */
export function backwardBytes({ hiddenSize: D, intermediateSize: F, numHeads: H }: ModelConfig): number {
  return (6 * D + 3 * F + H) * 4;
}

export function allocateScratch(gpu: Gpu, config: ModelConfig, maxRows: number) {
  const { hiddenSize: D, intermediateSize: F, numHeads: H } = config;
  const make = (label: string, width: number): GPUBuffer => gpu.buffer(label, maxRows * width * 4);
  return {
    d_x: make('d_x', D), // of the residual stream
    d_normed: make('d_normed', D),
    d_attended: make('d_attended', D),
    d_qkv: make('d_qkv', 3 * D),
    d_gated: make('d_gated', F),
    d_gateUp: make('d_gate_up', 2 * F),
    delta: make('delta', H),
  };
}

export async function planBackward(
  gpu: Gpu,
  kernels: Kernels,
  { rows, ids, positions }: RowInputs,
  spans: GPUBuffer,
  parameters: Parameters,
  activations: Activations,
  scratch: BackwardScratch,
  gradients: Parameters,
): Promise<BackwardPlan> {
  const { hiddenSize: D, intermediateSize: F, vocabSize } = kernels.config;
  const { normed, gated, layers, last, lastScale, logits } = activations;
  const { d_x, d_normed, d_attended, d_qkv, d_gated, d_gateUp, delta } = scratch;
  const calls: Promise<Dispatch>[] = [];
  const partials: GPUBuffer[] = [];
  const reductions: Promise<Dispatch>[] = [];

  /** Partial sums for a gradient [OUT, IN]. */
  const gather = (gradient: Resource, IN: number, OUT: number): { partial: GPUBuffer; splits: number } => {
    const splits = kernels.splits(IN, OUT);
    const partial = gpu.buffer('partial gradient', splits * IN * OUT * 4);
    partials.push(partial);
    reductions.push(kernels.reduce(partial, gradient, IN * OUT, splits));
    return { partial, splits };
  };
  /** Through y = x W^T: the weight's gradient, then d_x. */
  const linear = (
    sizes: { IN: number; OUT: number },
    x: GPUBuffer,
    weight: Resource,
    gradient: Resource,
    d_y: GPUBuffer,
    into: GPUBuffer,
  ): void => {
    const { partial, splits } = gather(gradient, sizes.IN, sizes.OUT);
    calls.push(kernels.linearBackwardWeight(rows, sizes, x, d_y, partial, splits));
    calls.push(kernels.linearBackwardInput(rows, sizes, d_y, weight, into));
  };
  /** Through y = norm(x), from d_normed: the gain's gradient, and d_x, which accumulates. */
  const norm = (x: GPUBuffer, scale: GPUBuffer, gain: Resource, gradient: Resource): void => {
    const { partial, splits } = gather(gradient, D, 1);
    calls.push(kernels.normBackwardGain(rows, x, scale, d_normed, partial, splits));
    calls.push(kernels.normBackward(rows, x, gain, scale, d_normed, d_x));
  };

  // The head: normed still holds norm(x_L). The embedding's gradient gathers from both its uses where it is the head too.
  const embedding = gather(gradients.embedding, D, paddedVocabulary(vocabSize));
  const sizes = { IN: D, OUT: headWidth(kernels.config, parameters.head) };
  const head = parameters.head === 'logits' ? embedding : gather(gradients.headWeight, D, sizes.OUT);
  calls.push(kernels.linearBackwardWeight(rows, sizes, normed, logits, head.partial, head.splits));
  calls.push(kernels.linearBackwardInput(rows, sizes, logits, parameters.headWeight, d_normed));
  norm(last, lastScale, parameters.finalNorm, gradients.finalNorm);

  for (const [index, layer] of [...layers.entries()].reverse()) {
    const weights = parameters.layer(index);
    const gradient = gradients.layer(index);
    calls.push(kernels.swiglu(rows, layer.gateUp, gated));
    linear({ IN: F, OUT: D }, gated, weights.down, gradient.down, d_x, d_gated);
    calls.push(kernels.swigluBackward(rows, layer.gateUp, d_gated, d_gateUp));
    calls.push(kernels.norm(rows, layer.middle, weights.mlpNorm, normed, layer.middleScale));
    linear({ IN: D, OUT: 2 * F }, normed, weights.gateUp, gradient.gateUp, d_gateUp, d_normed);
    norm(layer.middle, layer.middleScale, weights.mlpNorm, gradient.mlpNorm);

    linear({ IN: D, OUT: D }, layer.attended, weights.output, gradient.output, d_x, d_attended);
    const { qkv, attended, lse } = layer;
    const shared = { rows, spans, qkv, row_lse: lse, d_out: d_attended, d_qkv };
    calls.push(kernels.attention('attention_backward_query', { ...shared, row_out: attended, delta }));
    calls.push(kernels.attention('attention_backward_key_value', { ...shared, row_delta: delta }));
    calls.push(kernels.rope('rope_backward', rows, positions, d_qkv));
    calls.push(kernels.norm(rows, layer.x, weights.attentionNorm, normed, layer.scale));
    linear({ IN: D, OUT: 3 * D }, normed, weights.qkv, gradient.qkv, d_qkv, d_normed);
    norm(layer.x, layer.scale, weights.attentionNorm, gradient.attentionNorm);
  }
  calls.push(kernels.embedBackward(rows, ids, d_x, embedding.partial, embedding.splits));
  return { d_x, dispatches: await Promise.all(calls), partials, reductions: await Promise.all(reductions) };
}
