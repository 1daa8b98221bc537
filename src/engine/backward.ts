// The backward pass as a list of dispatches, over the activations of a forward pass. What norms and gated units gave is not kept, but
// made anew on the way, since that is cheaper than memory.
import { headWidth, paddedVocabulary, type ModelConfig } from './config.ts';
import type { Take } from './forward.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import type { Kernels, LinearSizes, Resource } from './kernels.ts';
import type { Parameters } from './parameters.ts';
import type { Workspace } from './workspace.ts';

/** Gradients of activations, from the end of a model to its beginning. */
export type BackwardScratch = ReturnType<typeof takeScratch>;

export function takeScratch(take: Take, { hiddenSize: D, numHeads: H }: ModelConfig) {
  return {
    /** Of the residual stream: must be zero when a backward pass begins. */
    d_x: take('d_x', D),
    delta: take('delta', H),
  };
}

/** For the partial sums of any one weight's gradient. */
export function allocatePartials(gpu: Gpu, kernels: Kernels): GPUBuffer {
  const { hiddenSize: D, intermediateSize: F, vocabSize } = kernels.config;
  const products: LinearSizes[] = [
    { IN: D, OUT: 3 * D },
    { IN: D, OUT: D },
    { IN: D, OUT: 2 * F },
    { IN: F, OUT: D },
    { IN: D, OUT: paddedVocabulary(vocabSize) },
  ];
  const most = products.map((sizes) => kernels.splits(sizes) * sizes.IN * sizes.OUT);
  return gpu.buffer('partial gradients', Math.max(kernels.normSplits * D, ...most) * 4);
}

/** From the gradient of the logits, in `activations.logits`, to gradients, to which they are added. */
export async function planBackward(
  kernels: Kernels,
  { tables, activations, scratch, partial }: Workspace,
  parameters: Parameters,
  gradients: Parameters,
): Promise<readonly Dispatch[]> {
  const { hiddenSize: D, intermediateSize: F, vocabSize } = kernels.config;
  const { rows, ids, positions, spans } = tables;
  const { layers, last, gated, logits } = activations;
  const { d_x, delta } = scratch;
  const d_row = activations.normed; // the gradient of what a norm gives, then that itself; or of attention
  const d_qkv = gated; // once that is done with
  const calls: Promise<Dispatch>[] = [];

  /** The weight's gradient through y = x W^T. */
  const weight = (sizes: LinearSizes, x: Resource, d_y: Resource, gradient: Resource): void => {
    const splits = kernels.splits(sizes);
    calls.push(kernels.linearBackwardWeight(rows, sizes, x, d_y, partial, splits));
    calls.push(kernels.reduce(partial, gradient, sizes.IN * sizes.OUT, splits));
  };
  /** Through y = norm(x), from d_row, which becomes y: d_x, which accumulates, and the gain's gradient. */
  const norm = (x: Resource, gain: Resource, gradient: Resource): void => {
    calls.push(kernels.normBackward(rows, x, gain, d_row, d_x, partial));
    calls.push(kernels.reduce(partial, gradient, D, kernels.normSplits));
  };

  const head = { IN: D, OUT: headWidth(kernels.config, parameters.head) };
  calls.push(kernels.linearBackwardInput(rows, head, logits, parameters.headWeight, d_row));
  norm(last, parameters.finalNorm, gradients.finalNorm);
  weight(head, d_row, logits, gradients.headWeight);

  for (const [index, layer] of [...layers.entries()].reverse()) {
    const { x, qkv, attended, lse, middle, gateUp } = layer;
    const weights = parameters.layer(index);
    const gradient = gradients.layer(index);
    const down = { IN: F, OUT: D };
    calls.push(kernels.linearBackwardGated(rows, down, d_x, weights.down, gateUp, gated));
    weight(down, gated, d_x, gradient.down);
    const wide = { IN: D, OUT: 2 * F };
    calls.push(kernels.linearBackwardInput(rows, wide, gateUp, weights.gateUp, d_row));
    norm(middle, weights.mlpNorm, gradient.mlpNorm);
    weight(wide, d_row, gateUp, gradient.gateUp);

    const output = { IN: D, OUT: D };
    weight(output, attended, d_x, gradient.output);
    calls.push(kernels.linearBackwardInput(rows, output, d_x, weights.output, d_row));
    const attention = { rows, spans, qkv, lse, d_out: d_row, delta, d_qkv };
    calls.push(kernels.attention('attention_backward_query', { ...attention, out: attended }));
    calls.push(kernels.attention('attention_backward_key_value', attention));
    calls.push(kernels.rope('rope_backward', rows, positions, d_qkv));
    const triple = { IN: D, OUT: 3 * D };
    calls.push(kernels.linearBackwardInput(rows, triple, d_qkv, weights.qkv, d_row));
    norm(x, weights.attentionNorm, gradient.attentionNorm);
    weight(triple, d_row, d_qkv, gradient.qkv);
  }
  const table = { IN: D, OUT: paddedVocabulary(vocabSize) };
  const splits = kernels.splits(table);
  calls.push(kernels.embedBackward(rows, ids, d_x, partial, splits));
  calls.push(kernels.reduce(partial, gradients.embedding, table.IN * table.OUT, splits));
  return Promise.all(calls);
}
