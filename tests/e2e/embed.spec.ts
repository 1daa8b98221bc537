// The page in an <iframe> of another page, of another origin: quiet until a click, as high as what it shows, and at home in 320 px.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Frame, type Locator, type Page } from '@playwright/test';
import { snippet, findView, VIEWS } from '../../src/ui/embed/views.ts';
import { simulatedRecording } from '../ui/simulated-run.ts';

const SMALL = 'preset=light-lesson&steps=1&promptsPerStep=1&numGenerations=4&maxCompletionLength=16';

let html = '';
let server: Server;

/** A teacher's page. */
test.beforeAll(async () => {
  server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html)).listen();
  await new Promise((resolve) => server.once('listening', resolve));
});

test.afterAll(() => {
  server.close();
});

/** Opens a page of another origin that holds the snippet; resolves to its frame. */
async function embedded(page: Page, base: string | undefined, id: string, address: string): Promise<Frame> {
  await page.route('**/recorded-aha.json', (route) => route.fulfill({ json: simulatedRecording() }));
  html = `<!doctype html><meta charset="utf-8"><title>A lesson</title><body style="margin: 0">${snippet(base ?? '', address, findView(id))}`;
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const handle = await page.locator('iframe').elementHandle();
  const frame = await handle.contentFrame();
  if (!frame) throw new Error('expected a frame in the page, but there is none');
  await expect(frame.getByRole('heading', { level: 1 })).toHaveText(`GRPO Playground: ${findView(id).title}`);
  return frame;
}

test('shows the recorded run at its end and asks for no GPU until somebody starts a run', async ({ page, baseURL }) => {
  test.setTimeout(90_000);
  const frame = await embedded(page, baseURL, 'group', '');
  await expect(frame.getByRole('region', { name: 'Progress' })).toContainText('Step 250 of 250');
  expect(page.workers()).toEqual([]);
});

test('trains after a click, with the settings of its address', async ({ page, baseURL }) => {
  test.setTimeout(90_000);
  const frame = await embedded(page, baseURL, 'aha', SMALL);
  expect(page.workers()).toEqual([]);
  await frame.getByRole('button', { name: 'Start', exact: true }).click();
  await expect(frame.getByRole('region', { name: 'Progress' })).toContainText('Step 1 of 1', { timeout: 60_000 });
});

test('gives its frame the height of what it shows', async ({ page, baseURL }) => {
  await page.setViewportSize({ width: 900, height: 600 });
  const frame = await embedded(page, baseURL, 'learn/formula', '');
  await expect(frame.getByRole('heading', { level: 2 })).toHaveText('The formula');
  await expect
    .poll(async () => (await page.locator('iframe').boundingBox())?.height)
    .toBe(await frame.evaluate(() => Math.ceil(document.querySelector('.embed')?.getBoundingClientRect().height ?? 0)));
  expect(await frame.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBe(0);
});

test('leads to the page in full, with the same settings, in a tab of its own', async ({ page, baseURL }) => {
  const frame = await embedded(page, baseURL, 'learn/aha', 'preset=first-lesson&seed=7');
  const follow = async (link: Locator, address: string): Promise<void> => {
    const opened = page.waitForEvent('popup');
    await link.click();
    await expect(await opened).toHaveURL(address);
    await (await opened).close();
  };
  const full = baseURL ?? '';
  await follow(frame.getByRole('link', { name: /hardly ever says wait/ }), `${full}?preset=no-aha`);
  await follow(
    frame.getByRole('link', { name: 'Open in the playground' }),
    `${full}?preset=first-lesson&seed=7#learn/aha`,
  );
  await expect(frame.getByRole('heading', { level: 2 }).first()).toHaveText('The aha'); // the frame stays
});

test('fits 320 px and has no accessibility fault that axe can find', async ({ page }) => {
  test.setTimeout(60_000);
  await page.route('**/recorded-aha.json', (route) => route.fulfill({ json: simulatedRecording() }));
  await page.setViewportSize({ width: 320, height: 640 });
  for (const { id } of VIEWS.filter(({ section }) => section === null || section === 'zero')) {
    await page.goto(`./?embed=${id}`);
    await expect(page.getByRole('heading', { level: 2 }).first()).toBeVisible();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow, id).toBeLessThanOrEqual(0);
    if (id === 'group') continue; // the test of the page does that, which takes long
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((fault) => `${fault.id}: ${fault.nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
  }
});

test('is offered in the form, as HTML with the settings of the form', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.route('**/recorded-aha.json', (route) => route.fulfill({ json: simulatedRecording() }));
  await page.goto('./?seed=7&beta=0');
  await page.getByRole('button', { name: 'Embed in a page' }).click();
  const dialog = page.getByRole('dialog', { name: 'Embed in a page' });
  await dialog.getByRole('combobox', { name: 'What to show' }).selectOption('The curves');
  await dialog.getByRole('button', { name: 'Copy' }).click();
  await expect(dialog.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('?embed=curves&amp;seed=7&amp;beta=0"');
});
