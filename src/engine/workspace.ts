// What a micro-batch is computed in: the tables of its rows, the activations of a forward pass and the scratch of a backward
// pass. Policy, reference and critic share it, one after the other.
import { allocatePartials, takeScratch, type BackwardScratch } from './backward.ts';
import type { ModelConfig } from './config.ts';
import { planForward, takeActivations, type Activations, type RowInputs, type Take } from './forward.ts';
import { rangeBytes, type Arena, type Range } from './gpu/arena.ts';
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
  readonly logits: Range;
}

export interface Workspace {
  readonly tables: Tables;
  readonly activations: Activations;
  readonly scratch: BackwardScratch;
  /** Partial sums of the gradient of one weight at a time. */
  readonly partial: GPUBuffer;
}

function takeRanges(take: Take, config: ModelConfig): Pick<Workspace, 'activations' | 'scratch'> {
  return { activations: takeActivations(take, config, true), scratch: takeScratch(take, config) };
}

/** Numbers a row in each of the ranges that a workspace takes. */
function rangeWidths(config: ModelConfig): number[] {
  const widths: number[] = [];
  takeRanges((_, width) => {
    widths.push(width);
    return {} as Range;
  }, config);
  return widths;
}

const MAX_BATCH_ROWS = 16384;

/** Rows a micro-batch may have in `bytes` on this adapter: at least one whole sequence, at most `wanted`. */
export function workspaceRows(gpu: Gpu, config: ModelConfig, bytes: number, wanted: number): number {
  const widths = rangeWidths(config);
  const { maxStorageBufferBindingSize, maxComputeWorkgroupsPerDimension } = gpu.device.limits;
  const byBytes = (bytes - widths.length * rangeBytes(1)) / (widths.reduce((sum, width) => sum + width, 0) * 4);
  const byBinding = maxStorageBufferBindingSize / (Math.max(...widths) * 4);
  const byGrid = maxComputeWorkgroupsPerDimension * 4;
  const most = Math.floor(Math.min(MAX_BATCH_ROWS, byBytes, byBinding, byGrid) / 64) * 64;
  return Math.max(config.maxPositions, Math.min(most, wanted));
}

/** Bytes of an arena for micro-batches of `rows` rows. */
export function workspaceBytes(config: ModelConfig, rows: number): number {
  return rangeWidths(config).reduce((sum, width) => sum + rangeBytes(rows * width * 4), 0);
}

export function allocateWorkspace(gpu: Gpu, kernels: Kernels, arena: Arena, maxRows: number): Workspace {
  const range = arena.carve();
  const ranges = takeRanges((label, width) => range(label, maxRows * width * 4), kernels.config);
  const tables: Tables = {
    rows: gpu.uniform('batch rows', 4),
    ids: gpu.buffer('batch ids', maxRows * 4),
    positions: gpu.buffer('batch positions', maxRows * 4),
    spans: gpu.buffer('batch spans', maxRows * 8),
    labels: gpu.buffer('batch labels', maxRows * 8),
    logits: ranges.activations.logits,
  };
  return { tables, ...ranges, partial: allocatePartials(gpu, kernels) };
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
