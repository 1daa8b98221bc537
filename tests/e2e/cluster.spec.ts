// "Take this run to a cluster": a folder for TRL, before anything was trained.
import { readFileSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { readZip } from '../../src/export/unzip.ts';
import { simulatedRecording } from '../ui/simulated-run.ts';

test('what the form says is downloaded as a folder for TRL, and what TRL lacks is told', async ({ page }) => {
  test.setTimeout(60_000);
  await page.route('**/recorded-aha.json', (route) => route.fulfill({ json: simulatedRecording() }));
  await page.goto('./?preset=aha&numGenerations=8&advantageEstimator=reinforce');
  await page.getByRole('button', { name: 'Take this run to a cluster' }).click();
  const dialog = page.getByRole('dialog', { name: 'Take this run to a cluster' });
  await expect(dialog).toContainText('A folder that trains what the form says');

  const coming = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Download the folder' }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toBe('trl-countdown-aha-seed1.zip');
  const files = readZip(new Uint8Array(readFileSync(await download.path())));
  const text = (path: string): string => new TextDecoder().decode(files.get(path));
  expect(text('grpo.yaml')).toContain('\nnum_generations: 8\n');
  expect(text('train.py')).toContain('GRPOTrainer');
  expect(files.get('model/model.safetensors')?.length).toBeGreaterThan(1e6);

  const told = 'GRPOTrainer has no estimator but the group mean.';
  await expect(dialog.getByRole('status')).toContainText('Downloaded trl-countdown-aha-seed1.zip');
  await expect(dialog.getByRole('definition')).toContainText(told);
  expect(text('README.md')).toContain(told);
  expect((await new AxeBuilder({ page }).include('dialog[open]').analyze()).violations).toEqual([]);
});
