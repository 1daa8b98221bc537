// The weights of one model on the GPU: a flat buffer in the order of `parameterLayout`, bound tensor by tensor.
import { PlaygroundError } from '../base/errors.ts';
import {
  headWidth,
  paddedVocabulary,
  parameterLayout,
  type Checkpoint,
  type Head,
  type ModelConfig,
  type ParameterLayout,
  type TensorSpec,
} from './config.ts';
import type { Gpu } from './gpu/gpu.ts';

interface LayerBindings {
  readonly attentionNorm: GPUBufferBinding; // [D]
  readonly qkv: GPUBufferBinding; // [3D, D]
  readonly output: GPUBufferBinding; // [D, D]
  readonly mlpNorm: GPUBufferBinding; // [D]
  readonly gateUp: GPUBufferBinding; // [2F, D]
  readonly down: GPUBufferBinding; // [D, F]
}

export class Parameters {
  readonly config: ModelConfig;
  readonly head: Head;
  readonly layout: ParameterLayout;
  readonly buffer: GPUBuffer;
  readonly #gpu: Gpu;
  readonly #byName: ReadonlyMap<string, TensorSpec>;

  constructor(gpu: Gpu, config: ModelConfig, label: string, head: Head = 'logits') {
    this.#gpu = gpu;
    this.config = config;
    this.head = head;
    this.layout = parameterLayout(config, head);
    this.#byName = new Map(this.layout.tensors.map((tensor) => [tensor.name, tensor]));
    this.buffer = gpu.buffer(label, this.layout.floats * 4);
  }

  /** [VP, D], padded rows included. */
  get embedding(): GPUBufferBinding {
    const { vocabSize, hiddenSize } = this.config;
    return { buffer: this.buffer, offset: 0, size: paddedVocabulary(vocabSize) * hiddenSize * 4 };
  }

  /** [D]. */
  get finalNorm(): GPUBufferBinding {
    return this.#bind('model.norm.weight');
  }

  /** [headWidth, D], padded rows included: the embedding, or the value head. */
  get headWeight(): GPUBufferBinding {
    if (this.head === 'logits') return this.embedding;
    const size = headWidth(this.config, this.head) * this.config.hiddenSize * 4;
    return { ...this.#bind('score.weight'), size };
  }

  /** The tensors of a layer as the kernels bind them: q, k and v as one, gate and up as one. */
  layer(index: number): LayerBindings {
    const at = `model.layers.${index}`;
    return {
      attentionNorm: this.#bind(`${at}.input_layernorm.weight`),
      qkv: this.#bind(`${at}.self_attn.q_proj.weight`, `${at}.self_attn.v_proj.weight`),
      output: this.#bind(`${at}.self_attn.o_proj.weight`),
      mlpNorm: this.#bind(`${at}.post_attention_layernorm.weight`),
      gateUp: this.#bind(`${at}.mlp.gate_proj.weight`, `${at}.mlp.up_proj.weight`),
      down: this.#bind(`${at}.mlp.down_proj.weight`),
    };
  }

  /** Replaces all weights. Throws bad-checkpoint for another size, a missing tensor or a value that is not finite; then nothing is replaced. */
  write({ tensors }: Pick<Checkpoint, 'tensors'>): void {
    const data = new Float32Array(this.layout.floats);
    for (const { name, shape, offset, size } of this.layout.tensors) {
      const tensor = tensors.get(name);
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

  /** From the beginning of one tensor to the end of another. */
  #bind(name: string, last = name): GPUBufferBinding {
    const first = this.#byName.get(name) as TensorSpec;
    const end = this.#byName.get(last) as TensorSpec;
    return { buffer: this.buffer, offset: first.offset * 4, size: (end.offset + end.size - first.offset) * 4 };
  }
}

/** Copies of the tensors of a flat buffer, by name. */
export function splitTensors(layout: ParameterLayout, flat: Float32Array): Map<string, Float32Array> {
  return new Map(layout.tensors.map(({ name, offset, size }) => [name, flat.slice(offset, offset + size)]));
}
