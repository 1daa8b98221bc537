// The sizes of a model and where each of its tensors lies in the flat parameter buffer. Names are Hugging Face's.
import { PlaygroundError } from '../base/errors.ts';

export interface ModelConfig {
  /** V, 2 to 64. */
  readonly vocabSize: number;
  /** D, a multiple of 16 up to 256. */
  readonly hiddenSize: number;
  /** F, a multiple of 16 up to 1024. */
  readonly intermediateSize: number;
  /** L, 1 to 8. */
  readonly numLayers: number;
  /** H, 1 to 8; divides D. */
  readonly numHeads: number;
  /** Longest sequence, prompt and completion together: up to 256. */
  readonly maxPositions: number;
}

export const RMS_NORM_EPS = 1e-5;
export const ROPE_THETA = 10000;

/** Throws bad-settings naming the size, what was expected and what came. */
export function validateConfig(config: ModelConfig): void {
  const require = (name: keyof ModelConfig, ok: (value: number) => boolean, expected: string): void => {
    const value = config[name];
    if (!Number.isInteger(value) || !ok(value))
      throw new PlaygroundError('bad-settings', `${name} must be ${expected}, but it is ${value}`);
  };
  require('vocabSize', (v) => v >= 2 && v <= 64, 'a whole number from 2 to 64');
  require('hiddenSize', (d) => d >= 16 && d <= 256 && d % 16 === 0, 'a multiple of 16 from 16 to 256');
  require('intermediateSize', (f) => f >= 16 && f <= 1024 && f % 16 === 0, 'a multiple of 16 from 16 to 1024');
  require('numLayers', (l) => l >= 1 && l <= 8, 'a whole number from 1 to 8');
  require('numHeads', (h) =>
    h >= 1 &&
    h <= 8 &&
    config.hiddenSize % h === 0, `a whole number from 1 to 8 that divides hiddenSize ${config.hiddenSize}`);
  require('maxPositions', (t) => t >= 2 && t <= 256, 'a whole number from 2 to 256');
}

export interface TensorSpec {
  /** Hugging Face's name, such as model.layers.0.self_attn.q_proj.weight. */
  readonly name: string;
  readonly shape: readonly number[];
  /** In floats from the start of the parameter buffer. */
  readonly offset: number;
  /** In floats. */
  readonly size: number;
}

export interface ParameterLayout {
  /** In buffer order; q, k and v of a layer are adjacent, as are gate and up, so that one product computes them together. */
  readonly tensors: readonly TensorSpec[];
  /** Floats in the buffer, padding included; padding stays zero. */
  readonly floats: number;
}

/** What a model makes of its last layer: logits, by the embedding it begins with, or a value, by a layer of its own. */
export type Head = 'logits' | 'value';

/** Bound ranges start on multiples of 256 bytes (WebGPU's minStorageBufferOffsetAlignment), so no block of that size has two kinds of tensors. */
export const ALIGN_FLOATS = 64;

export function parameterLayout(config: ModelConfig, head: Head = 'logits'): ParameterLayout {
  const { vocabSize: V, hiddenSize: D, intermediateSize: F, numLayers: L } = config;
  const tensors: TensorSpec[] = [];
  let end = 0;
  const add = (name: string, shape: readonly number[], adjacent = false): void => {
    const size = shape.reduce((product, length) => product * length, 1);
    const offset = adjacent ? end : Math.ceil(end / ALIGN_FLOATS) * ALIGN_FLOATS;
    tensors.push({ name, shape, offset, size });
    end = offset + size;
  };
  add('model.embed_tokens.weight', [V, D]);
  end = paddedVocabulary(V) * D; // kernels read whole vec4s of logits
  for (let layer = 0; layer < L; layer++) {
    const at = `model.layers.${layer}`;
    add(`${at}.input_layernorm.weight`, [D]);
    add(`${at}.self_attn.q_proj.weight`, [D, D]);
    add(`${at}.self_attn.k_proj.weight`, [D, D], true);
    add(`${at}.self_attn.v_proj.weight`, [D, D], true);
    add(`${at}.self_attn.o_proj.weight`, [D, D]);
    add(`${at}.post_attention_layernorm.weight`, [D]);
    add(`${at}.mlp.gate_proj.weight`, [F, D]);
    add(`${at}.mlp.up_proj.weight`, [F, D], true);
    add(`${at}.mlp.down_proj.weight`, [D, F]);
  }
  add('model.norm.weight', [D]);
  if (head === 'value') {
    add('score.weight', [1, D]); // Hugging Face's name in a LlamaForSequenceClassification
    end += (headWidth(config, head) - 1) * D;
  }
  return { tensors, floats: Math.ceil(end / ALIGN_FLOATS) * ALIGN_FLOATS };
}

/** Columns of the head's result: V logits or one value, rounded up to a multiple of 4. */
export function headWidth({ vocabSize }: ModelConfig, head: Head): number {
  return head === 'value' ? 4 : paddedVocabulary(vocabSize);
}

/** V rounded up to a multiple of 4. */
export function paddedVocabulary(vocabSize: number): number {
  return Math.ceil(vocabSize / 4) * 4;
}

/** A model outside the GPU: every tensor of the layout by name, row-major. */
export interface Checkpoint {
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, Float32Array>;
}
