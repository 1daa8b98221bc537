// Runs the comparison in the browser that opens this page. The address may change the workload: ?hiddenSize=128&layers=4
import { compare, workloadOf, type Comparison, type ProcessorClock } from './compare.ts';
import { tableOf } from './table.ts';

declare global {
  interface Window {
    /** For the script that opened the page. */
    comparison?: Promise<Comparison>;
    /** From the script that opened the page. */
    gpuProcessMs?: ProcessorClock;
  }
}

const status = document.querySelector('pre')!;
const show = (text: string): void => {
  status.textContent = text;
};

window.comparison = run();
window.comparison.then(
  (comparison) => show(tableOf(comparison)),
  (error: unknown) => show(String(error)),
);

async function run(): Promise<Comparison> {
  const progress = (text: string): void => {
    show(text);
    console.info(text);
  };
  return compare(workloadOf(location.search), progress, window.gpuProcessMs);
}
