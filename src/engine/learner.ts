// Forward and backward over packed micro-batches, for an objective that turns logits into their gradient. A step is: begin,
// one submit a micro-batch, finish; results are read back once by whoever owns the objective.
import { packBatches, rowTables, type Batch, type Sequence } from './batch.ts';
import { planBackward } from './backward.ts';
import type { Arena } from './gpu/arena.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import type { Kernels } from './kernels.ts';
import { AdamW, type AdamWSettings } from './optimizer.ts';
import { Parameters } from './parameters.ts';
import { ValueModel } from './value-model.ts';
import { allocateWorkspace, planPacked, type Tables, type Workspace } from './workspace.ts';

interface Plans {
  readonly policy: readonly Dispatch[];
  readonly reference: readonly Dispatch[];
  readonly backward: readonly Dispatch[];
}

export class Learner {
  readonly policy: Parameters;
  /** The frozen model that the KL term pulls towards. */
  readonly reference: Parameters;
  /** Of the last finished step. */
  readonly gradients: Parameters;
  readonly optimizer: AdamW;
  /** Rows a micro-batch may have. */
  readonly maxRows: number;
  readonly #gpu: Gpu;
  readonly #kernels: Kernels;
  readonly #workspace: Workspace;
  readonly #plans: Plans;

  private constructor(
    gpu: Gpu,
    kernels: Kernels,
    models: { readonly policy: Parameters; readonly reference: Parameters; readonly gradients: Parameters },
    optimizer: AdamW,
    workspace: Workspace,
    maxRows: number,
    plans: Plans,
  ) {
    this.#gpu = gpu;
    this.#kernels = kernels;
    this.policy = models.policy;
    this.reference = models.reference;
    this.gradients = models.gradients;
    this.optimizer = optimizer;
    this.#workspace = workspace;
    this.maxRows = maxRows;
    this.#plans = plans;
  }

  /** For micro-batches of up to `maxRows` rows, whose activations the arena must hold. */
  static async create(gpu: Gpu, policy: Parameters, kernels: Kernels, arena: Arena, maxRows: number): Promise<Learner> {
    const { config } = policy;
    const reference = new Parameters(gpu, config, 'reference');
    const gradients = new Parameters(gpu, config, 'gradients');
    const workspace = allocateWorkspace(gpu, kernels, arena, maxRows);
    const [policyPlan, referencePlan, backward, optimizer] = await Promise.all([
      planPacked(kernels, workspace, policy),
      planPacked(kernels, workspace, reference),
      planBackward(kernels, workspace, policy, gradients),
      AdamW.create(gpu, policy, gradients),
    ]);
    const plans = { policy: policyPlan, reference: referencePlan, backward };
    return new Learner(gpu, kernels, { policy, reference, gradients }, optimizer, workspace, maxRows, plans);
  }

  /** Of the micro-batch at hand. */
  get tables(): Tables {
    return this.#workspace.tables;
  }

  /** A critic that begins as a copy of the policy as it is now. Throws limit-too-small, shader-compile. */
  createCritic(): Promise<ValueModel> {
    return ValueModel.create(this.#gpu, this.#kernels, this.#workspace, this.policy);
  }

  /** Packs sequences into micro-batches. Throws bad-settings for a sequence longer than a micro-batch. */
  pack(sequences: readonly Sequence[]): Batch[] {
    return packBatches(sequences, this.maxRows);
  }

  /** Begins a step: no gradient has gathered yet. */
  begin(): void {
    this.#gpu.submit((encoder) => encoder.clearBuffer(this.gradients.buffer));
  }

  /** Makes a batch the one at hand. */
  load(batch: Batch): void {
    const { ids, positions, spans, labels } = rowTables(batch);
    this.#gpu.write(this.tables.rows, Uint32Array.of(batch.rows));
    this.#gpu.write(this.tables.ids, ids);
    this.#gpu.write(this.tables.positions, positions);
    this.#gpu.write(this.tables.spans, spans);
    this.#gpu.write(this.tables.labels, labels);
  }

  /** The logits of the batch at hand, by the policy or the reference. */
  forward(encoder: GPUCommandEncoder, batch: Batch, model: 'policy' | 'reference'): void {
    this.#gpu.encode(encoder, this.#plans[model], batch.rows);
  }

  /** From the gradient of the logits of the batch at hand to gradients, which gather until the step is finished. */
  backward(encoder: GPUCommandEncoder, batch: Batch): void {
    const { buffer, offset, size } = this.#workspace.scratch.d_x;
    encoder.clearBuffer(buffer, offset, size);
    this.#gpu.encode(encoder, this.#plans.backward, batch.rows);
  }

  /** Ends a step: the gathered gradients, their norm, and with settings the clip and the update. */
  finish(settings: AdamWSettings | null): void {
    const update = settings ? this.optimizer.step(settings) : this.optimizer.measure();
    this.#gpu.submit((encoder) => this.#gpu.encode(encoder, update, 1));
  }

  /** Makes the policy as it is now the reference. */
  freezeReference(): void {
    const { buffer } = this.policy;
    this.#gpu.submit((encoder) => encoder.copyBufferToBuffer(buffer, 0, this.reference.buffer, 0, buffer.size));
  }
}
