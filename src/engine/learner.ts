// Forward and backward over packed micro-batches, for an objective that turns logits into their gradient. A step is: begin,
// one submit a micro-batch, finish; results are read back once by whoever owns the objective.
import { packBatches, type Batch, type Sequence } from './batch.ts';
import type { ModelConfig } from './config.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import { AdamW, type AdamWSettings } from './optimizer.ts';
import { Parameters } from './parameters.ts';
import { activationBytes, allocateActivations, type RowInputs, type Transformer } from './transformer.ts';

/** Buffers of the micro-batch at hand that an objective reads or writes. N rows. */
export interface LearnerBuffers {
  /** [N, VP]; the objective turns them into their gradient in place. */
  readonly logits: GPUBuffer;
  /** [N, 2] first row and end row of the row's sequence. */
  readonly spans: GPUBuffer;
  /** [N, 2] target token or NO_TARGET, sequence of the step. */
  readonly labels: GPUBuffer;
}

interface Tables extends RowInputs {
  readonly spans: GPUBuffer;
  readonly labels: GPUBuffer;
}

interface Plans {
  readonly policy: readonly Dispatch[];
  readonly reference: readonly Dispatch[];
  readonly backward: { readonly d_x: GPUBuffer; readonly dispatches: readonly Dispatch[] };
}

/** Bytes that activations and their gradients may take together. */
const ACTIVATION_BUDGET = 160 * 2 ** 20;
const MAX_BATCH_ROWS = 8192;

/** Rows a micro-batch may have on this adapter. */
function batchRows(gpu: Gpu, config: ModelConfig): number {
  const { hiddenSize: D, intermediateSize: F, numHeads: H } = config;
  const kept = activationBytes(config, true);
  const gradients = (6 * D + 3 * F + H) * 4;
  const byBudget = ACTIVATION_BUDGET / (kept.total + gradients);
  const byBinding = gpu.device.limits.maxStorageBufferBindingSize / kept.largest;
  const byGrid = gpu.device.limits.maxComputeWorkgroupsPerDimension * 4;
  return Math.max(config.maxPositions, Math.floor(Math.min(MAX_BATCH_ROWS, byBudget, byBinding, byGrid) / 64) * 64);
}

export class Learner {
  readonly policy: Parameters;
  /** The frozen model that the KL term pulls towards. */
  readonly reference: Parameters;
  readonly gradients: Parameters;
  readonly optimizer: AdamW;
  readonly buffers: LearnerBuffers;
  /** Rows a micro-batch may have. */
  readonly maxRows: number;
  readonly #gpu: Gpu;
  readonly #tables: Tables;
  readonly #plans: Plans;
  readonly #residualBytes: number;

  private constructor(
    gpu: Gpu,
    parts: Pick<Learner, 'policy' | 'reference' | 'gradients' | 'optimizer' | 'buffers' | 'maxRows'>,
    tables: Tables,
    plans: Plans,
  ) {
    this.#gpu = gpu;
    this.policy = parts.policy;
    this.reference = parts.reference;
    this.gradients = parts.gradients;
    this.optimizer = parts.optimizer;
    this.buffers = parts.buffers;
    this.maxRows = parts.maxRows;
    this.#tables = tables;
    this.#plans = plans;
    this.#residualBytes = parts.policy.config.hiddenSize * 4;
  }

  /** `maxRows` only to force smaller micro-batches; by default as many rows as the adapter's limits and a memory budget allow. */
  static async create(
    gpu: Gpu,
    policy: Parameters,
    transformer: Transformer,
    maxRows = batchRows(gpu, policy.config),
  ): Promise<Learner> {
    const { config } = policy;
    const reference = new Parameters(gpu, config, 'reference');
    const gradients = new Parameters(gpu, config, 'gradients');
    const tables = {
      rows: gpu.uniform('batch rows', 4),
      ids: gpu.buffer('batch ids', maxRows * 4),
      positions: gpu.buffer('batch positions', maxRows * 4),
      spans: gpu.buffer('batch spans', maxRows * 8),
      labels: gpu.buffer('batch labels', maxRows * 8),
    };
    const activations = allocateActivations(gpu, config, maxRows, true);
    const attend = transformer.attendPacked(tables.rows, tables.spans);
    const forward = async (parameters: Parameters): Promise<readonly Dispatch[]> => {
      const { body, head } = await transformer.forward(tables, parameters, activations, attend);
      return [...body, ...head];
    };
    const [policyForward, referenceForward, backward, optimizer] = await Promise.all([
      forward(policy),
      forward(reference),
      transformer.backward(tables, tables.spans, policy, activations, gradients, maxRows),
      AdamW.create(gpu, policy, gradients),
    ]);
    const buffers = { logits: activations.logits, spans: tables.spans, labels: tables.labels };
    const parts = { policy, reference, gradients, optimizer, buffers, maxRows };
    return new Learner(gpu, parts, tables, { policy: policyForward, reference: referenceForward, backward });
  }

  /** Packs sequences into micro-batches. Throws bad-settings for a sequence longer than a micro-batch. */
  pack(sequences: readonly Sequence[]): Batch[] {
    return packBatches(sequences, this.maxRows);
  }

  /** Makes a batch the one at hand. */
  load(batch: Batch): void {
    const { rows, ids, positions, spans, labels } = this.#tables;
    this.#gpu.write(rows, Uint32Array.of(batch.rows));
    this.#gpu.write(ids, batch.ids);
    this.#gpu.write(positions, batch.positions);
    this.#gpu.write(spans, batch.spans);
    this.#gpu.write(labels, batch.labels);
  }

  /** The logits of the batch at hand, by the policy or the reference. */
  forward(encoder: GPUCommandEncoder, batch: Batch, model: 'policy' | 'reference'): void {
    this.#gpu.encode(encoder, this.#plans[model], batch.rows);
  }

  /** From the gradient of the logits of the batch at hand to `gradients`, which accumulate. */
  backward(encoder: GPUCommandEncoder, batch: Batch): void {
    encoder.clearBuffer(this.#plans.backward.d_x, 0, batch.rows * this.#residualBytes);
    this.#gpu.encode(encoder, this.#plans.backward.dispatches, batch.rows);
  }

  clearGradients(): void {
    this.#gpu.submit((encoder) => encoder.clearBuffer(this.gradients.buffer));
  }

  /** Clips and applies the gradients. Without settings it only measures their norm. */
  finish(settings: AdamWSettings | null): void {
    const dispatches = settings ? this.optimizer.step(settings) : this.optimizer.measure();
    this.#gpu.submit((encoder) => this.#gpu.encode(encoder, dispatches, 1));
  }

  /** Makes the policy as it is now the reference. */
  freezeReference(): void {
    const { buffer } = this.policy;
    this.#gpu.submit((encoder) => encoder.copyBufferToBuffer(buffer, 0, this.reference.buffer, 0, buffer.size));
  }
}
