// A model as one ONNX file, with the inputs and outputs that transformers.js and Hugging Face's Optimum give a decoder with a KV cache:
//
//   input_ids, position_ids  int64 [B, T]        attention_mask  int64 [B, S], S = P + T, 1 for a token and 0 for padding
//   past_key_values.{l}.key|value  f32 [B, H, P, K]      P tokens were read before; in a first call P is 0
//   logits  f32 [B, T, V]                        present.{l}.key|value  f32 [B, H, S, K]
//
// The forward pass is that of tests/reference/model.ts. The constants are the tensors of model.safetensors, under the same names and in
// the same order of numbers: a runtime folds their transposes once, when it loads the file.
import { parameterLayout, RMS_NORM_EPS, ROPE_THETA, type Checkpoint, type ModelConfig } from '../../engine/config.ts';
import { Graph, type Value } from './graph.ts';

/** The file's path in a model folder, where transformers.js looks for it. */
export const ONNX_FILE = 'onnx/model.onnx';

/** The bytes of `ONNX_FILE`. The checkpoint must hold every tensor of its layout. */
export function onnxModel(checkpoint: Checkpoint): Uint8Array {
  const { config } = checkpoint;
  const llama = new Llama(checkpoint);
  const { graph } = llama;

  const ids = graph.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
  const mask = graph.input('attention_mask', 'int64', ['batch_size', 'total_sequence_length']);
  const positions = graph.input('position_ids', 'int64', ['batch_size', 'sequence_length']);
  graph.output('logits', 'f32', ['batch_size', 'sequence_length', config.vocabSize]);

  let x = graph.node('Gather', [llama.weight('model.embed_tokens.weight'), ids]);
  const rotation = llama.rotation(positions);
  const bias = llama.attentionBias(ids, mask);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const at = `model.layers.${layer}`;
    const attended = llama.attention(llama.rmsNorm(x, `${at}.input_layernorm.weight`), layer, rotation, bias);
    x = graph.node('Add', [x, attended]);
    const activated = llama.mlp(llama.rmsNorm(x, `${at}.post_attention_layernorm.weight`), layer);
    x = graph.node('Add', [x, activated]);
  }
  llama.linear(llama.rmsNorm(x, 'model.norm.weight'), 'model.embed_tokens.weight', 'logits');
  return graph.toBytes('llama');
}

/** Cosine and sine of every position's angles, [B, 1, T, K], the sine of the low half negated. */
interface Rotation {
  readonly cosine: Value;
  readonly sine: Value;
}

class Llama {
  readonly graph = new Graph();
  readonly #config: ModelConfig;
  readonly #headWidth: number;
  readonly #tensors: Checkpoint['tensors'];
  readonly #shapes: ReadonlyMap<string, readonly number[]>;

  constructor({ config, tensors }: Checkpoint) {
    this.#config = config;
    this.#headWidth = config.hiddenSize / config.numHeads;
    this.#tensors = tensors;
    this.#shapes = new Map(parameterLayout(config).tensors.map(({ name, shape }) => [name, shape]));
  }

  weight(name: string): Value {
    return this.graph.floats(name, this.#shapes.get(name)!, this.#tensors.get(name)!);
  }

  /** x W^T. */
  linear(x: Value, weight: string, name?: string): Value {
    const transposed = this.graph.node('Transpose', [this.weight(weight)], { perm: [1, 0] });
    return this.graph.node('MatMul', [x, transposed], {}, name);
  }

  /** x / sqrt(mean(x^2) + epsilon) * gain. */
  rmsNorm(x: Value, gain: string): Value {
    const { graph } = this;
    const squared = graph.node('Mul', [x, x]);
    const mean = graph.node('ReduceMean', [squared, graph.integers([-1])]);
    const padded = graph.node('Add', [mean, this.#scalar('rms_norm_eps', RMS_NORM_EPS)]);
    const normed = graph.node('Div', [x, graph.node('Sqrt', [padded])]);
    return graph.node('Mul', [normed, this.weight(gain)]);
  }

  /** From tables: on WebGPU, the sine of a large angle would be too coarse. */
  rotation(positions: Value): Rotation {
    const { graph } = this;
    const { maxPositions } = this.#config;
    const K = this.#headWidth;
    const angle = (entry: number): number => Math.floor(entry / K) * ROPE_THETA ** ((-2 * (entry % (K / 2))) / K);
    const sign = (entry: number): number => (entry % K < K / 2 ? -1 : 1);
    const table = (name: string, of: (entry: number) => number): Value => {
      const numbers = Float32Array.from({ length: maxPositions * K }, (_, entry) => of(entry));
      const rows = graph.node('Gather', [graph.floats(name, [maxPositions, K], numbers), positions]);
      return graph.node('Unsqueeze', [rows, graph.integers([1])]);
    };
    return {
      cosine: table('cosine', (entry) => Math.cos(angle(entry))),
      sine: table('sine', (entry) => sign(entry) * Math.sin(angle(entry))),
    };
  }

  /**
   * What is added to the scores, [B, 1, T, S]: 0 where a token sees a token, else the lowest number. What comes before what is told by
   * the places in the batch, not by position_ids, and padding is never seen, so that prompts may be padded on the left.
   */
  attentionBias(ids: Value, mask: Value): Value {
    const { graph } = this;
    const length = (of: Value): Value => graph.node('Gather', [graph.node('Shape', [of]), graph.integer(1)]);
    const total = length(mask);
    const past = graph.node('Sub', [total, length(ids)]);
    const range = (from: Value): Value => graph.node('Range', [from, total, graph.integer(1)]);
    const rows = graph.node('Unsqueeze', [range(past), graph.integers([1])]);
    const earlier = graph.node('LessOrEqual', [range(graph.integer(0)), rows]);
    const columns = graph.node('Unsqueeze', [mask, graph.integers([1, 2])]);
    const tokens = graph.node('Greater', [columns, graph.integer(0)]);
    const seen = graph.node('And', [earlier, tokens]);
    return graph.node('Where', [seen, this.#scalar('seen', 0), this.#scalar('unseen', -3.4028234663852886e38)]);
  }

  attention(x: Value, layer: number, rotation: Rotation, bias: Value): Value {
    const { graph } = this;
    const at = `model.layers.${layer}.self_attn`;
    const query = this.#rotate(this.#heads(this.linear(x, `${at}.q_proj.weight`)), rotation);
    const key = this.#cached('key', layer, this.#rotate(this.#heads(this.linear(x, `${at}.k_proj.weight`)), rotation));
    const value = this.#cached('value', layer, this.#heads(this.linear(x, `${at}.v_proj.weight`)));

    const products = graph.node('MatMul', [query, graph.node('Transpose', [key], { perm: [0, 1, 3, 2] })]);
    const scores = graph.node('Mul', [products, this.#scalar('attention_scale', 1 / Math.sqrt(this.#headWidth))]);
    const weights = graph.node('Softmax', [graph.node('Add', [scores, bias])], { axis: -1 });
    const mixed = graph.node('Transpose', [graph.node('MatMul', [weights, value])], { perm: [0, 2, 1, 3] });
    const joined = graph.node('Reshape', [mixed, graph.integers([0, 0, this.#config.hiddenSize])]);
    return this.linear(joined, `${at}.o_proj.weight`);
  }

  /** W_down (silu(W_gate x) * W_up x). */
  mlp(x: Value, layer: number): Value {
    const { graph } = this;
    const at = `model.layers.${layer}.mlp`;
    const gate = this.linear(x, `${at}.gate_proj.weight`);
    const silu = graph.node('Mul', [gate, graph.node('Sigmoid', [gate])]);
    return this.linear(graph.node('Mul', [silu, this.linear(x, `${at}.up_proj.weight`)]), `${at}.down_proj.weight`);
  }

  /** [B, T, D] -> [B, H, T, K]. */
  #heads(x: Value): Value {
    const split = this.graph.node('Reshape', [x, this.graph.integers([0, 0, this.#config.numHeads, this.#headWidth])]);
    return this.graph.node('Transpose', [split], { perm: [0, 2, 1, 3] });
  }

  /** (low, high) -> (low cos - high sin, high cos + low sin): rotary position embedding, Su et al., arXiv:2104.09864. */
  #rotate(x: Value, { cosine, sine }: Rotation): Value {
    const { graph } = this;
    const [low, high] = graph.halves(x);
    const swapped = graph.node('Concat', [high, low], { axis: -1 });
    return graph.node('Add', [graph.node('Mul', [x, cosine]), graph.node('Mul', [swapped, sine])]);
  }

  /** Keys or values of all tokens so far: those handed in, then those just computed; handed out for the next call. */
  #cached(kind: 'key' | 'value', layer: number, now: Value): Value {
    const { graph } = this;
    const shape = (length: string): (string | number)[] => [
      'batch_size',
      this.#config.numHeads,
      length,
      this.#headWidth,
    ];
    const past = graph.input(`past_key_values.${layer}.${kind}`, 'f32', shape('past_sequence_length'));
    const present = graph.node('Concat', [past, now], { axis: 2 }, `present.${layer}.${kind}`);
    graph.output(present, 'f32', shape('total_sequence_length'));
    return present;
  }

  #scalar(name: string, value: number): Value {
    return this.graph.floats(name, [], Float32Array.of(value));
  }
}
