// The whole Llama decoder in f64 for one sequence, as Hugging Face's LlamaForCausalLM computes it.
// Touvron et al., arXiv:2302.13971.
//
//   x    = embed[ids]
//   x   += o_proj attention(rope(q_proj n), rope(k_proj n), v_proj n)    n = rmsNorm(x)      for every layer
//   x   += down_proj(silu(gate_proj n) * up_proj n)                      n = rmsNorm(x)
//   logits = embed rmsNorm(x)
//
// or, as LlamaForSequenceClassification with one label at every token, where there is a tensor score.weight:
//
//   values = score rmsNorm(x)
import { parameterLayout, type ModelConfig } from '../../src/engine/config.ts';
import {
  attention,
  attentionBackward,
  embedding,
  embeddingBackward,
  linear,
  linearBackwardInput,
  linearBackwardWeight,
  rmsNorm,
  rmsNormBackward,
  rope,
  ropeBackward,
  swiglu,
  swigluBackward,
  type Numbers,
} from './layers.ts';

type Tensors = ReadonlyMap<string, Numbers>;

const plus = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, at) => value + b[at]!);

function tensorNamed(tensors: Tensors, name: string): Numbers {
  const tensor = tensors.get(name);
  if (!tensor)
    throw new Error(`the reference model needs tensor ${name}; it was given ${[...tensors.keys()].join(', ')}`);
  return tensor;
}

/** The tensor that makes the result of the last layer, and the result's width. */
function headOf({ vocabSize }: ModelConfig, tensors: Tensors): readonly [name: string, width: number] {
  return tensors.has('score.weight') ? ['score.weight', 1] : ['model.embed_tokens.weight', vocabSize];
}

/** What the backward pass needs of one layer; q and k are after rope. */
type LayerActivations = Readonly<
  Record<
    'input' | 'normed' | 'q' | 'k' | 'v' | 'attended' | 'middle' | 'middleNormed' | 'gate' | 'up' | 'gated',
    Float64Array
  >
>;

function run(
  config: ModelConfig,
  tensors: Tensors,
  ids: Numbers,
): { layers: LayerActivations[]; last: Float64Array; lastNormed: Float64Array; logits: Float64Array } {
  const { hiddenSize: D, intermediateSize: F, numHeads: H } = config;
  const T = ids.length;
  const K = D / H;
  const weight = (name: string): Numbers => tensorNamed(tensors, name);
  const positions = Array.from({ length: T }, (_, t) => t);
  const layers: LayerActivations[] = [];

  let x = embedding(ids, weight('model.embed_tokens.weight'), D);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const at = `model.layers.${layer}`;
    const input = x;
    const normed = rmsNorm(input, weight(`${at}.input_layernorm.weight`));
    const q = rope(linear(normed, weight(`${at}.self_attn.q_proj.weight`), T, D, D), positions, H, K);
    const k = rope(linear(normed, weight(`${at}.self_attn.k_proj.weight`), T, D, D), positions, H, K);
    const v = linear(normed, weight(`${at}.self_attn.v_proj.weight`), T, D, D);
    const attended = attention(q, k, v, T, H, K);
    const middle = plus(input, linear(attended, weight(`${at}.self_attn.o_proj.weight`), T, D, D));
    const middleNormed = rmsNorm(middle, weight(`${at}.post_attention_layernorm.weight`));
    const gate = linear(middleNormed, weight(`${at}.mlp.gate_proj.weight`), T, D, F);
    const up = linear(middleNormed, weight(`${at}.mlp.up_proj.weight`), T, D, F);
    const gated = swiglu(gate, up);
    x = plus(middle, linear(gated, weight(`${at}.mlp.down_proj.weight`), T, F, D));
    layers.push({ input, normed, q, k, v, attended, middle, middleNormed, gate, up, gated });
  }
  const lastNormed = rmsNorm(x, weight('model.norm.weight'));
  const [head, width] = headOf(config, tensors);
  return { layers, last: x, lastNormed, logits: linear(lastNormed, weight(head), T, D, width) };
}

/** Logits, [T, V], or values, [T, 1], of one sequence of T token ids. */
export function forward(config: ModelConfig, tensors: Tensors, ids: Numbers): Float64Array {
  return run(config, tensors, ids).logits;
}

/** The gradient of sum(dLogits * logits) for every tensor of the layout, by its name; dLogits is [T, V], or [T, 1] of values. */
export function backward(
  config: ModelConfig,
  tensors: Tensors,
  ids: Numbers,
  dLogits: Numbers,
): Map<string, Float64Array> {
  const { vocabSize: V, hiddenSize: D, intermediateSize: F, numHeads: H } = config;
  const T = ids.length;
  const K = D / H;
  const weight = (name: string): Numbers => tensorNamed(tensors, name);
  const positions = Array.from({ length: T }, (_, t) => t);
  const { layers, last, lastNormed } = run(config, tensors, ids);
  const gradients = new Map<string, Float64Array>(
    parameterLayout(config, tensors.has('score.weight') ? 'value' : 'logits').tensors.map(({ name, size }) => [
      name,
      new Float64Array(size),
    ]),
  );
  const accumulate = (name: string, gradient: Float64Array): void => {
    gradients.set(name, plus(gradients.get(name)!, gradient));
  };
  /** Through y_TO = x_TI w^T: adds to the weight's gradient and returns dx. */
  const throughLinear = (name: string, x: Float64Array, dy: Numbers, I: number, O: number): Float64Array => {
    accumulate(name, linearBackwardWeight(dy, x, T, I, O));
    return linearBackwardInput(dy, weight(name), T, I, O);
  };
  const throughNorm = (name: string, x: Float64Array, dy: Float64Array): Float64Array => {
    const { dx, dGain } = rmsNormBackward(x, weight(name), dy);
    accumulate(name, dGain);
    return dx;
  };

  const [head, width] = headOf(config, tensors);
  const dLastNormed = throughLinear(head, lastNormed, dLogits, D, width);
  let dx = throughNorm('model.norm.weight', last, dLastNormed);
  for (let layer = config.numLayers - 1; layer >= 0; layer--) {
    const at = `model.layers.${layer}`;
    const { input, normed, q, k, v, attended, middle, middleNormed, gate, up, gated } = layers[layer]!;

    const dGated = throughLinear(`${at}.mlp.down_proj.weight`, gated, dx, F, D);
    const { dGate, dUp } = swigluBackward(gate, up, dGated);
    const dMiddleNormed = plus(
      throughLinear(`${at}.mlp.gate_proj.weight`, middleNormed, dGate, D, F),
      throughLinear(`${at}.mlp.up_proj.weight`, middleNormed, dUp, D, F),
    );
    const dMiddle = plus(dx, throughNorm(`${at}.post_attention_layernorm.weight`, middle, dMiddleNormed));

    const dAttended = throughLinear(`${at}.self_attn.o_proj.weight`, attended, dMiddle, D, D);
    const { dQ, dK, dV } = attentionBackward(q, k, v, dAttended, T, H, K);
    const dNormed = [
      throughLinear(`${at}.self_attn.q_proj.weight`, normed, ropeBackward(dQ, positions, H, K), D, D),
      throughLinear(`${at}.self_attn.k_proj.weight`, normed, ropeBackward(dK, positions, H, K), D, D),
      throughLinear(`${at}.self_attn.v_proj.weight`, normed, dV, D, D),
    ].reduce((sum, part) => plus(sum, part));
    dx = plus(dMiddle, throughNorm(`${at}.input_layernorm.weight`, input, dNormed));
  }
  accumulate('model.embed_tokens.weight', embeddingBackward(ids, dx, V, D));
  return gradients;
}
