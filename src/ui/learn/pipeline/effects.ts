// What a stage changed, and what it meant to leave stages out or to put them in another order.
import type { Score, StageName } from '../../../worker/experiment-client.ts';
import { figure, percent } from '../../state/sentences.ts';
import { STAGES } from './stages.ts';

const FIGURES: readonly (readonly [keyof Score, string, (value: number) => string])[] = [
  ['accuracy', 'solved', percent],
  ['mixed', 'mixed languages', percent],
  ['repeats', 'tries repeated', percent],
  ['meanLength', 'tokens an answer', figure],
];

/** From one row of the scoreboard to the next, such as `solved 11% → 78%`; what shows no change is left out. */
export function changes(before: Score, after: Score): string {
  const moved = FIGURES.flatMap(([name, words, show]) => {
    const [from, to] = [show(before[name]), show(after[name])];
    return from === to ? [] : [`${words} ${from} → ${to}`];
  });
  return moved.length > 0 ? moved.join(', ') : 'nothing that shows in these figures';
}

/** `Cold start` as `cold start`; what is written in capitals stays. */
function inSentence(title: string): string {
  return title.replace(/^[A-Z](?=[a-z])/u, (letter) => letter.toLowerCase());
}

/** How a plan differs from R1's, or null where it does not. */
export function deviation(stages: readonly StageName[]): string | null {
  const left = STAGES.filter(({ name }) => !stages.includes(name)).map(({ title }) => inSentence(title));
  const inOrder = STAGES.filter(({ name }) => stages.includes(name));
  const moved = inOrder.some(({ name }, place) => stages[place] !== name);
  const parts = [...(left.length > 0 ? [`without ${left.join(' and ')}`] : []), ...(moved ? ['in another order'] : [])];
  return parts.length > 0 ? parts.join(', ') : null;
}
