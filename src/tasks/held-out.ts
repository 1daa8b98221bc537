// Which problems are kept for evaluation. A hash decides, not a list: one problem in five is never trained on, and the
// evaluation prompts are drawn among these as training prompts are among the others, so both have one distribution.
import { pcg4d, Random } from '../base/random.ts';

const SEED = 20250122;
const HELD_OUT_PROMPTS = 512;

/** `first` and `second` name the problem whatever the order of its numbers, so that all orders fall on one side. */
export function isHeldOut(first: number, second: number): boolean {
  return pcg4d(first, second, SEED, 0)[0] % 5 === 0;
}

/** Gives the first 512 different prompts that `draw` gives from a fixed seed. They are drawn when first asked for: the page only names the tasks. */
export function heldOutPrompts(draw: (random: Random) => string): () => readonly string[] {
  let heldOut: readonly string[] | undefined;
  return () => (heldOut ??= drawPrompts(draw));
}

function drawPrompts(draw: (random: Random) => string): readonly string[] {
  const random = new Random(SEED);
  const prompts = new Set<string>();
  while (prompts.size < HELD_OUT_PROMPTS) prompts.add(draw(random));
  return [...prompts];
}
