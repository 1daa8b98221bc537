// Draws a figure on a canvas, without animation, in the colours of the style sheet as they are now.
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  Tooltip,
  type ChartConfiguration,
  type ChartOptions,
  type Plugin,
} from 'chart.js';
import type { BarFigure, Figure, LineFigure } from './figure.ts';

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  Tooltip,
);

export interface DrawnFigure {
  show(figure: Figure): void;
  destroy(): void;
}

interface Style {
  readonly font: { readonly family: string; readonly size: number };
  readonly colour: (name: string) => string;
}

export function drawFigure(canvas: HTMLCanvasElement, first: Figure): DrawnFigure {
  const computed = getComputedStyle(canvas);
  const style: Style = {
    font: { family: computed.fontFamily, size: 11 },
    colour: (name) => computed.getPropertyValue(`--${name}`).trim(),
  };
  const configure = (figure: Figure): ChartConfiguration =>
    figure.kind === 'bars' ? bars(figure, style) : lines(figure, style);
  const chart = new Chart(canvas, configure(first));
  return {
    show(figure) {
      const { data, options = {} } = configure(figure);
      chart.data = data;
      chart.options = options;
      chart.update('none');
    },
    destroy: () => {
      chart.destroy();
    },
  };
}

/** Each bar with its value at its end: differences of a percent are hard to see. */
const endValues = (format: (value: number) => string, { font, colour }: Style): Plugin => ({
  id: 'end-values',
  afterDatasetsDraw(chart) {
    const { ctx } = chart;
    ctx.font = `${font.size}px ${font.family}`;
    ctx.fillStyle = colour('soft');
    ctx.textBaseline = 'middle';
    chart.data.datasets.forEach((dataset, index) => {
      chart.getDatasetMeta(index).data.forEach(({ x, y }, at) => {
        const value = dataset.data[at];
        if (typeof value === 'number') ctx.fillText(format(value), x + 6, y);
      });
    });
  },
});

function bars(figure: BarFigure, style: Style): ChartConfiguration {
  // Where every name has one bar, in whichever series, the bars share the place.
  const alone = figure.names.every((_, at) => figure.series.filter(({ values }) => values[at] !== null).length <= 1);
  return {
    type: 'bar',
    plugins: [endValues(figure.format, style)],
    data: {
      labels: [...figure.names],
      datasets: figure.series.map(({ label, colour, values }) => ({
        label,
        data: [...values],
        backgroundColor: style.colour(colour),
        grouped: !alone,
        barPercentage: 0.85,
        categoryPercentage: 0.72,
      })),
    },
    options: {
      ...common(figure, style),
      indexAxis: 'y',
      layout: { padding: { right: 44 } },
      scales: {
        x: { ...valueAxis(figure, style), ...(figure.max !== undefined && { max: figure.max }) },
        y: {
          border: { color: style.colour('line-strong') },
          grid: { display: false },
          ticks: { font: style.font, color: style.colour('ink'), autoSkip: false },
        },
      },
    },
  };
}

/** A point of a line; Chart.js keeps the error for the whiskers. */
interface MeasuredPoint {
  readonly x: number;
  readonly y: number;
  readonly error: number | null;
}

/** Pixels from the whiskers of one line to those of the next, which would lie on each other. */
const WHISKER_GAP = 3;

/** One standard error up and down. */
const whiskers: Plugin = {
  id: 'whiskers',
  afterDatasetsDraw({ ctx, data, scales }) {
    const [x, y] = [scales['x'], scales['y']];
    if (!x || !y) return;
    for (const [index, { data: points, borderColor }] of data.datasets.entries()) {
      const aside = (index - (data.datasets.length - 1) / 2) * WHISKER_GAP;
      ctx.strokeStyle = borderColor as string;
      ctx.lineWidth = 1;
      ctx.beginPath();
      for (const point of points as unknown as readonly MeasuredPoint[]) {
        if (point.error === null) continue;
        const at = x.getPixelForValue(point.x) + aside;
        ctx.moveTo(at, y.getPixelForValue(point.y - point.error));
        ctx.lineTo(at, y.getPixelForValue(point.y + point.error));
      }
      ctx.stroke();
    }
  },
};

function lines(figure: LineFigure, style: Style): ChartConfiguration {
  return {
    type: 'line',
    plugins: [whiskers],
    data: {
      datasets: figure.series.map(({ label, colour, dashed, points, errors }) => ({
        label,
        data: points.map(([x, y], index): MeasuredPoint => ({ x, y, error: errors?.[index] ?? null })),
        borderColor: style.colour(colour),
        backgroundColor: style.colour(colour),
        borderWidth: 1.75,
        borderDash: dashed ? [4, 3] : [],
        pointRadius: 0,
        pointHitRadius: 8,
      })),
    },
    options: {
      ...common(figure, style),
      interaction: { mode: 'nearest', axis: 'x', intersect: false },
      scales: {
        x: {
          ...(figure.doubling
            ? {
                type: 'logarithmic',
                min: 1,
                afterBuildTicks: (scale) =>
                  (scale.ticks = Array.from({ length: Math.log2(scale.max) + 1 }, (_, power) => ({
                    value: 2 ** power,
                  }))),
              }
            : { type: 'linear', min: 0 }),
          ...(figure.end !== undefined && { max: Math.max(1, figure.end) }),
          grid: { display: false },
          border: { color: style.colour('line') },
          ticks: {
            font: style.font,
            color: style.colour('soft'),
            maxRotation: 0,
            maxTicksLimit: figure.doubling ? 8 : 4,
            align: 'inner',
            callback: (value) => `${figure.along} ${value}`,
          },
        },
        y: {
          ...valueAxis(figure, style),
          position: 'right',
          ...(figure.max !== undefined && { max: figure.max }),
        },
      },
    },
  };
}

function common(figure: Figure, style: Style): ChartOptions {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    plugins: {
      tooltip: {
        displayColors: false,
        titleFont: style.font,
        bodyFont: style.font,
        callbacks: {
          label: ({ dataset, parsed }) =>
            `${dataset.label ?? ''} ${figure.format((figure.kind === 'bars' ? parsed.x : parsed.y) ?? 0)}`,
        },
      },
    },
  };
}

function valueAxis(figure: Figure, style: Style) {
  return {
    beginAtZero: true,
    border: { display: false },
    grid: { color: style.colour('line'), drawTicks: false },
    ticks: {
      font: style.font,
      color: style.colour('soft'),
      maxTicksLimit: 5,
      maxRotation: 0,
      callback: (value: string | number) => figure.format(Number(value)),
    },
  };
}
