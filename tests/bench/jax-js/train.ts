// One GRPO update with jax-js, all of it in one jitted function: advantages, forward, the dapo loss, backward, clip and AdamW.
import { jit, lax, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import type { ModelConfig } from '../../../src/engine/config.ts';
import type { AdamWSettings } from '../../../src/engine/optimizer.ts';
import type { Sample } from '../../../src/grpo/objective.ts';
import type { GrpoOptions } from '../../../src/grpo/options.ts';
import { logitsOf, oneHot, rotationOf, type Rotation, type Weights } from './model.ts';

type Batch = {
  readonly ids: np.Array; // [B, T]
  readonly targets: np.Array; // [B, T]
  readonly mask: np.Array; // [B, T], 1 where the target is a completion's token
  readonly rewards: np.Array; // [B]
};

/** AdamW's moments, all tensors in one: 2 kernels and not 2 a tensor. */
type Moments = { readonly m: np.Array; readonly v: np.Array };

export type Report = { readonly loss: number; readonly meanLogProb: number; readonly gradNorm: number };

const ADVANTAGE_EPS = 1e-4;
const ADAM_EPS = 1e-8;

export class Trainer {
  weights: Weights;
  #moments: Moments;
  #updates = 0;
  readonly #length: number;
  readonly #rotation: Rotation;
  readonly #adam: AdamWSettings;
  readonly #step: (
    weights: Weights,
    moments: Moments,
    corrections: np.Array,
    batch: Batch,
    rotation: Rotation,
  ) => { readonly weights: Weights; readonly moments: Moments; readonly report: np.Array };

  /** For updates of `sequences` samples of up to `length` tokens. Weights decay by nothing. */
  constructor(
    config: ModelConfig,
    weights: Weights,
    sequences: number,
    length: number,
    options: Pick<GrpoOptions, 'numGenerations' | 'epsilon' | 'epsilonHigh'>,
    adam: AdamWSettings,
  ) {
    const { vocabSize: V, hiddenSize: D, numHeads: H } = config;
    const B = sequences;
    // One row more than needed, and masked: with a multiple of 4 jax-js makes faster products.
    const T = Math.ceil((length - 1) / 4) * 4;
    const size = tree.leaves<np.Array>(weights).reduce((sum, tensor) => sum + tensor.size, 0);
    this.weights = weights;
    this.#moments = { m: np.zeros([size]), v: np.zeros([size]) };
    this.#length = T;
    this.#rotation = rotationOf(
      config,
      Array.from({ length: B * T }, (_, row) => row % T),
    );
    this.#adam = adam;

    const loss = (weights: Weights, batch: Batch, rotation: Rotation): [np.Array, np.Array] => {
      // By one-hot product: the gradient of indexing does not compile in a jitted function.
      const x = np.dot(oneHot(batch.ids.reshape([B * T]), V), weights.embedding.ref);
      const attend = (q: np.Array, k: np.Array, v: np.Array): np.Array => {
        const [queries, keys, values] = [q, k, v].map((part) => part.reshape([B, T, H, D / H])) as [
          np.Array,
          np.Array,
          np.Array,
        ];
        return nn.dotProductAttention(queries, keys, values, { isCausal: true }).reshape([B * T, D]);
      };
      const logits = logitsOf(config, weights, x, rotation, attend).reshape([B, T, V]);
      const logProbs = nn.logSoftmax(logits, -1).mul(oneHot(batch.targets, V)).sum(-1);
      const groups = batch.rewards.reshape([-1, options.numGenerations]);
      const std = np.std(groups.ref, -1, { correction: 1, keepdims: true });
      const advantages = groups.ref
        .sub(groups.mean(-1, { keepdims: true }))
        .div(std.add(ADVANTAGE_EPS))
        .reshape([B, 1]);
      const ratio = np.exp(logProbs.ref.sub(lax.stopGradient(logProbs.ref)));
      const clipped = np.clip(ratio.ref, 1 - options.epsilon, 1 + options.epsilonHigh);
      const gains = np.minimum(ratio.mul(advantages.ref), clipped.mul(advantages));
      const share = batch.mask.ref.div(batch.mask.sum());
      return [gains.mul(share.ref).sum().neg(), lax.stopGradient(logProbs.mul(share).sum())];
    };

    this.#step = jit((weights: Weights, { m, v }: Moments, corrections: np.Array, batch: Batch, rotation: Rotation) => {
      const [[value, meanLogProb], gradient] = valueAndGrad(loss, { hasAux: true })(tree.ref(weights), batch, rotation);
      const flat = np.concatenate(tree.leaves<np.Array>(gradient).map((tensor) => tensor.ravel()));
      const norm = np.sqrt(np.square(flat.ref).sum());
      const clipped = flat.mul(np.minimum(1, np.trueDivide(adam.maxGradNorm, norm.ref)));
      const [correction1, correction2] = np.split(corrections, 2) as [np.Array, np.Array];
      const nextM = m.mul(adam.beta1).add(clipped.ref.mul(1 - adam.beta1));
      const nextV = v.mul(adam.beta2).add(np.square(clipped).mul(1 - adam.beta2));
      const root = np.sqrt(nextV.ref.div(correction2)).add(ADAM_EPS);
      const change = nextM.ref.div(correction1).div(root).mul(-adam.learningRate);
      let offset = 0;
      const next = tree.map((tensor: np.Array) => {
        const part = change.ref.slice([offset, (offset += tensor.size)]).reshape(tensor.shape);
        return tensor.add(part);
      }, weights);
      return { weights: next, moments: { m: nextM, v: nextV }, report: np.stack([value, meanLogProb, norm]) };
    });
  }

  async update(samples: readonly Sample[], rewards: readonly number[]): Promise<Report> {
    this.#updates += 1;
    const { beta1, beta2 } = this.#adam;
    const corrections = np.array(Float32Array.of(1 - beta1 ** this.#updates, 1 - beta2 ** this.#updates));
    const next = this.#step(
      this.weights,
      this.#moments,
      corrections,
      this.#pack(samples, rewards),
      tree.ref(this.#rotation),
    );
    this.weights = next.weights;
    this.#moments = next.moments;
    const [loss = 0, meanLogProb = 0, gradNorm = 0] = (await next.report.data()) as Float32Array;
    return { loss, meanLogProb, gradNorm };
  }

  #pack(samples: readonly Sample[], rewards: readonly number[]): Batch {
    const T = this.#length;
    const shape = [samples.length, T];
    const ids = new Int32Array(samples.length * T);
    const targets = new Int32Array(samples.length * T);
    const mask = new Float32Array(samples.length * T);
    samples.forEach((sample, b) => {
      ids.set(sample.ids.slice(0, -1), b * T);
      targets.set(sample.ids.slice(1), b * T);
      mask.fill(1, b * T + sample.promptLength - 1, b * T + sample.ids.length - 1);
    });
    return {
      ids: np.array(ids, { shape, dtype: np.int32 }),
      targets: np.array(targets, { shape, dtype: np.int32 }),
      mask: np.array(mask, { shape }),
      rewards: np.array(Float32Array.from(rewards)),
    };
  }
}
