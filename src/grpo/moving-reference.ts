// The option syncRefModel: the reference follows the policy by a share of the way every few steps (shaders/reference.wgsl).
import referenceSource from '../../shaders/reference.wgsl?raw';
import type { Dispatch } from '../engine/gpu/gpu.ts';
import type { Engine } from '../engine/index.ts';
import type { GrpoOptions } from './options.ts';

export class MovingReference {
  readonly #engine: Engine;
  readonly #mix: Dispatch;
  readonly #everySteps: number;

  private constructor(engine: Engine, mix: Dispatch, everySteps: number) {
    this.#engine = engine;
    this.#mix = mix;
    this.#everySteps = everySteps;
  }

  /** Throws shader-compile. */
  static async create(
    engine: Engine,
    { refModelMixupAlpha, refModelSyncSteps }: Pick<GrpoOptions, 'refModelMixupAlpha' | 'refModelSyncSteps'>,
  ): Promise<MovingReference> {
    const { policy, reference } = engine.learner;
    const ELEMENTS = policy.layout.floats;
    const mix = await engine.gpu.dispatch({
      source: referenceSource,
      entry: 'reference_mix',
      constants: { ELEMENTS, ALPHA: String(refModelMixupAlpha) },
      bind: { policy: policy.buffer, reference: reference.buffer },
      grid: () => [Math.ceil(ELEMENTS / 256), 1, 1],
    });
    return new MovingReference(engine, mix, refModelSyncSteps);
  }

  /** After a step, which counts from 1: moves the reference where it is due. */
  follow(step: number): void {
    const { gpu } = this.#engine;
    if (step % this.#everySteps === 0) gpu.submit((encoder) => gpu.encode(encoder, [this.#mix], 1));
  }
}
