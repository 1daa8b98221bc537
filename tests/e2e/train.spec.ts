// A real run in the real worker, on whatever adapter there is; small enough for a software one.
import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { strFromU8, unzipSync } from 'fflate';

const SMALL = './?preset=light-lesson&steps=8&promptsPerStep=2&numGenerations=4&maxCompletionLength=24';

test('trains, pauses, steps, exports weights that load, and starts over', async ({ page }) => {
  test.setTimeout(180_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(SMALL);
  const progress = page.getByRole('region', { name: 'Progress' });
  const button = (name: string) => page.getByRole('button', { name, exact: true });

  await button('Start').click();
  await expect(page.getByText('Fixed for this run, until you reset it.')).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Learning rate' })).toBeDisabled();

  // Answers stream.
  await expect(page.getByRole('list', { name: 'Answers' }).getByRole('listitem')).toHaveCount(4, { timeout: 60_000 });
  await expect(page.getByRole('heading', { level: 2, name: /→/ })).toBeVisible();

  // Paused, single steps advance by one each.
  await button('Pause').click();
  await expect(button('Resume')).toBeVisible({ timeout: 30_000 });
  const shownStep = async (): Promise<number> => Number(/Step (\d+) of/.exec(await progress.innerText())?.[1]);
  const before = await shownStep();
  await button('Step').click();
  await expect.poll(shownStep, { timeout: 30_000 }).toBe(before + 1);
  await expect(button('Resume')).toBeVisible();

  // Where the time of a step goes, with its kernels while that is looked at.
  await page.getByRole('tab', { name: 'Time' }).click();
  const time = page.getByRole('region', { name: 'Where does the time go?' });
  await expect(time).toContainText(/A step takes .*Sampling.*Rewards.*Training.*Evaluation.*Everything else/s);
  await expect(time).toContainText(/dispatches in .* submits a step, .* MiB on the GPU/);
  await button('Step').click();
  const kernels = time.getByRole('list', { name: 'Training on the GPU' }).getByRole('listitem');
  await expect(kernels.filter({ hasText: 'Matrix products, backward' })).toHaveText(/\d m?s$/, { timeout: 30_000 });
  await page.getByRole('tab', { name: 'The story' }).click();

  // The export is a model folder that reads back.
  const download = page.waitForEvent('download');
  await button('Export weights').click();
  const files = unzipSync(await readFile(await (await download).path()));
  const weights = Object.entries(files).find(([name]) => name.endsWith('model.safetensors'))?.[1];
  if (!weights) throw new Error(`expected model.safetensors in the zip, but it holds ${Object.keys(files).join(', ')}`);
  const headerBytes = Number(new DataView(weights.buffer, weights.byteOffset).getBigUint64(0, true));
  expect(JSON.parse(strFromU8(weights.subarray(8, 8 + headerBytes)))).toHaveProperty(
    ['model.norm.weight', 'dtype'],
    'F32',
  );

  // To the end: the curves hold every step.
  await button('Resume').click();
  await expect(progress).toContainText('Finished', { timeout: 60_000 });
  await expect(progress).toContainText('Step 8 of 8');
  await expect(page.getByRole('img', { name: /^Reward: reward .* now\.$/ })).toBeVisible();
  await page.getByRole('tab', { name: 'Under the hood' }).click();
  await expect(page.getByRole('img', { name: /^Gradient norm: norm .* now\.$/ })).toBeVisible();

  // What is exported in half precision is checked in ONNX Runtime, too.
  await page.getByRole('button', { name: 'Export format' }).click();
  await page.getByText('Half precision').click();
  await button('Close').click();
  const secondDownload = page.waitForEvent('download');
  await button('Export weights').click();
  const half = unzipSync(await readFile(await (await secondDownload).path()));
  const paths = Object.keys(half).map((path) => path.split('/').slice(1).join('/'));
  expect(paths).toEqual(expect.arrayContaining(['onnx/model.onnx', 'curves.png', 'README.md']));
  expect(paths).not.toContain('run/state.json');
  const sizeOf = (zip: typeof files): number =>
    Object.entries(zip).find(([path]) => /[/]model[.]safe/.test(path))![1].length;
  expect(sizeOf(half)).toBeLessThan(0.6 * sizeOf(files));
  const verified = /Verified: ONNX Runtime gives the same \d+ answers, log-probs within \d/;
  await expect(page.getByText(verified)).toBeVisible({ timeout: 60_000 });

  await button('Reset').click();
  await expect(button('Start')).toBeEnabled();
  await expect(page.getByRole('textbox', { name: 'Learning rate' })).toBeEnabled();
  expect(faults).toEqual([]);
});
