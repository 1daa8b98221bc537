// Which problems are kept for evaluation. A hash decides, not a list: one problem in five is never trained on, and the
// evaluation prompts are drawn among these as training prompts are among the others, so both have one distribution.
import { PlaygroundError } from '../base/errors.ts';
import { pcg4d, Random } from '../base/random.ts';

const SEED = 20250122;
const HELD_OUT_PROMPTS = 512;
const MOST_DRAWS = 100_000;

/** `first` and `second` name the problem whatever the order of its numbers, so that all orders fall on one side. */
export function isHeldOut(first: number, second: number): boolean {
  return pcg4d(first, second, SEED, 0)[0] % 5 === 0;
}

/**
 * Gives the first 512 different prompts that `draw` gives from a fixed seed; it gives null for a problem that is not held out. They are
 * drawn when first asked for: the page only names the tasks. Throws bad-settings then where the task has too few.
 */
export function heldOutPrompts(draw: (random: Random) => string | null): () => readonly string[] {
  let heldOut: readonly string[] | undefined;
  return () => (heldOut ??= drawPrompts(draw));
}

function drawPrompts(draw: (random: Random) => string | null): readonly string[] {
  const random = new Random(SEED);
  const prompts = new Set<string>();
  for (let draws = 0; draws < MOST_DRAWS && prompts.size < HELD_OUT_PROMPTS; draws++) {
    const prompt = draw(random);
    if (prompt !== null) prompts.add(prompt);
  }
  if (prompts.size < HELD_OUT_PROMPTS) {
    throw new PlaygroundError(
      'bad-settings',
      `a task must have ${HELD_OUT_PROMPTS} problems to hold out, a fifth of all, but it has ${prompts.size}: let it have more problems`,
    );
  }
  return [...prompts];
}
