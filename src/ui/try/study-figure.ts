// The study of many answers as a chart, with what was counted in a sentence.
import type { FigureColour, LineFigure } from '../learn/parts/figure.ts';
import { count, percent } from '../state/sentences.ts';
import type { StudyPlan, StudyRow } from '../state/try-votes.svelte.ts';

const COLOURS: readonly FigureColour[] = ['up', 'down'];

export function studyFigure(rows: readonly StudyRow[], plan: StudyPlan): LineFigure {
  const series = rows.flatMap(({ title, curve }, index) => {
    const colour = COLOURS[index] ?? 'ink';
    const of = rows.length > 1 ? `${title}: ` : '';
    return (['majority', 'best'] as const).map((kind) => ({
      label: `${of}${kind === 'majority' ? 'majority vote' : 'best of n, picked by the verifier'}`,
      colour,
      dashed: kind === 'best',
      points: curve.map((point) => [point.n, point[kind].mean] as const),
      errors: curve.map((point) => point[kind].error),
    }));
  });
  return {
    kind: 'lines',
    title: 'Problems solved, by the number of answers',
    unit: 'share of held-out problems',
    along: 'n =',
    format: percent,
    doubling: true,
    end: plan.answers,
    max: 1,
    series,
  };
}

/** How the figures came about, so that nobody takes them for more than they are. */
export function studyNote(rows: readonly StudyRow[], { task, temperature, answers }: StudyPlan): string {
  const counted = rows.map(({ title, problems, tokens }) => {
    const who = rows.length > 1 ? `${title}: ` : '';
    return `${who}${count(problems)} held-out ${problems === 1 ? 'problem' : 'problems'}, ${count(problems * answers)} answers of ${(tokens / problems / answers).toFixed(1)} tokens on average`;
  });
  return `${task.title}, temperature ${temperature.toFixed(1)}. ${counted.join('; ')}. Whiskers are one standard error over the problems.`;
}
