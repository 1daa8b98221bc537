// A run leaves as a zip, comes back and goes on; what is damaged changes nothing. By files, by a folder and by dropping.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { unzipSync } from 'fflate';
import { simulatedRecording } from '../ui/simulated-run.ts';

const SMALL = './?preset=light-lesson&seed=5&steps=4&promptsPerStep=2&numGenerations=4&maxCompletionLength=24';
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const opened = (page: Page) => page.getByRole('region', { name: 'Open a model or run' });
const progress = (page: Page) => page.getByRole('region', { name: 'Progress' });

/** Drops a file on the middle of the page, as a mouse does. */
async function drop(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([file, data]) => {
      const held = new DataTransfer();
      held.items.add(new File([Uint8Array.from(atob(data), (byte) => byte.charCodeAt(0))], file));
      return held;
    },
    [name, Buffer.from(bytes).toString('base64')] as const,
  );
  await page.dispatchEvent('main', 'dragover', { dataTransfer: transfer });
  await expect(page.getByText('Drop a zip or a folder to open it')).toBeVisible();
  await page.dispatchEvent('main', 'drop', { dataTransfer: transfer });
  await expect(page.getByText('Drop a zip or a folder to open it')).toHaveCount(0);
}

async function exportZip(page: Page): Promise<Buffer> {
  const download = page.waitForEvent('download');
  await button(page, 'Export weights').click();
  return readFile(await (await download).path());
}

test('a run is exported, opened on a new page and goes on; a corrupt zip leaves it as it was', async ({
  page,
}, info) => {
  test.setTimeout(180_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(SMALL);
  await button(page, 'Start').click();
  await button(page, 'Pause').click({ timeout: 60_000 });
  await expect(button(page, 'Resume')).toBeVisible({ timeout: 60_000 });
  const stoppedAt = Number(/Step (\d+) of/.exec(await progress(page).innerText())?.[1]);
  const zip = await exportZip(page);

  // As a dropped zip, on a page that stands at other settings.
  await page.goto('./?preset=aha');
  await drop(page, 'stopped.zip', zip);
  await expect(opened(page)).toContainText(`It holds a run of “Light lesson”, after step ${stoppedAt} of 4`);
  await button(page, 'Go on to step 4').click();
  await expect(page.getByRole('radio', { name: 'Light lesson' })).toBeChecked();
  await expect(page.getByRole('textbox', { name: 'Seed' })).toHaveValue('5');
  await expect(progress(page)).toContainText('Finished', { timeout: 120_000 });
  await expect(progress(page)).toContainText('Step 4 of 4');
  await expect(page.getByRole('img', { name: /^Reward: reward .* now\.$/ })).toBeVisible();
  const finished = await exportZip(page);

  // Damage is told by name, and neither the run nor what was opened changes.
  const damaged = Buffer.from(zip);
  damaged[Math.floor(zip.length / 2)]! ^= 1;
  for (const [name, bytes, reason] of [
    ['damaged.zip', damaged, /has another checksum than it announces/],
    ['half.zip', zip.subarray(0, zip.length / 2), /must be a whole zip/],
    ['notes.txt', Buffer.from('no model'), /must be a whole zip/],
  ] as const) {
    await drop(page, name, bytes);
    await expect(page.getByRole('alert').filter({ hasText: `${name} was not opened` })).toContainText(reason);
    await expect(opened(page)).toContainText('stopped');
    await expect(progress(page)).toContainText('Step 4 of 4');
  }
  const weights = (from: Buffer): string =>
    Buffer.from(Object.entries(unzipSync(from)).find(([path]) => path.endsWith('model.safetensors'))![1]).toString(
      'base64',
    );
  expect(weights(await exportZip(page)) === weights(finished), 'the same weights as before').toBe(true);

  // As an unpacked folder: nothing is left to do, so that it goes on for as many steps again.
  const folder = info.outputPath('my-run');
  for (const [path, bytes] of Object.entries(unzipSync(finished))) {
    const file = join(folder, path.slice(path.indexOf('/') + 1));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
  const chooser = page.waitForEvent('filechooser');
  await button(page, 'Open a folder').click();
  await (await chooser).setFiles(folder);
  await expect(opened(page)).toContainText('after step 4 of 4');
  await expect(button(page, 'Go on to step 8')).toBeEnabled();
  expect(faults).toEqual([]);
});

test('a base model from elsewhere begins a new run, and can be closed', async ({ page }) => {
  await page.goto(SMALL);
  const chooser = page.waitForEvent('filechooser');
  await button(page, 'Open files').press('Enter');
  const model = join(import.meta.dirname, '../../models/countdown-easy');
  await (await chooser).setFiles(['config.json', 'tokenizer.json', 'model.safetensors', 'README.md'].map((file) => join(model, file))); // prettier-ignore
  await expect(opened(page)).toContainText('It holds no run that could go on; a new one can begin with it.');
  await expect(page.getByRole('checkbox', { name: 'Start a new run with these weights' })).toBeChecked();
  await expect(page.getByText('Choose, then press Start: it begins with the opened model.')).toBeVisible();
  await opened(page).getByRole('link', { name: 'Try' }).click();
  await expect(page.getByRole('option', { name: 'Opened: model' }).first()).toBeAttached();
  await page.getByRole('link', { name: 'Play' }).click();
  await button(page, 'Close model').press('Enter');
  await expect(page.getByText('Choose, then press Start.')).toBeVisible();

  const again = page.waitForEvent('filechooser');
  await button(page, 'Open files').click();
  await (await again).setFiles([join(model, 'config.json')]);
  await expect(page.getByRole('alert').filter({ hasText: 'config.json was not opened' })).toContainText('but tokenizer.json is missing'); // prettier-ignore
});

for (const [colorScheme, width] of [
  ['light', 1440],
  ['dark', 390],
] as const) {
  // prettier-ignore
  test(`has no accessibility fault that axe can find, ${colorScheme}, ${width} px`, async ({ page }) => {
    await page.route('**/recorded-aha.json', (route) => route.fulfill({ json: simulatedRecording() }));
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.goto('./');
    if (width < 760) await page.getByRole('tab', { name: 'Set up' }).click();
    const chooser = page.waitForEvent('filechooser');
    await button(page, 'Open files').click();
    const model = join(import.meta.dirname, '../../models/countdown-easy');
    await (await chooser).setFiles(['config.json', 'tokenizer.json', 'model.safetensors'].map((file) => join(model, file)));
    await expect(opened(page)).toContainText('Start a new run with these weights');
    await drop(page, 'a-file-with-a-long-name-that-somebody-downloaded-twice (2).zip', new Uint8Array(100));
    await expect(page.getByRole('alert').filter({ hasText: 'was not opened' })).toBeVisible();
    const { violations } = await new AxeBuilder({ page }).include('#setup-panel').analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    if (process.env['SHOTS']) await page.screenshot({ path: `${process.env['SHOTS']}/import-${width}-${colorScheme}.png` });
  });
}
