// This project's engine and jax-js on the same adapter: node tests/bench/jax-js/run.mjs [--json] [--gpu] [--headed] [--node]
// [--hidden-size 64] [--layers 2] [--heads 4] [--sequences 16] [--prompt-tokens 12] [--new-tokens 32] [--repeats 11]
// [--browser-args "--flag --flag"]. In the browser's software adapter, with --gpu in the browser's own, with --node in Dawn's.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright';
import { createServer, runnerImport } from 'vite';
import { BROWSER_ARGS, requireBrowser } from '../../browser.mjs';

process.chdir(join(import.meta.dirname, '../../..'));

const size = /** @type {const} */ ({ type: 'string' });
const { values: given } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    gpu: { type: 'boolean', default: false },
    headed: { type: 'boolean', default: false },
    node: { type: 'boolean', default: false },
    'browser-args': { type: 'string', default: '' },
    'hidden-size': size,
    layers: size,
    heads: size,
    sequences: size,
    'prompt-tokens': size,
    'new-tokens': size,
    repeats: size,
  },
});
const { json, gpu, headed, node, 'browser-args': browserArgs, ...sizes } = given;
const query = new URLSearchParams(
  Object.entries(sizes).map(([name, value]) => [name.replace(/-./, (pair) => pair.charAt(1).toUpperCase()), value]),
).toString();

try {
  const comparison = node ? await inNode() : await inBrowser();
  const { tableOf } = /** @type {typeof import('./table.ts')} */ (await load('table.ts'));
  console.log(json ? JSON.stringify(comparison) : tableOf(comparison));
} catch (error) {
  console.error(error instanceof Error ? error.message.split('\n')[0] : error);
  process.exitCode = 1;
}
process.exit(); // Dawn would keep Node alive

async function inNode() {
  const { compareInNode } = /** @type {typeof import('./node.ts')} */ (await load('node.ts'));
  return compareInNode(query, console.error);
}

async function inBrowser() {
  const software = ['--use-webgpu-adapter=swiftshader'];
  const hardware = process.platform === 'linux' ? ['--enable-features=Vulkan', '--ignore-gpu-blocklist'] : [];
  const server = await createServer({
    logLevel: 'warn',
    cacheDir: 'node_modules/.vite/jax-js',
    optimizeDeps: { include: ['@jax-js/jax'] },
    server: { port: 0, hmr: false, watch: null }, // an edit must not reload the page while it is timed
  });
  await server.listen();
  const browser = await chromium.launch({
    executablePath: await requireBrowser(),
    headless: !headed,
    args: [...BROWSER_ARGS, ...(gpu ? hardware : software), ...browserArgs.split(' ').filter(Boolean)],
  });
  try {
    const page = await browser.newPage();
    page.on('console', (message) => {
      if (['info', 'error'].includes(message.type())) console.error(message.text());
    });
    const session = await browser.newBrowserCDPSession();
    await page.exposeFunction('gpuProcessMs', async () => {
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      return 1000 * (processInfo.find(({ type }) => type === 'GPU')?.cpuTime ?? NaN);
    });
    await page.goto(`${server.resolvedUrls?.local[0] ?? ''}tests/bench/jax-js/?${query}`);
    const comparison = await page.evaluate(() => window.comparison);
    if (!comparison) throw new Error('the page did not begin: what it reported is above');
    return comparison;
  } finally {
    await browser.close();
    await server.close();
  }
}

/** @param {string} file */
async function load(file) {
  return (await runnerImport(join(import.meta.dirname, file), { configFile: false, logLevel: 'warn' })).module;
}
