// Which decoder was found fastest on this GPU, in the Cache API: it outlasts the visit, and a worker has it where localStorage is not.
import type { ChoiceMemory } from '../engine/tune.ts';

const CACHE = 'grpo-playground-decoders';

/** Throws where the browser keeps nothing for this page. */
export const decoderMemory: ChoiceMemory = {
  async getItem(key) {
    const found = await (await caches.open(CACHE)).match(addressOf(key));
    return found?.text();
  },
  async setItem(key, value) {
    await (await caches.open(CACHE)).put(addressOf(key), new Response(value));
  },
};

/** The cache goes by addresses. Nothing is ever fetched from this one. */
function addressOf(key: string): string {
  return `/decoders/${encodeURIComponent(key)}`;
}
