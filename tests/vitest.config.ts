// Two projects: `node` runs everything that needs no GPU, `browser` runs tests/gpu in a real Chromium with WebGPU.
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { onnxruntimeOnce } from '../vite.config.ts';
import { BROWSER_ARGS, findBrowser } from './browser.mjs';

const browser = findBrowser();

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  plugins: [svelte({ configFile: false })],
  resolve: { alias: onnxruntimeOnce },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'node', include: ['tests/**/*.test.ts'], exclude: ['tests/gpu/**'], environment: 'node' },
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
