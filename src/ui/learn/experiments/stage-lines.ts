// The course of a stage as lines: metrics against the steps done.
import type { FigureColour, LineFigure } from '../parts/figure.ts';
import type { StageView } from './experiment.svelte.ts';

export interface StageLine {
  readonly stage: string;
  readonly metric: string;
  readonly label: string;
  readonly colour: FigureColour;
  readonly dashed?: boolean;
}

export function stageFigure(
  stages: readonly StageView[],
  lines: readonly StageLine[],
  about: Pick<LineFigure, 'title' | 'unit' | 'format'>,
): LineFigure {
  return {
    kind: 'lines',
    along: 'step',
    ...about,
    series: lines.map(({ stage, metric, label, colour, dashed = false }) => ({
      label,
      colour,
      dashed,
      points: pointsOf(stages, stage, (metrics) => metrics[metric]),
    })),
  };
}

function pointsOf(
  stages: readonly StageView[],
  name: string,
  value: (metrics: Readonly<Record<string, number>>) => number | undefined,
): (readonly [number, number])[] {
  const stage = stages.find((each) => each.name === name);
  return (stage?.points ?? []).flatMap(({ done, metrics }) => {
    const y = value(metrics);
    return y === undefined || !Number.isFinite(y) ? [] : [[done, y] as const];
  });
}
