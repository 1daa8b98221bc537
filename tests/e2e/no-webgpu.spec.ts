// A browser that offers WebGPU but finds no adapter, as Chromium does on a machine without a GPU and without the flag.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { BROWSER_ARGS, findBrowser } from '../browser.mjs';
import { simulatedRecording } from '../ui/simulated-run.ts';

const browser = findBrowser();
test.use({
  launchOptions: {
    args: BROWSER_ARGS.filter((flag) => flag !== '--enable-unsafe-webgpu'),
    ...(browser && { executablePath: browser }),
  },
});

test('without an adapter the page says what to do in this browser, and plays the recorded run', async ({ page }) => {
  test.setTimeout(120_000);
  await page.route('**/recorded-aha.json', (route) => route.fulfill({ json: simulatedRecording() }));
  await page.goto('./');
  const note = page.getByRole('note').filter({ hasText: 'No WebGPU here' });
  await expect(note).toContainText('found no graphics adapter');
  await expect(note).toContainText('chrome://settings/system');
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeDisabled();
  await expect(page.getByText('Cannot start: there is no WebGPU here.')).toBeVisible();
  await expect(page.getByRole('list', { name: 'Answers' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Progress' })).toContainText('Recorded run');
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
});
