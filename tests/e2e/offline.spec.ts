// The built page as a deployment serves it: under any path, and after the first visit without a connection.
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Page } from '@playwright/test';
import { preview, type PreviewServer } from 'vite';

test.use({ serviceWorkers: 'allow' });

const SMALL = '?preset=light-lesson&steps=1&promptsPerStep=1&numGenerations=4&maxCompletionLength=16';

let folder = '';
let server: PreviewServer;
let address = '';

/** A copy of the build, for one test to change, in a folder of the server. */
test.beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'grpo-playground-'));
  const build = { outDir: join(folder, 'dist') };
  await cp(join(import.meta.dirname, '../../dist'), build.outDir, { recursive: true });
  server = await preview({ base: '/some/sub/path/', build, preview: { port: 0 }, logLevel: 'warn' });
  address = server.resolvedUrls?.local[0] ?? '';
});

test.afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function firstVisit(page: Page): Promise<void> {
  await page.goto(address);
  expect(new URL(page.url()).pathname).toBe('/some/sub/path/');
  await page.waitForFunction(() => navigator.serviceWorker.controller, undefined, { timeout: 30_000 });
}

/** An answer of a shipped model through ONNX Runtime, whose WebAssembly is kept once it was used. */
async function tryModel(page: Page): Promise<void> {
  await page.goto(`${address}#try`);
  await page.getByRole('radio', { name: 'Countdown, easy' }).check({ force: true });
  await page.getByRole('button', { name: 'Draw a held-out problem' }).click();
  await page.getByRole('button', { name: 'Answer', exact: true }).click();
  await expect(page.getByRole('list', { name: /^Answers of / })).toContainText('=', { timeout: 30_000 }); // it calculates
}

test('works without a connection after the first visit, models and recorded runs included', async ({ page }) => {
  test.setTimeout(120_000);
  await firstVisit(page);
  await tryModel(page);
  await server.close();
  await page.context().setOffline(true);

  await page.goto(`${address}?preset=first-lesson`);
  await expect(page.getByText('Recorded run of “First lesson”')).toBeVisible();
  await page.getByRole('link', { name: 'Learn' }).click();
  await expect(page.getByRole('heading', { level: 2, name: 'The aha' })).toBeVisible();

  await tryModel(page);
  await page.goto(`${address}${SMALL}`);
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await expect(page.getByRole('region', { name: 'Progress' })).toContainText('Finished', { timeout: 60_000 });
});

test('says that a newer version is ready, and takes it when it is told to', async ({ page }) => {
  await firstVisit(page);
  const notice = page.getByRole('note').filter({ hasText: 'A newer version of this page is ready' });
  await expect(notice).toHaveCount(0);
  await page.evaluate(() => Reflect.set(window, 'stays', true));

  await appendFile(join(folder, 'dist/sw.js'), '\n// another version');
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
  await expect(notice).toBeVisible();
  expect(await page.evaluate(() => Reflect.has(window, 'stays'))).toBe(true);

  await notice.getByRole('button', { name: 'Reload' }).click();
  await page.waitForFunction(() => !Reflect.has(window, 'stays'));
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeVisible();
  await expect(notice).toHaveCount(0);
});
