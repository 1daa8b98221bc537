// The Llama decoder of src/engine written with jax-js: the weights and the forward pass that sampling and training share.
// Shapes are those of the README; R rows are tokens. Arrays are moved, not borrowed: `.ref` keeps one for another use.
import { nn, numpy as np } from '@jax-js/jax';
import { RMS_NORM_EPS, ROPE_THETA, type Checkpoint, type ModelConfig } from '../../../src/engine/config.ts';

export type Layer = {
  readonly attentionNorm: np.Array; // [D]
  readonly qkv: np.Array; // [3D, D]
  readonly output: np.Array; // [D, D]
  readonly mlpNorm: np.Array; // [D]
  readonly gateUp: np.Array; // [2F, D]
  readonly down: np.Array; // [D, F]
};

export type Weights = {
  readonly embedding: np.Array; // [V, D]
  readonly layers: Layer[];
  readonly finalNorm: np.Array; // [D]
};

/** Of the positions of rows: [..., 1, 2, K/2], the sine negative for the first of each pair. */
export type Rotation = { readonly cos: np.Array; readonly sin: np.Array };

/** Attention of one layer: queries, keys and values [R, H, K] to [R, D]. */
type Attend = (q: np.Array, k: np.Array, v: np.Array, layer: number) => np.Array;

export function loadWeights({ config, tensors }: Checkpoint): Weights {
  const { vocabSize: V, hiddenSize: D, intermediateSize: F, numLayers: L } = config;
  // q, k and v in one product, and gate and up in one: fewer and larger kernels.
  const load = (shape: number[], ...names: string[]): np.Array => {
    const values = names.flatMap((name) => Array.from(tensors.get(name) ?? []));
    return np.array(Float32Array.from(values), { shape });
  };
  return {
    embedding: load([V, D], 'model.embed_tokens.weight'),
    layers: Array.from({ length: L }, (_, index) => {
      const at = `model.layers.${index}`;
      const [q, k, v] = ['q', 'k', 'v'].map((part) => `${at}.self_attn.${part}_proj.weight`) as [
        string,
        string,
        string,
      ];
      return {
        attentionNorm: load([D], `${at}.input_layernorm.weight`),
        qkv: load([3 * D, D], q, k, v),
        output: load([D, D], `${at}.self_attn.o_proj.weight`),
        mlpNorm: load([D], `${at}.post_attention_layernorm.weight`),
        gateUp: load([2 * F, D], `${at}.mlp.gate_proj.weight`, `${at}.mlp.up_proj.weight`),
        down: load([D, F], `${at}.mlp.down_proj.weight`),
      };
    }),
    finalNorm: load([D], 'model.norm.weight'),
  };
}

/** The rotations of `positions`, one a row. */
export function rotationOf(config: ModelConfig, positions: readonly number[]): Rotation {
  const half = config.hiddenSize / config.numHeads / 2;
  const angles = positions.map((position) =>
    Array.from({ length: half }, (_, j) => position * ROPE_THETA ** (-j / half)),
  );
  const table = (of: (angle: number) => readonly [first: number, second: number]): np.Array => {
    const pairs = angles.flatMap((row) => [...row.map((angle) => of(angle)[0]), ...row.map((angle) => of(angle)[1])]);
    return np.array(Float32Array.from(pairs), { shape: [positions.length, 1, 2, half] });
  };
  return {
    cos: table((angle) => [Math.cos(angle), Math.cos(angle)]),
    sin: table((angle) => [-Math.sin(angle), Math.sin(angle)]),
  };
}

/** From embedded tokens [R, D] to logits [R, V]; of each sequence's last row only, where `onlyLast` gives the rows a sequence has. */
export function logitsOf(
  config: ModelConfig,
  weights: Weights,
  embedded: np.Array,
  rotation: Rotation,
  attend: Attend,
  onlyLast?: number,
): np.Array {
  const { hiddenSize: D, intermediateSize: F, numHeads: H } = config;
  const K = D / H;
  let x = embedded;
  weights.layers.forEach((layer, index) => {
    const qkv = linear(rmsNorm(x.ref, layer.attentionNorm), layer.qkv);
    const qk = rotate(qkv.ref.slice([], [0, 2 * D]).reshape([-1, 2 * H, K]), rotation);
    const v = qkv.slice([], [2 * D, 3 * D]).reshape([-1, H, K]);
    x = x.add(linear(attend(qk.ref.slice([], [0, H]), qk.slice([], [H, 2 * H]), v, index), layer.output));
    const gateUp = linear(rmsNorm(x.ref, layer.mlpNorm), layer.gateUp);
    const gated = nn.silu(gateUp.ref.slice([], [0, F])).mul(gateUp.slice([], [F, 2 * F]));
    x = x.add(linear(gated, layer.down));
  });
  if (onlyLast) x = x.reshape([-1, onlyLast, D]).slice([], -1);
  return linear(rmsNorm(x, weights.finalNorm), weights.embedding);
}

/** [...] token ids to [..., V]. */
export function oneHot(ids: np.Array, vocabSize: number): np.Array {
  return np.arange(vocabSize).equal(np.expandDims(ids, -1)).astype(np.float32);
}

function linear(x: np.Array, weight: np.Array): np.Array {
  return np.dot(x, weight.ref.transpose());
}

function rmsNorm(x: np.Array, gain: np.Array): np.Array {
  const meanSquare = np.square(x.ref).mean(-1, { keepdims: true });
  return x.div(np.sqrt(meanSquare.add(RMS_NORM_EPS))).mul(gain.ref);
}

/** RoPE, half-split. The flip is only a view, so that the whole is one kernel. */
function rotate(x: np.Array, { cos, sin }: Rotation): np.Array {
  const [R, heads, K] = x.shape as [number, number, number];
  const pairs = x.reshape([R, heads, 2, K / 2]);
  return pairs.ref.mul(cos.ref).add(np.flip(pairs, -2).mul(sin.ref)).reshape([R, heads, K]);
}
