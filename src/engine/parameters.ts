// The weights of one model on the GPU: a flat buffer in the order of `parameterLayout`, bound tensor by tensor.
import { PlaygroundError } from '../base/errors.ts';
import {
  paddedVocabulary,
  parameterLayout,
  type Checkpoint,
  type ModelConfig,
  type ParameterLayout,
  type TensorSpec,
} from './config.ts';
import type { Gpu } from './gpu/gpu.ts';

export class Parameters {
  readonly config: ModelConfig;
  readonly layout: ParameterLayout;
  readonly buffer: GPUBuffer;
  readonly #gpu: Gpu;
  readonly #byName: ReadonlyMap<string, TensorSpec>;

  constructor(gpu: Gpu, config: ModelConfig, label: string) {
    this.#gpu = gpu;
    this.config = config;
    this.layout = parameterLayout(config);
    this.#byName = new Map(this.layout.tensors.map((tensor) => [tensor.name, tensor]));
    this.buffer = gpu.buffer(label, this.layout.floats * 4);
  }

  /** A tensor as a binding. With `last`, everything from `name` to the end of `last`: q to v, or gate and up. */
  tensor(name: string, last = name): GPUBufferBinding {
    const first = this.#spec(name);
    const end = this.#spec(last);
    return { buffer: this.buffer, offset: first.offset * 4, size: (end.offset + end.size - first.offset) * 4 };
  }

  /** The embedding with its padded rows: [VP, D]. */
  embedding(): GPUBufferBinding {
    const { vocabSize, hiddenSize } = this.config;
    return { buffer: this.buffer, offset: 0, size: paddedVocabulary(vocabSize) * hiddenSize * 4 };
  }

  /** Replaces all weights. Throws bad-checkpoint for another size, a missing tensor or a value that is not finite; then nothing is replaced. */
  write(checkpoint: Checkpoint): void {
    const data = new Float32Array(this.layout.floats);
    for (const { name, shape, offset, size } of this.layout.tensors) {
      const tensor = checkpoint.tensors.get(name);
      if (tensor?.length !== size) {
        const came = tensor ? `${tensor.length} numbers` : 'nothing';
        throw new PlaygroundError('bad-checkpoint', `tensor ${name} must be [${shape.join(', ')}], but ${came} came`);
      }
      const broken = tensor.findIndex((value) => !Number.isFinite(value));
      if (broken >= 0) {
        throw new PlaygroundError(
          'bad-checkpoint',
          `tensor ${name} must be finite, but number ${broken} is ${tensor[broken]}`,
        );
      }
      data.set(tensor, offset);
    }
    this.#gpu.write(this.buffer, data);
  }

  async read(): Promise<Checkpoint> {
    const [bytes] = await this.#gpu.read([{ buffer: this.buffer, bytes: this.layout.floats * 4 }]);
    return { config: this.config, tensors: splitTensors(this.layout, new Float32Array(bytes as ArrayBuffer)) };
  }

  #spec(name: string): TensorSpec {
    const spec = this.#byName.get(name);
    if (!spec) throw new PlaygroundError('bad-checkpoint', `the model has no tensor ${name}`);
    return spec;
  }
}

/** Copies of the tensors of a flat buffer, by name. */
export function splitTensors(layout: ParameterLayout, flat: Float32Array): Map<string, Float32Array> {
  return new Map(layout.tensors.map(({ name, offset, size }) => [name, flat.slice(offset, offset + size)]));
}
