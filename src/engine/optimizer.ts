// Global-norm clip and AdamW on the GPU: three dispatches (shaders/adamw.wgsl).
import adamw from '../../shaders/adamw.wgsl?raw';
import { ALIGN_FLOATS, type Checkpoint } from './config.ts';
import { uniformStruct, type Dispatch, type Gpu } from './gpu/gpu.ts';
import { Parameters } from './parameters.ts';

export interface AdamWSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly weightDecay: number;
  /** A longer gradient is scaled down to this length. */
  readonly maxGradNorm: number;
}

/** The running means of every gradient and of its square, by the names of the weights: PyTorch's exp_avg and exp_avg_sq. */
export interface Moments {
  readonly mean: Checkpoint['tensors'];
  readonly square: Checkpoint['tensors'];
}

const EPSILON = 1e-8;
/** Sums of squares of which the norm is made. */
const SUMS = 64;

export class AdamW {
  /** Norm of the last gradient before the clip: one f32. */
  readonly norm: GPUBuffer;
  readonly #gpu: Gpu;
  readonly #uniform: GPUBuffer;
  readonly #mean: Parameters;
  readonly #square: Parameters;
  readonly #normDispatches: readonly Dispatch[];
  readonly #updateDispatch: Dispatch;
  #updates = 0;

  private constructor(
    gpu: Gpu,
    norm: GPUBuffer,
    uniform: GPUBuffer,
    moments: readonly [mean: Parameters, square: Parameters],
    norms: readonly Dispatch[],
    update: Dispatch,
  ) {
    this.#gpu = gpu;
    this.norm = norm;
    this.#uniform = uniform;
    [this.#mean, this.#square] = moments;
    this.#normDispatches = norms;
    this.#updateDispatch = update;
  }

  /** The gradient's norm is shared out for a GPU, or for a software adapter. */
  static async create(
    gpu: Gpu,
    parameters: Parameters,
    gradients: Parameters,
    software = gpu.adapter.software,
  ): Promise<AdamW> {
    const elements = parameters.layout.floats;
    const uniform = gpu.uniform('optimizer', 32);
    const norm = gpu.buffer('gradient norm', 4);
    const sums = gpu.buffer('squared norms', SUMS * 4);
    const { config, head } = parameters;
    const mean = new Parameters(gpu, config, 'adam m', head);
    const square = new Parameters(gpu, config, 'adam v', head);
    const decay = new Float32Array(elements / ALIGN_FLOATS);
    for (const { shape, offset, size } of parameters.layout.tensors)
      decay.fill(shape.length > 1 ? 1 : 0, offset / ALIGN_FLOATS, Math.ceil((offset + size) / ALIGN_FLOATS));
    const decays = gpu.buffer('decays', decay.byteLength);
    gpu.write(decays, decay);
    const LANES = software ? 1 : 256;
    const call = { source: adamw, constants: { ELEMENTS: elements, BLOCK: ALIGN_FLOATS, LANES } };
    const sumGroups = (SUMS * LANES) / Math.max(SUMS, LANES);
    const gradient = gradients.buffer;
    const norms = await Promise.all([
      gpu.dispatch({ ...call, entry: 'adamw_squared_norm', bind: { gradient, sums }, grid: () => [sumGroups, 1, 1] }),
      gpu.dispatch({ ...call, entry: 'adamw_norm', bind: { sums, norm }, grid: () => [1, 1, 1] }),
    ]);
    const bind = {
      optimizer: uniform,
      gradient,
      total_norm: norm,
      decays,
      weight: parameters.buffer,
      m: mean.buffer,
      v: square.buffer,
    };
    const update = await gpu.dispatch({
      ...call,
      entry: 'adamw_update',
      bind,
      grid: () => [Math.ceil(elements / 256), 1, 1],
    });
    return new AdamW(gpu, norm, uniform, [mean, square], norms, update);
  }

  /** Dispatches that measure the gradient's norm, then those that apply it. The settings take effect with the next submit. */
  step(settings: AdamWSettings): readonly Dispatch[] {
    this.#updates += 1;
    // Rounded as the GPU rounds them, so that the corrections undo exactly what the moments do: 1 - beta is sensitive.
    const beta1 = Math.fround(settings.beta1);
    const beta2 = Math.fround(settings.beta2);
    const values = {
      learning_rate: settings.learningRate,
      beta1,
      beta2,
      epsilon: EPSILON,
      weight_decay: settings.weightDecay,
      max_norm: settings.maxGradNorm,
      correction1: 1 - beta1 ** this.#updates,
      correction2: 1 - beta2 ** this.#updates,
    };
    this.#gpu.write(this.#uniform, new Uint8Array(uniformStruct(adamw, 'Optimizer', values)));
    return [...this.#normDispatches, this.#updateDispatch];
  }

  /** Only the gradient's norm, nothing updated. */
  measure(): readonly Dispatch[] {
    return this.#normDispatches;
  }

  async moments(): Promise<Moments> {
    const [mean, square] = await Promise.all([this.#mean.read(), this.#square.read()]);
    return { mean: mean.tensors, square: square.tensors };
  }

  /** Goes on from the moments that `updates` updates left. Throws bad-checkpoint for moments of another size. */
  restore({ mean, square }: Moments, updates: number): void {
    this.#mean.write({ tensors: mean });
    this.#square.write({ tensors: square });
    this.#updates = updates;
  }

  /** Forgets the moments, as before the first update. */
  reset(): void {
    this.#updates = 0;
    this.#gpu.submit((encoder) => [this.#mean, this.#square].forEach(({ buffer }) => encoder.clearBuffer(buffer)));
  }
}
