// End-to-end tests: the built page, served as a visitor gets it, in the same browser as the GPU tests.
import { fileURLToPath } from 'node:url';
import { defineConfig } from '@playwright/test';
import { BROWSER_ARGS, findBrowser } from './browser.mjs';

const browser = findBrowser();

export default defineConfig({
  testDir: './e2e',
  outputDir: '../test-results',
  forbidOnly: true,
  workers: 1,
  retries: 0,
  reporter: 'list',
  webServer: {
    command: 'npx vite preview',
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { FORCE_COLOR: '0' },
    wait: { stdout: /Local: .*:(?<preview_port>\d+)/ }, // any free port; it arrives as PREVIEW_PORT
  },
  use: {
    baseURL: `http://localhost:${process.env.PREVIEW_PORT ?? ''}/`,
    trace: 'off',
    serviceWorkers: 'block', // what it keeps would answer in place of a test's routes; offline.spec.ts lets it
    launchOptions: { args: BROWSER_ARGS, ...(browser && { executablePath: browser }) },
  },
});
