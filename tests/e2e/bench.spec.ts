// The benchmark of the address `?bench`, as small as it gets, on whatever adapter there is.
import { readFile } from 'node:fs/promises';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';

test('measures in the page and gives its figures as text and as a file', async ({ page, context }) => {
  test.setTimeout(240_000);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('./?bench&small');
  await expect(page).toHaveTitle('Benchmark of the GRPO Playground');
  await page.getByRole('checkbox', { name: 'Time to the aha' }).uncheck();
  await page.getByRole('button', { name: 'Start the benchmark' }).click();
  await expect(page.getByRole('checkbox', { name: 'Growth' })).toBeDisabled();
  await expect(page.getByRole('progressbar', { name: 'Benchmark' })).toBeVisible();

  const figures = page.getByRole('region', { name: 'Figures' });
  await expect(figures.getByRole('table', { name: /^Reference step/ })).toBeVisible({ timeout: 180_000 });
  await expect(figures.getByRole('table', { name: /^Growth with the batch/ })).toBeVisible();
  await expect(figures.getByRole('row', { name: /^sampling [\d.,]+ ms [\d.,]+ tokens\/s$/ })).toBeVisible();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

  await page.getByRole('button', { name: 'Copy as text' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('Reference step: 16 wide');

  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download as JSON' }).click();
  const saved = JSON.parse(await readFile(await (await download).path(), 'utf8')) as Record<string, unknown>;
  expect(saved).toMatchObject({ engine: 'grpo-playground', scale: 'tiny', reference: { repeats: 2 }, aha: null });

  await page.getByRole('link', { name: 'Back to the GRPO Playground' }).click();
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeVisible();
});

test('can be stopped, and fits a narrow screen', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 800 });
  await page.goto('./?bench');
  await page.getByRole('button', { name: 'Start the benchmark' }).click();
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByRole('button', { name: 'Start the benchmark' })).toBeVisible();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
});
