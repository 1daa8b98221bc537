// A line chart on a canvas, redrawn without animation. Only the parts of Chart.js that a line needs are bundled.
import { Chart, LinearScale, LineController, LineElement, PointElement, Tooltip, type ChartDataset } from 'chart.js';
import { formatValue, points, type ChartSpec, type Line, type Point } from './charts.ts';
import { percent } from './sentences.ts';
import type { StepRecord } from './run-view.ts';
import type { ThemeName } from './theme.svelte.ts';

Chart.register(LineController, LineElement, PointElement, LinearScale, Tooltip);

export interface DrawnChart {
  /** `theme` only says that the colours may have changed. */
  update(steps: readonly StepRecord[], total: number, theme: ThemeName): void;
  destroy(): void;
}

export function drawChart(canvas: HTMLCanvasElement, spec: ChartSpec): DrawnChart {
  const font = { family: getComputedStyle(canvas).fontFamily, size: 11 };
  const chart = new Chart<'line', Point[]>(canvas, {
    type: 'line',
    data: { datasets: spec.lines.map(toDataset) },
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
          afterBuildTicks: (scale) =>
            (scale.ticks = [scale.min, (scale.min + scale.max) / 2, scale.max].map((value) => ({ value }))),
          ticks: { font, maxRotation: 0, align: 'inner', callback: (step) => `step ${step}` },
        },
        y: {
          position: 'right',
          beginAtZero: true,
          border: { display: false },
          afterFit: (scale) => (scale.width = 48), // one width, so that the charts stand in line
          ticks: { font, maxTicksLimit: 4, ...(spec.share && { callback: (value) => percent(Number(value)) }) },
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
    update(steps, total) {
      const style = getComputedStyle(canvas);
      const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
      spec.lines.forEach((line, index) => {
        const dataset = chart.data.datasets[index];
        if (!dataset) return;
        dataset.data = points(steps, line.metric);
        dataset.borderColor = dataset.pointBackgroundColor = colour(line.colour);
      });
      const { x, y } = chart.options.scales ?? {};
      if (x) {
        x.max = Math.max(1, total);
        x.border = { color: colour('line') };
        x.ticks = { ...x.ticks, color: colour('soft') };
      }
      if (y) {
        y.grid = { color: colour('line'), drawTicks: false };
        y.ticks = { ...y.ticks, color: colour('soft') };
      }
      chart.update('none');
    },
    destroy: () => {
      chart.destroy();
    },
  };
}

function toDataset({ label, dashed }: Line): ChartDataset<'line', Point[]> {
  return {
    label,
    data: [],
    borderWidth: 1.75,
    clip: 4, // the mark at the end of a finished run is drawn whole
    borderDash: dashed ? [4, 3] : [],
    borderJoinStyle: 'round',
    pointBorderWidth: 0,
    pointHitRadius: 8,
    pointRadius: ({ dataIndex, dataset }) => (dataIndex === dataset.data.length - 1 ? 3 : 0),
  };
}
