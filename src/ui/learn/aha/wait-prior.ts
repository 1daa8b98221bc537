// The outcome of a run from one wait prior, in words: what the model learnt instead, or as well.
import type { Score } from '../../../worker/experiment-client.ts';
import { percent } from '../../state/sentences.ts';

/** Less than this is chance or no matter. */
const MARGIN = 0.05;

export function outcomeOf(base: Score, trained: Score): string {
  const gain = trained.accuracy - base.accuracy;
  const waits = trained.waitGivenWrong - base.waitGivenWrong;
  const solved = `It solves ${percent(trained.accuracy)}, ${percent(base.accuracy)} before.`;
  if (waits > MARGIN && trained.waitGivenWrong > trained.waitGivenRight + MARGIN) {
    return `It learnt when to wait: after ${percent(trained.waitGivenWrong)} of its wrong tries, ${percent(trained.waitGivenRight)} of its right ones. ${solved}`;
  }
  if (waits > MARGIN) return `It says wait more often, but has not learnt when. ${solved}`;
  if (gain > MARGIN) {
    return waits < -MARGIN
      ? `Wait died out; it learnt to guess better in one go instead. ${solved}`
      : `It learnt to guess better in one go, without waiting. ${solved}`;
  }
  return `It has learnt next to nothing. ${solved}`;
}
