// A critic: a transformer of the policy's sizes that begins as its copy, with a value head that begins at zero. It runs over the
// policy's rows and in its workspace, so that only weights, gradients and the optimizer's moments are its own; from the forward
// to the backward pass of one of the two, the other must not run.
import { planBackward } from './backward.ts';
import type { Batch } from './batch.ts';
import type { Dispatch, Gpu } from './gpu/gpu.ts';
import type { Kernels } from './kernels.ts';
import { AdamW, type AdamWSettings } from './optimizer.ts';
import { Parameters } from './parameters.ts';
import { planPacked, type Workspace } from './workspace.ts';

export class ValueModel {
  readonly parameters: Parameters;
  /** Of the last finished step. */
  readonly gradients: Parameters;
  readonly optimizer: AdamW;
  readonly #gpu: Gpu;
  readonly #forward: readonly Dispatch[];
  readonly #backward: readonly Dispatch[];
  readonly #workspace: Workspace;

  private constructor(
    gpu: Gpu,
    models: { readonly parameters: Parameters; readonly gradients: Parameters },
    optimizer: AdamW,
    workspace: Workspace,
    forward: readonly Dispatch[],
    backward: readonly Dispatch[],
  ) {
    this.#gpu = gpu;
    this.parameters = models.parameters;
    this.gradients = models.gradients;
    this.optimizer = optimizer;
    this.#workspace = workspace;
    this.#forward = forward;
    this.#backward = backward;
  }

  /** Throws limit-too-small, shader-compile. */
  static async create(gpu: Gpu, kernels: Kernels, workspace: Workspace, policy: Parameters): Promise<ValueModel> {
    const parameters = new Parameters(gpu, policy.config, 'critic', 'value');
    const gradients = new Parameters(gpu, policy.config, 'critic gradients', 'value');
    const [forward, backward, optimizer] = await Promise.all([
      planPacked(kernels, workspace, parameters),
      planBackward(kernels, workspace, parameters, gradients),
      AdamW.create(gpu, parameters, gradients),
    ]);
    // The value head is the last tensor: all before it lies as in the policy.
    gpu.submit((encoder) => encoder.copyBufferToBuffer(policy.buffer, 0, parameters.buffer, 0, policy.buffer.size));
    return new ValueModel(gpu, { parameters, gradients }, optimizer, workspace, forward, backward);
  }

  /** Begins a step: no gradient has gathered yet. */
  begin(): void {
    this.#gpu.submit((encoder) => encoder.clearBuffer(this.gradients.buffer));
  }

  /** The values of the learner's batch at hand, [N, 4] with the value in the first column, to its `tables.logits`. */
  forward(encoder: GPUCommandEncoder, batch: Batch): void {
    this.#gpu.encode(encoder, this.#forward, batch.rows);
  }

  /** From the gradient of the values to gradients, which gather until the step is finished. */
  backward(encoder: GPUCommandEncoder, batch: Batch): void {
    const { buffer, offset, size } = this.#workspace.scratch.d_x;
    encoder.clearBuffer(buffer, offset, size);
    this.#gpu.encode(encoder, this.#backward, batch.rows);
  }

  /** Ends a step: the gathered gradients, their norm, and with settings the clip and the update. */
  finish(settings: AdamWSettings | null): void {
    const update = settings ? this.optimizer.step(settings) : this.optimizer.measure();
    this.#gpu.submit((encoder) => this.#gpu.encode(encoder, update, 1));
  }
}
