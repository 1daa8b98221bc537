// A counter-based generator: the same (seed, stream, counter) gives the same bits on every machine and in every order.
// pcg4d of Jarzynski and Olano, "Hash Functions for GPU Rendering" (JCGT 2020); bit-identical to `pcg4d` in shaders/prelude.wgsl.

/** Hashes four u32 words to four u32 words. */
export function pcg4d(x: number, y: number, z: number, w: number): [number, number, number, number] {
  let a = (Math.imul(x, 1664525) + 1013904223) >>> 0;
  let b = (Math.imul(y, 1664525) + 1013904223) >>> 0;
  let c = (Math.imul(z, 1664525) + 1013904223) >>> 0;
  let d = (Math.imul(w, 1664525) + 1013904223) >>> 0;
  for (let round = 0; round < 2; round++) {
    a = (a + Math.imul(b, d)) >>> 0;
    b = (b + Math.imul(c, a)) >>> 0;
    c = (c + Math.imul(a, b)) >>> 0;
    d = (d + Math.imul(b, c)) >>> 0;
    if (round === 0) {
      a = (a ^ (a >>> 16)) >>> 0;
      b = (b ^ (b >>> 16)) >>> 0;
      c = (c ^ (c >>> 16)) >>> 0;
      d = (d ^ (d >>> 16)) >>> 0;
    }
  }
  return [a, b, c, d];
}

/** A float in (0, 1), never 0 or 1, from 32 random bits; exact in f32. */
export function unitFloat(bits: number): number {
  return ((bits >>> 9) + 0.5) * 2 ** -23;
}

/** A seeded sequence of draws. Two streams of one seed are independent. */
export class Random {
  readonly #seed: number;
  readonly #stream: number;
  #counter = 0;

  constructor(seed: number, stream = 0) {
    this.#seed = seed >>> 0;
    this.#stream = stream >>> 0;
  }

  /** A u32. */
  next(): number {
    const counter = this.#counter++;
    return pcg4d(this.#seed, this.#stream, counter >>> 0, Math.floor(counter / 2 ** 32))[0];
  }

  /** A float in (0, 1). */
  unit(): number {
    return unitFloat(this.next());
  }

  /** An integer in [0, count). */
  integer(count: number): number {
    return Math.floor(this.unit() * count);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(items.length)] as Item;
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffle<Item>(items: readonly Item[]): Item[] {
    const copy = [...items];
    for (let last = copy.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      [copy[last], copy[other]] = [copy[other] as Item, copy[last] as Item];
    }
    return copy;
  }

  /** A standard normal (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.unit())) * Math.cos(2 * Math.PI * this.unit());
  }
}
