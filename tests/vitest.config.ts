// Two projects: `node` runs everything that needs no GPU, `browser` runs tests/gpu in a real Chromium with WebGPU.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { transformWithOxc, type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { onnxruntimeOnce } from '../vite.config.ts';
import { BROWSER_ARGS, findBrowser } from './browser.mjs';
import { addedTask, ROOT } from './docs/readme.ts';

/** The task that the README adds, as the module `readme:task`, with the imports of the file that the README names. */
function readmeTask(): Plugin {
  const virtual = '\0readme:task'; // a name that the search for dependencies leaves alone
  const { file, source } = addedTask();
  const elsewhere = source.replaceAll("from './", `from '${join(ROOT, file, '..')}/`);
  return {
    name: 'readme-task',
    resolveId: (id) => (id === 'readme:task' ? virtual : null),
    load: async (id) => (id === virtual ? (await transformWithOxc(elsewhere, file)).code : null),
  };
}

const browser = findBrowser();

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  plugins: [svelte({ configFile: false }), readmeTask()],
  resolve: { alias: onnxruntimeOnce },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/gpu/**'],
          environment: 'node',
          maxWorkers: '100%', // of two cores vitest alone would use one
        },
      },
      {
        extends: true,
        // Found only while tests run, they would reload the page under them.
        optimizeDeps: { include: ['@bufbuild/protobuf', '@bufbuild/protobuf/codegenv2', 'onnxruntime-web/wasm'] },
        test: {
          name: 'browser',
          include: ['tests/gpu/**/*.test.ts'],
          testTimeout: 60_000, // a software GPU compiles the tiled kernels slowly
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: { args: BROWSER_ARGS, ...(browser && { executablePath: browser }) },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
