// What a chart of the Learn page shows: bars by name or lines by step. The same figures make the drawing, its sentence and its table.
export type FigureColour = 'up' | 'down' | 'ink' | 'soft';

interface Common {
  readonly title: string;
  readonly unit: string;
  /** A value as it is read: `71.0%`. */
  readonly format: (value: number) => string;
}

export interface BarFigure extends Common {
  readonly kind: 'bars';
  readonly names: readonly string[];
  readonly series: readonly {
    readonly label: string;
    readonly colour: FigureColour;
    /** One a name; null where there is none. */
    readonly values: readonly (number | null)[];
  }[];
  /** Right end of the axis; the largest value if not given. */
  readonly max?: number;
}

export interface LineFigure extends Common {
  readonly kind: 'lines';
  /** What stands on the x axis: `step`. */
  readonly along: string;
  readonly series: readonly {
    readonly label: string;
    readonly colour: FigureColour;
    readonly dashed: boolean;
    readonly points: readonly (readonly [number, number])[];
    /** Standard errors of the points, drawn as whiskers; null where there is none. */
    readonly errors?: readonly (number | null)[];
  }[];
  /** Right end of the x axis; the last point if not given. */
  readonly end?: number;
  /** The x axis goes by doubling, from 1. */
  readonly doubling?: boolean;
  /** Top of the y axis; the largest value if not given. */
  readonly max?: number;
}

export type Figure = BarFigure | LineFigure;

export interface FigureTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The figures as a table; lines are told at every x that any of them has. */
export function figureTable(figure: Figure): FigureTable {
  const text = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : figure.format(value);
  const labels = figure.series.map(({ label }) => label);
  if (figure.kind === 'bars') {
    const rows = figure.names.map((name, at) => [name, ...figure.series.map(({ values }) => text(values[at]))]);
    return { head: ['', ...labels], rows };
  }
  const steps = [...new Set(figure.series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  const rows = steps.map((step) => [
    String(step),
    ...figure.series.map(({ points, errors }) => {
      const at = points.findIndex(([x]) => x === step);
      const error = errors?.[at];
      return `${text(points[at]?.[1])}${typeof error === 'number' ? ` ± ${text(error)}` : ''}`;
    }),
  ]);
  return { head: [figure.along, ...labels], rows };
}

/** The figure for who cannot see it. */
export function figureSentence(figure: Figure): string {
  if (figure.kind === 'bars') {
    const lines = figure.names.map((name, at) => {
      const parts = figure.series.flatMap(({ label, values }) => {
        const value = values[at];
        return value === null || value === undefined ? [] : [`${label} ${figure.format(value)}`];
      });
      return `${name}: ${parts.join(', ')}`;
    });
    return `${figure.title}. ${lines.join('; ')}.`;
  }
  const parts = figure.series.flatMap(({ label, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    return first && last
      ? [
          `${label} ${figure.format(first[1])} at ${figure.along} ${first[0]}, ${figure.format(last[1])} at ${figure.along} ${last[0]}`,
        ]
      : [];
  });
  return parts.length === 0 ? `${figure.title}: nothing measured yet.` : `${figure.title}: ${parts.join('; ')}.`;
}
