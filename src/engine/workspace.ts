// What a micro-batch is computed in: the tables of its rows, the activations of a forward pass and the scratch of a backward
// pass. Policy, reference and critic share it, one after the other.
import { allocateScratch, type BackwardScratch } from './backward.ts';
import type { ModelConfig } from './config.ts';
import { allocateActivations, planForward, type Activations, type RowInputs } from './forward.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import type { Kernels } from './kernels.ts';
import type { Parameters } from './parameters.ts';

/** Buffers of the micro-batch at hand. N rows. */
export interface Tables extends RowInputs {
  /** [N, 2] first row and end row of the row's sequence. */
  readonly spans: GPUBuffer;
  /** [N, 2] target token or NO_TARGET, sequence of the step. */
  readonly labels: GPUBuffer;
  /** [N, VP], or [N, 4] values from its beginning after a critic's forward pass; an objective turns them into their gradient in place. */
  readonly logits: GPUBuffer;
}

export interface Workspace {
  readonly tables: Tables;
  readonly activations: Activations;
  readonly scratch: BackwardScratch;
}

export function allocateWorkspace(gpu: Gpu, config: ModelConfig, maxRows: number): Workspace {
  const activations = allocateActivations(gpu, config, maxRows, true);
  const tables: Tables = {
    rows: gpu.uniform('batch rows', 4),
    ids: gpu.buffer('batch ids', maxRows * 4),
    positions: gpu.buffer('batch positions', maxRows * 4),
    spans: gpu.buffer('batch spans', maxRows * 8),
    labels: gpu.buffer('batch labels', maxRows * 8),
    logits: activations.logits,
  };
  return { tables, activations, scratch: allocateScratch(gpu, config, maxRows) };
}

/** From ids to logits or values, with attention within packed sequences. */
export async function planPacked(
  kernels: Kernels,
  { tables, activations }: Workspace,
  parameters: Parameters,
): Promise<readonly Dispatch[]> {
  const { rows, spans } = tables;
  const { body, head } = await planForward(kernels, tables, parameters, activations, ({ qkv, attended, lse }) =>
    kernels.attention('attention_forward', { rows, spans, qkv, out: attended, lse }),
  );
  return [...body, ...head];
}
