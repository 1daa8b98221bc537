// The curves of a run as one picture for its model card, in the colours of the page.
import { formatValue, STORY_CHARTS, type ChartSpec } from './charts.ts';
import { drawChart } from './draw-chart.ts';
import { firstAndLatest, type StepRecord } from './run-view.ts';

/** Of one chart, in CSS pixels. */
const CELL = { width: 480, height: 280, margin: 20, heading: 56 };
const COLUMNS = 2;

/** A PNG; null where there is no step to draw after the first, or the browser gives no picture of a canvas. */
export async function curvesImage(steps: readonly StepRecord[], total: number): Promise<Uint8Array | null> {
  if (steps.length < 2) return null;
  const canvas = document.createElement('canvas');
  const scale = devicePixelRatio; // that of the charts, so that they stay sharp
  canvas.width = scale * COLUMNS * CELL.width;
  canvas.height = scale * Math.ceil(STORY_CHARTS.length / COLUMNS) * CELL.height;
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.scale(scale, scale);
  const style = getComputedStyle(document.body);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  context.fillStyle = colour('paper');
  context.fillRect(0, 0, canvas.width, canvas.height);

  STORY_CHARTS.forEach((spec, index) => {
    context.save();
    context.translate(
      (index % COLUMNS) * CELL.width + CELL.margin,
      Math.floor(index / COLUMNS) * CELL.height + CELL.margin,
    );
    drawHeading(context, spec, steps, style.fontFamily, colour);
    const chart = chartCanvas(spec, steps, total);
    context.drawImage(chart, 0, CELL.heading, CELL.width - 2 * CELL.margin, CELL.height - CELL.heading - CELL.margin);
    context.restore();
  });
  const blob = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, 'image/png');
  });
  return blob && new Uint8Array(await blob.arrayBuffer());
}

/** Title and unit, and below them every line's mark, name and latest value. */
function drawHeading(
  context: CanvasRenderingContext2D,
  spec: ChartSpec,
  steps: readonly StepRecord[],
  family: string,
  colour: (name: string) => string,
): void {
  let x = 0;
  const write = (text: string, y: number, name: string, weight = 400, size = 12): void => {
    context.font = `${weight} ${size}px ${family}`;
    context.fillStyle = colour(name);
    context.fillText(text, x, y);
    x += context.measureText(text).width + 8;
  };
  write(spec.title, 14, 'ink', 600, 14);
  write(spec.unit, 14, 'soft');
  x = 0;
  for (const line of spec.lines) {
    const values = firstAndLatest(steps, line.metric);
    write(line.dashed ? '╌╌' : '━━', 38, line.colour);
    write(line.label, 38, 'soft');
    write(values ? formatValue(spec, values.latest) : '–', 38, 'ink', 600);
    x += 12;
  }
}

/** Chart.js measures the page around a canvas: for that it stands in the page, out of sight, until it is drawn. */
function chartCanvas(spec: ChartSpec, steps: readonly StepRecord[], total: number): HTMLCanvasElement {
  const place = document.createElement('div');
  place.style.cssText = `position:absolute;visibility:hidden;width:${CELL.width - 2 * CELL.margin}px;height:${CELL.height - CELL.heading - CELL.margin}px`;
  const canvas = place.appendChild(document.createElement('canvas'));
  document.body.append(place);
  const chart = drawChart(canvas, spec);
  chart.show(steps, total);
  const copy = document.createElement('canvas');
  copy.width = canvas.width;
  copy.height = canvas.height;
  copy.getContext('2d')?.drawImage(canvas, 0, 0);
  chart.destroy();
  place.remove();
  return copy;
}
