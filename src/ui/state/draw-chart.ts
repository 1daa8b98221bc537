// A line chart on a canvas, redrawn without animation. Only the parts of Chart.js that a line needs are bundled.
import {
  Chart,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
  type ChartDataset,
  type Plugin,
} from 'chart.js';
import { formatValue, points, type ChartSpec, type Line, type Point } from './charts.ts';
import { percent } from './sentences.ts';
import type { StepRecord } from './run-view.ts';

Chart.register(LineController, LineElement, PointElement, LinearScale, Tooltip);

export interface DrawnChart {
  /** `total`: the step at the right end of the axis. */
  show(steps: readonly StepRecord[], total: number): void;
  destroy(): void;
}

/** Takes font and colours from the style sheet as they are now; a new theme needs a new chart. */
export function drawChart(canvas: HTMLCanvasElement, spec: ChartSpec): DrawnChart {
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const font = { family: style.fontFamily, size: 11 };
  const chart = new Chart<'line', Point[]>(canvas, {
    type: 'line',
    plugins: [endMarks],
    data: { datasets: spec.lines.map((line) => toDataset(line, colour(line.colour))) },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      parsing: false,
      normalized: true,
      interaction: { mode: 'nearest', axis: 'x', intersect: false },
      layout: { padding: { top: 4 } },
      scales: {
        x: {
          type: 'linear',
          min: 0,
          grid: { display: false },
          border: { color: colour('line') },
          afterBuildTicks: (scale) =>
            (scale.ticks = [scale.min, (scale.min + scale.max) / 2, scale.max].map((value) => ({ value }))),
          ticks: {
            font,
            color: colour('soft'),
            autoSkip: false,
            maxRotation: 0,
            align: 'inner',
            callback: (step) => `step ${step}`,
          },
        },
        y: {
          position: 'right',
          beginAtZero: true,
          border: { display: false },
          grid: { color: colour('line'), drawTicks: false },
          afterFit: (scale) => (scale.width = 48), // one width, so that the charts stand in line
          ticks: {
            font,
            color: colour('soft'),
            autoSkip: false, // its labels need not be measured: maxTicksLimit keeps them few
            maxTicksLimit: 4,
            ...(spec.share && { callback: (value) => percent(Number(value)) }),
          },
        },
      },
      plugins: {
        tooltip: {
          displayColors: false,
          titleFont: font,
          bodyFont: font,
          callbacks: {
            title: ([item]) => (item ? `step ${item.parsed.x}` : ''),
            label: ({ dataset, parsed }) => `${dataset.label ?? ''} ${formatValue(spec, parsed.y ?? 0)}`,
          },
        },
      },
    },
  });

  return {
    show(steps, total) {
      spec.lines.forEach((line, index) => {
        const dataset = chart.data.datasets[index];
        if (dataset) dataset.data = points(steps, line.metric);
      });
      const x = chart.options.scales?.['x'];
      if (x) x.max = Math.max(1, total);
      chart.update('none');
    },
    destroy: () => {
      chart.destroy();
    },
  };
}

/** A dot at the end of every line. As an option of its points it would cost a look-up for each of them. */
const endMarks: Plugin<'line'> = {
  id: 'end-marks',
  afterDatasetsDraw(chart) {
    const { ctx } = chart;
    chart.data.datasets.forEach((dataset, index) => {
      const end = chart.getDatasetMeta(index).data.at(-1);
      if (!end) return;
      ctx.fillStyle = dataset.borderColor as string;
      ctx.beginPath();
      ctx.arc(end.x, end.y, 3, 0, 2 * Math.PI);
      ctx.fill();
    });
  },
};

function toDataset({ label, dashed }: Line, colour: string): ChartDataset<'line', Point[]> {
  return {
    label,
    data: [],
    borderColor: colour,
    borderWidth: 1.75,
    borderDash: dashed ? [4, 3] : [],
    borderJoinStyle: 'round',
    pointRadius: 0,
    pointHitRadius: 8,
  };
}
