// The charts of the literature, made from facts.ts.
import { BENCHMARKS, DISTILLED, R1_AGAINST_O1, R1_ZERO_AIME, R1_ZERO_LENGTH, type DistilledColumn } from './facts.ts';
import type { BarFigure, LineFigure } from './parts/figure.ts';
import { count } from '../state/sentences.ts';

const onePlace = (value: number): string => `${Number.isInteger(value) ? value : value.toFixed(1)}%`;

export const r1AgainstO1: BarFigure = {
  kind: 'bars',
  title: 'DeepSeek-R1 and OpenAI o1-1217',
  unit: 'percent solved; Codeforces: percentile',
  format: onePlace,
  max: 100,
  names: R1_AGAINST_O1.scores.map(({ benchmark }) => BENCHMARKS[benchmark].name),
  series: [
    { label: 'DeepSeek-R1', colour: 'up', values: R1_AGAINST_O1.scores.map(({ r1 }) => r1) },
    { label: 'o1-1217', colour: 'soft', values: R1_AGAINST_O1.scores.map(({ o1 }) => o1) },
  ],
};

/** Names of the benchmarks where R1 is below o1-1217. */
export const r1Behind: readonly string[] = R1_AGAINST_O1.scores
  .filter(({ r1, o1 }) => r1 < o1)
  .map(({ benchmark }) => BENCHMARKS[benchmark].name);

export const COLUMN_NAMES: Readonly<Record<DistilledColumn, string>> = {
  aime: 'AIME 2024',
  aimeMajority: 'AIME, majority of 64',
  math500: 'MATH-500',
  gpqa: 'GPQA Diamond',
  liveCode: 'LiveCodeBench',
  codeforces: 'Codeforces rating',
};

/** All models on one benchmark, the best first; the colour tells how each was made. */
export function distilledFigure(column: DistilledColumn): BarFigure {
  const models = [...DISTILLED.models]
    .filter((model) => model[column] !== null)
    .sort((a, b) => (b[column] ?? 0) - (a[column] ?? 0));
  const only = (kind: string): (number | null)[] => models.map((model) => (model.kind === kind ? model[column] : null));
  return {
    kind: 'bars',
    title: COLUMN_NAMES[column],
    unit: column === 'codeforces' ? 'rating' : 'percent solved',
    format: column === 'codeforces' ? count : onePlace,
    ...(column !== 'codeforces' && { max: 100 }),
    names: models.map(({ model }) => model),
    series: [
      { label: 'distilled from R1', colour: 'up', values: only('distilled') },
      { label: 'RL alone', colour: 'down', values: only('rl') },
      { label: 'for comparison', colour: 'soft', values: only('other') },
    ],
  };
}

export const r1ZeroAccuracy: LineFigure = {
  kind: 'lines',
  title: 'R1-Zero: problems solved',
  unit: 'AIME 2024, first try',
  along: 'step',
  format: (share) => `${Math.round(share * 1000) / 10}%`,
  series: [{ label: 'solved', colour: 'up', dashed: false, points: R1_ZERO_AIME.points }],
};

export const r1ZeroLength: LineFigure = {
  kind: 'lines',
  title: 'R1-Zero: length of the answer',
  unit: 'tokens',
  along: 'step',
  format: count,
  series: [{ label: 'length', colour: 'up', dashed: false, points: R1_ZERO_LENGTH.points }],
};
