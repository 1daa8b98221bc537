// Sampling with jax-js: the prompt in one pass that fills a KV cache, then one jitted step a token.
import { jit, nn, numpy as np, random, tree } from '@jax-js/jax';
import type { ModelConfig } from '../../../src/engine/config.ts';
import { logitsOf, oneHot, rotationOf, type Rotation, type Weights } from './model.ts';

/** Keys and values of one layer [B, C, H, K], C the length of a finished sequence. */
type Cache = { readonly keys: np.Array; readonly values: np.Array };

/** What a step knows of its position: its slot in the cache as a mask, and 0 or -inf for what it attends to. */
type Position = { readonly rotation: Rotation; readonly slot: np.Array; readonly bias: np.Array };

/** The tokens drawn [B], the logits that they were drawn from [B, V], and the caches with what led to them. */
type Drawn = { readonly caches: Cache[]; readonly ids: np.Array; readonly logits: np.Array };

export type Sampled = { readonly ids: readonly number[]; readonly logProbs: readonly number[] };

/** Steps that may be queued before the host waits: buffers are reused only once their kernels are submitted. */
const STEPS_AHEAD = 8;

export class Sampler {
  readonly #promptLength: number;
  readonly #newTokens: number;
  readonly #promptRotation: Rotation;
  readonly #positions: readonly Position[];
  readonly #noise: (key: np.Array) => np.Array[];
  readonly #prefill: (weights: Weights, ids_BP: np.Array, rotation: Rotation, noise_BV: np.Array) => Drawn;
  readonly #step: (weights: Weights, before: Cache[], ids: np.Array, position: Position, noise_BV: np.Array) => Drawn;
  readonly #finish: (logits: np.Array[], ids: np.Array[]) => { readonly ids: np.Array; readonly logProbs: np.Array };

  /** For `sequences` prompts of `promptLength` tokens each; `newTokens` are drawn for every one, and none of them is `forbidden`. */
  constructor(config: ModelConfig, sequences: number, promptLength: number, newTokens: number, forbidden: number) {
    const { vocabSize: V, hiddenSize: D, numHeads: H } = config;
    const B = sequences;
    const P = promptLength;
    const C = promptLength + newTokens;
    const K = D / H;
    this.#promptLength = P;
    this.#newTokens = newTokens;
    this.#promptRotation = rotationOf(
      config,
      Array.from({ length: B * P }, (_, row) => row % P),
    );
    this.#positions = Array.from({ length: newTokens - 1 }, (_, index) => {
      const position = P + index;
      const of = (value: (at: number) => number): np.Array =>
        np.array(Float32Array.from({ length: C }, (_, at) => value(at)));
      return {
        rotation: rotationOf(config, [position]),
        slot: of((at) => (at === position ? 1 : 0))
          .reshape([1, C, 1, 1])
          .astype(np.bool),
        bias: of((at) => (at <= position ? 0 : -Infinity)),
      };
    });

    this.#noise = jit((key: np.Array) => {
      const gumbel = random.gumbel(key, [newTokens, B, V]);
      const noise = np.where(np.arange(V).equal(forbidden), -Infinity, gumbel);
      return Array.from({ length: newTokens }, (_, token) => noise.ref.slice(token));
    });

    this.#prefill = jit((weights: Weights, ids: np.Array, rotation: Rotation, noise: np.Array) => {
      const caches: Cache[] = [];
      const x = weights.embedding.ref.slice(ids.reshape([B * P]));
      const attend = (q: np.Array, k: np.Array, v: np.Array): np.Array => {
        const [queries, keys, values] = [q, k, v].map((part) => part.reshape([B, P, H, K])) as [
          np.Array,
          np.Array,
          np.Array,
        ];
        const extend = (part: np.Array): np.Array => np.pad(part, { 1: [0, newTokens] });
        caches.push({ keys: extend(keys.ref), values: extend(values.ref) });
        return nn.dotProductAttention(queries, keys, values, { isCausal: true }).reshape([B * P, D]);
      };
      const logits = logitsOf(config, weights, x, rotation, attend, P);
      return { caches, ids: draw(logits.ref, noise), logits };
    });

    this.#step = jit((weights: Weights, before: Cache[], ids: np.Array, position: Position, noise: np.Array) => {
      const caches: Cache[] = [];
      const x = weights.embedding.ref.slice(ids);
      const attend = (q: np.Array, k: np.Array, v: np.Array, layer: number): np.Array => {
        const { keys, values } = before[layer] as Cache;
        const into = (cache: np.Array, row: np.Array): np.Array =>
          np.where(position.slot.ref, row.reshape([B, 1, H, K]), cache);
        const after = { keys: into(keys, k), values: into(values, v) };
        caches.push(tree.ref(after));
        const options = { bias: position.bias.ref };
        return nn.dotProductAttention(q.reshape([B, 1, H, K]), after.keys, after.values, options).reshape([B, D]);
      };
      const logits = logitsOf(config, weights, x, position.rotation, attend);
      return { caches, ids: draw(logits.ref, noise), logits };
    });

    this.#finish = jit((logits: np.Array[], ids: np.Array[]) => {
      const ids_BT = np.stack(ids, 1);
      const logProbs = nn.logSoftmax(np.stack(logits, 1), -1).mul(oneHot(ids_BT.ref, V)).sum(-1);
      return { ids: ids_BT, logProbs };
    });
  }

  /** Samples from softmax(logits), by the Gumbel-max trick. */
  async sample(weights: Weights, prompts: readonly (readonly number[])[], seed: number): Promise<Sampled[]> {
    const B = prompts.length;
    // For all tokens at once: less than half the kernels of random.categorical in every step.
    const [firstNoise, ...noises] = this.#noise(random.key(seed)) as [np.Array, ...np.Array[]];
    const ids_BP = np.array(Int32Array.from(prompts.flat()), { shape: [B, this.#promptLength], dtype: np.int32 });
    let state = this.#prefill(tree.ref(weights), ids_BP, tree.ref(this.#promptRotation), firstNoise);
    const ids = [state.ids.ref];
    const logits = [state.logits];
    for (const [index, position] of this.#positions.entries()) {
      state = this.#step(tree.ref(weights), state.caches, state.ids, tree.ref(position), noises[index]!);
      ids.push(state.ids.ref);
      logits.push(state.logits);
      if (index % STEPS_AHEAD === STEPS_AHEAD - 1) await state.ids.blockUntilReady();
    }
    tree.dispose([state.caches, state.ids]);
    const drawn = this.#finish(logits, ids);
    const idData = (await drawn.ids.data()) as Int32Array;
    const logProbData = (await drawn.logProbs.data()) as Float32Array;
    const row = (data: ArrayLike<number>, sequence: number): number[] =>
      Array.from({ length: this.#newTokens }, (_, token) => data[sequence * this.#newTokens + token] as number);
    return prompts.map((_, sequence) => ({ ids: row(idData, sequence), logProbs: row(logProbData, sequence) }));
  }
}

/** argmax of logits + noise [B, V]. np.argmax compiles to a kernel that software adapters take minutes to translate. */
function draw(logits: np.Array, noise: np.Array): np.Array {
  const scores = logits.add(noise);
  const tokens = np.arange(scores.shape[1]!);
  const largest = np.max(scores.ref, -1, { keepdims: true });
  return np.where(scores.less(largest), 0, tokens).sum(-1);
}
