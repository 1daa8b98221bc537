// This project's engine and jax-js on the same adapter of the same browser: node tests/bench/jax-js/run.mjs [--json] [--gpu]
// [--headed] [--hidden-size 64] [--layers 2] [--heads 4] [--sequences 16] [--prompt-tokens 12] [--new-tokens 32] [--repeats 11]
// [--browser-args "--flag --flag"]. On the software adapter, or with --gpu on the browser's own; that may need --headed.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { BROWSER_ARGS, requireBrowser } from '../../browser.mjs';

process.chdir(join(import.meta.dirname, '../../..'));

const { values: given } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    gpu: { type: 'boolean', default: false },
    headed: { type: 'boolean', default: false },
    'hidden-size': { type: 'string' },
    layers: { type: 'string' },
    heads: { type: 'string' },
    sequences: { type: 'string' },
    'prompt-tokens': { type: 'string' },
    'new-tokens': { type: 'string' },
    repeats: { type: 'string' },
    'browser-args': { type: 'string', default: '' },
  },
});
const query = new URLSearchParams();
for (const name of /** @type {const} */ ([
  'hidden-size',
  'layers',
  'heads',
  'sequences',
  'prompt-tokens',
  'new-tokens',
  'repeats',
])) {
  const value = given[name];
  if (value !== undefined) query.set(name.replace(/-(\w)/, (_, letter) => letter.toUpperCase()), value); // prettier-ignore
}

const SOFTWARE = ['--use-webgpu-adapter=swiftshader'];
/** Chrome uses the driver's Vulkan on Linux only when told. */
const GPU = process.platform === 'linux' ? ['--enable-features=Vulkan', '--ignore-gpu-blocklist'] : [];

const server = await createServer({
  logLevel: 'warn',
  cacheDir: 'node_modules/.vite/jax-js',
  optimizeDeps: { include: ['@jax-js/jax'] },
  server: { port: 0, hmr: false, watch: null }, // an edit must not reload the page while it is timed
});
await server.listen();
const browser = await chromium.launch({
  executablePath: await requireBrowser(),
  headless: !given.headed,
  args: [...BROWSER_ARGS, ...(given.gpu ? GPU : SOFTWARE), ...given['browser-args'].split(' ').filter(Boolean)],
});
try {
  const page = await browser.newPage();
  page.on('console', (message) => {
    if (message.type() === 'info') console.error(message.text());
    else if (message.type() === 'error') console.error(`the page: ${message.text()}`);
  });
  await page.goto(`${server.resolvedUrls?.local[0] ?? ''}tests/bench/jax-js/?${query}`);
  const comparison = await page.evaluate(() => window.comparison);
  console.log(given.json ? JSON.stringify(comparison) : await page.locator('pre').innerText());
} finally {
  await browser.close();
  await server.close();
}
