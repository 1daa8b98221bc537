// What the scoreboards show of a model, column by column.
import type { Score, Scores } from '../../../worker/experiment-client.ts';
import type { TaskName } from '../../../tasks/task.ts';
import { figure, percent } from '../../state/sentences.ts';
import type { BarFigure, FigureColour, FigureTable } from '../parts/figure.ts';

export interface ScoreColumn {
  readonly score: keyof Score;
  readonly label: string;
  readonly format: (value: number) => string;
}

const share = (score: keyof Score, label: string): ScoreColumn => ({ score, label, format: percent });

export const COLUMNS = {
  accuracy: share('accuracy', 'solved'),
  format: share('format', 'well formed'),
  readable: share('readable', 'readable'),
  mixed: share('mixed', 'mixes languages'),
  repeats: share('repeats', 'tries repeated'),
  waitGivenWrong: share('waitGivenWrong', 'wait after a wrong try'),
  waitGivenRight: share('waitGivenRight', 'wait after a right one'),
  meanLength: { score: 'meanLength', label: 'tokens', format: figure },
} as const satisfies Readonly<Record<string, ScoreColumn>>;

export interface ScoredRow {
  readonly label: string;
  readonly scores: Scores;
}

/** Models against columns, on one task. */
export function scoreTable(rows: readonly ScoredRow[], task: TaskName, columns: readonly ScoreColumn[]): FigureTable {
  const cell = ({ scores }: ScoredRow, { score, format }: ScoreColumn): string => {
    const value = scores[task]?.[score];
    return value === undefined ? '–' : format(value);
  };
  return {
    head: ['model', ...columns.map(({ label }) => label)],
    rows: rows.map((row) => [row.label, ...columns.map((column) => cell(row, column))]),
  };
}

/** One column of a task as bars, a bar a row. */
export function scoreFigure(
  rows: readonly ScoredRow[],
  task: TaskName,
  { score, label, format }: ScoreColumn,
  title: string,
  colour: FigureColour,
): BarFigure {
  return {
    kind: 'bars',
    title,
    unit: score === 'meanLength' ? 'tokens' : 'share',
    format,
    ...(score !== 'meanLength' && { max: 1 }),
    names: rows.map((row) => row.label),
    series: [{ label, colour, values: rows.map((row) => row.scores[task]?.[score] ?? null) }],
  };
}
