// What a visitor waits for, measured in a real browser: node tests/bench/page.mjs [--json] [--repeats 5] [--steps 5]
// [--preset light-lesson] [--dist FOLDER] [--browser-args "--flag --flag"]. Without --dist it builds the page first. Medians of the
// repeats, each in a fresh browser with a cold cache, served over localhost.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { BROWSER_ARGS, requireBrowser } from '../browser.mjs';

process.chdir(join(import.meta.dirname, '../..'));

const { values: given } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '5' },
    steps: { type: 'string', default: '5' },
    preset: { type: 'string', default: 'light-lesson' },
    dist: { type: 'string' },
    'browser-args': { type: 'string', default: '' },
  },
});

/** The opening is watched for this long: a recorded run has begun to play and every chart is drawn. */
const OPENING_MS = 5000;
/** Longer than anything here takes, even on a software adapter. */
const PATIENCE_MS = 300_000;

const built = given.dist ?? (await mkdtemp(join(tmpdir(), 'grpo-playground-')));
if (!given.dist) await build({ logLevel: 'warn', build: { outDir: built, emptyOutDir: true } });
const server = await preview({ logLevel: 'warn', build: { outDir: built }, preview: { port: 0 } });
const address = server.resolvedUrls?.local[0] ?? '';
const executablePath = await requireBrowser();

/** @type {(Awaited<ReturnType<typeof openAndClick>> & Awaited<ReturnType<typeof openAndTrain>>)[]} */
const runs = [];
let adapter = '';
for (let repeat = 0; repeat < Number(given.repeats); repeat++) {
  const opening = await withPage(openAndClick);
  const training = await withPage(openAndTrain);
  adapter = training.adapter;
  runs.push({ ...opening, ...training });
}
await server.close();

const { initialKb, laterKb } = scriptSizes(built);
if (!given.dist) await rm(built, { recursive: true });

/** @param {Exclude<keyof typeof runs[number], 'adapter'>} name */
const of = (name) => median(runs.map((run) => run[name]));
const figures = {
  adapter,
  preset: given.preset,
  repeats: runs.length,
  initialKb,
  laterKb,
  firstClickMs: of('firstClickMs'),
  openingTaskMs: of('openingTaskMs'),
  openingTaskCpuMs: of('openingTaskCpuMs'),
  trainingTaskMs: of('trainingTaskMs'),
  trainingTaskCpuMs: of('trainingTaskCpuMs'),
  firstAnswerAtOnceMs: of('firstAnswerAtOnceMs'),
  firstAnswerMs: of('firstAnswerMs'),
  firstStepMs: of('firstStepMs'),
};
if (given.json) console.log(JSON.stringify(figures));
else printTable();

/**
 * Opens the page with a cold cache and clicks Start as soon as it can be clicked.
 * @param {import('playwright').Page} page
 */
async function openAndClick(page) {
  await page.goto(`${address}?preset=${given.preset}`, { waitUntil: 'commit' });
  const firstClickMs = await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    const start = () =>
      [...document.querySelectorAll('button')].find(({ textContent }) => textContent?.trim() === 'Start');
    while (start()?.disabled !== false) await frame();
    start()?.click();
    while (start()) await frame();
    await frame(); // what the click changed has been painted
    return performance.now();
  });
  return { firstClickMs };
}

/**
 * Opens the page with a cold cache, leaves it alone, trains a few steps; then opens it anew, and anew, and waits for the first answer.
 * @param {import('playwright').Page} page
 */
async function openAndTrain(page) {
  const opening = await watchTasks(page, async () => {
    await page.goto(`${address}?preset=${given.preset}`);
    await page.waitForTimeout(OPENING_MS);
  });
  let firstStepMs = NaN;
  const training = await watchTasks(page, async () => {
    const begin = performance.now();
    await startAndWait(page);
    await waitForStep(page, 1);
    firstStepMs = performance.now() - begin;
    await waitForStep(page, Number(given.steps));
  });
  await page.goto(`${address}?preset=${given.preset}`, { waitUntil: 'commit' });
  const firstAnswerAtOnceMs = await startAndWait(page);
  await page.goto(`${address}?preset=${given.preset}`);
  await page.waitForTimeout(OPENING_MS);
  const firstAnswerMs = await startAndWait(page);
  return {
    openingTaskMs: opening.wallMs,
    openingTaskCpuMs: opening.cpuMs,
    trainingTaskMs: training.wallMs,
    trainingTaskCpuMs: training.cpuMs,
    firstAnswerAtOnceMs,
    firstAnswerMs,
    firstStepMs,
    adapter: await page.locator('.adapter').innerText(),
  };
}

/**
 * Clicks Start once it can be clicked. Milliseconds from then to the first answer in the document.
 * @param {import('playwright').Page} page
 */
function startAndWait(page) {
  return page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    const answers = () => document.querySelector('ol[aria-label=Answers] [data-token]');
    const start = () =>
      [...document.querySelectorAll('button')].find(({ textContent }) => textContent?.trim() === 'Start');
    while (start()?.disabled !== false) await frame();
    const begin = performance.now();
    start()?.click();
    while (answers()) await frame(); // those of the recorded run
    while (!answers()) await frame();
    return performance.now() - begin;
  });
}

/**
 * @param {import('playwright').Page} page
 * @param {number} step
 */
async function waitForStep(page, step) {
  await page.waitForFunction(
    (least) => {
      const line = document.querySelector('section[aria-label=Progress]')?.textContent ?? '';
      return Number(/Step (\d+) of/.exec(line)?.[1]) >= least;
    },
    step,
    { polling: 100 }, // every frame would be work for the thread that is watched
  );
}

/**
 * The longest task of the page's main thread while `work` goes on: by the clock, waiting for a core included, as a visitor notices it;
 * and what of the longest the processor took. The clock's is 0 where none took over 50 ms, as browsers report no others.
 * @param {import('playwright').Page} page
 * @param {() => Promise<void>} work
 */
async function watchTasks(page, work) {
  const browser = /** @type {import('playwright').Browser} */ (page.context().browser());
  await browser.startTracing(page, { categories: ['toplevel'] });
  await work();
  const trace = JSON.parse((await browser.stopTracing()).toString());
  const wallMs = await page.evaluate(() => {
    const { tasks } = /** @type {{ tasks: number[] }} */ (Reflect.get(window, 'bench'));
    return Math.max(0, ...tasks.splice(0));
  });
  /** @type {{ name: string, pid: number, tid: number, tdur?: number, args: { name?: string } }[]} */
  const events = trace.traceEvents;
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const cpuMs = threads.map(({ pid, tid }) =>
    events.filter((event) => event.pid === pid && event.tid === tid).map(({ tdur = 0 }) => tdur / 1000),
  );
  return { wallMs, cpuMs: Math.max(0, ...cpuMs.flat()) };
}

/**
 * Uses a page of a fresh browser.
 * @template Result
 * @param {(page: import('playwright').Page) => Promise<Result>} use
 */
async function withPage(use) {
  const args = [...BROWSER_ARGS, ...given['browser-args'].split(' ').filter(Boolean)];
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.addInitScript(() => {
      /** @type {number[]} */
      const tasks = [];
      Reflect.set(window, 'bench', { tasks });
      const observer = new PerformanceObserver((list) =>
        tasks.push(...list.getEntries().map(({ duration }) => duration)),
      );
      observer.observe({ type: 'longtask', buffered: true });
    });
    return await use(page);
  } finally {
    await browser.close();
  }
}

/**
 * Gzipped kB of the scripts that the page cannot begin without, and of all others.
 * @param {string} folder
 */
function scriptSizes(folder) {
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  const sizes = readdirSync(join(folder, 'assets'))
    .filter((file) => file.endsWith('.js'))
    .map((file) => ({
      initial: html.includes(file),
      kb: gzipSync(readFileSync(join(folder, 'assets', file))).length / 1000,
    }));
  const sum = (/** @type {boolean} */ initial) =>
    sizes.filter((size) => size.initial === initial).reduce((total, { kb }) => total + kb, 0);
  return { initialKb: sum(true), laterKb: sum(false) };
}

function printTable() {
  const task = (/** @type {number} */ ms) => (ms === 0 ? 'none over 50 ms' : `${ms.toFixed(0)} ms`);
  const rows = [
    ['initial JavaScript', `${figures.initialKb.toFixed(0)} kB`, '200 kB', 'gzipped, what the page cannot begin without'],
    ['all other JavaScript', `${figures.laterKb.toFixed(0)} kB`, '', 'gzipped, loaded when it is needed: worker, charts'],
    ['first click answered', `${figures.firstClickMs.toFixed(0)} ms`, '1000 ms', 'from opening, cold cache, until a click on Start has its effect on the screen'],
    ['longest task, opening', task(figures.openingTaskMs), '50 ms', `of the main thread, ${OPENING_MS / 1000} s from opening, while a recorded run plays`],
    ['  of the processor', `${figures.openingTaskCpuMs.toFixed(0)} ms`, '', 'the longest without the time that it waited for a core'],
    ['longest task, training', task(figures.trainingTaskMs), '50 ms', `of the main thread, from Start to step ${given.steps}`],
    ['  of the processor', `${figures.trainingTaskCpuMs.toFixed(0)} ms`, '', 'a software adapter takes the cores that the page needs'],
    ['first answer shown', `${figures.firstAnswerMs.toFixed(0)} ms`, '3000 ms', `from a click on Start until an answer is in the document, model in the cache, ${OPENING_MS / 1000} s after opening`],
    ['  clicked at once', `${figures.firstAnswerAtOnceMs.toFixed(0)} ms`, '', 'the same right after opening, before any kernel is compiled'],
    ['first step shown', `${figures.firstStepMs.toFixed(0)} ms`, '', 'from a click on Start until step 1 is done, the evaluation of the base included'],
  ]; // prettier-ignore
  console.log(`preset ${given.preset} on ${adapter}; medians of ${runs.length}`);
  for (const [name = '', value = '', goal = '', meaning = ''] of rows)
    console.log(`${name.padEnd(24)}${value.padStart(16)}${goal.padStart(10)}  ${meaning}`);
}

/** @param {readonly number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
