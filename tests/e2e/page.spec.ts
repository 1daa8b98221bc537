// The page before any training: the recorded run, the form, keyboard, screen reader, colours and widths.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { simulatedRecording } from '../ui/simulated-run.ts';

async function open(page: Page, address = './'): Promise<void> {
  await page.route('**/recorded-aha.json', (route) => route.fulfill({ json: simulatedRecording() }));
  await page.goto(address);
  const answers = page.getByRole('list', { name: 'Answers' });
  await expect(answers).toBeVisible();
  await expect(answers.getByRole('listbox', { includeHidden: true })).toHaveCount(16); // rows fill one after the other
}

test.describe('the recorded run', () => {
  test('plays on opening, labelled as one, and can be paused', async ({ page }) => {
    await open(page);
    await expect(
      page.getByText('Recorded run of “The aha” on Simulated GPU. Press Start to train on your own GPU.'),
    ).toBeVisible();
    await expect(page.getByRole('region', { name: 'Progress' })).toContainText('Recorded run');
    await expect(page.getByRole('region', { name: 'Progress' })).toContainText(/Step [3-9] of 250/);
    await page.getByRole('button', { name: 'Pause the recording' }).click();
    await expect(page.getByRole('button', { name: 'Play the recording' })).toBeVisible();
  });

  test('is that of the chosen preset where it has one', async ({ page }) => {
    await open(page);
    await page.getByText('Countdown, easy', { exact: true }).click();
    await expect(page.getByText('Recorded run of “First lesson”')).toBeVisible();
    await page.getByText('Addition', { exact: true }).click();
    await expect(page.getByText('Recorded run of “First lesson”')).toBeVisible();
    await page.getByText('Countdown', { exact: true }).click();
    await expect(page.getByText('Recorded run of “The aha”')).toBeVisible();
  });

  test('stands at its end where motion is not wanted', async ({ page }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await open(page);
    await expect(page.getByRole('region', { name: 'Progress' })).toContainText('Step 250 of 250');
    await expect(page.getByRole('img', { name: /^When it says wait: after a wrong try .* 8\d% now/ })).toBeVisible();
  });

  test('is not missed where there is none', async ({ page }) => {
    await page.route('**/recorded-aha.json', (route) => route.fulfill({ status: 404 }));
    await page.goto('./');
    await expect(page.getByRole('heading', { name: 'Press Start' })).toBeVisible();
    await expect(page.getByText('Recorded run')).toHaveCount(0);
  });
});

test.describe('the form', () => {
  test('names what is wrong beside the field and does not start', async ({ page }) => {
    await open(page);
    const rate = page.getByRole('textbox', { name: 'Learning rate' });
    const presetRate = await rate.inputValue();
    await rate.fill('5');
    await expect(rate).toHaveAccessibleDescription(/must be a number from 0 to 0\.1, but it is 5/);
    await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeDisabled();
    await expect(page.getByText('Cannot start: mend Learning rate.')).toBeVisible();
    await rate.fill('3e-4');
    await expect(page.getByText('Cannot start')).toHaveCount(0);
    await expect(page).toHaveURL(/\?learningRate=3e-4$/);
    await page.getByRole('button', { name: 'Back to the preset' }).click();
    await expect(rate).toHaveValue(presetRate);
    await expect(page).toHaveURL(/\/$/);
  });

  test('takes its settings from the address', async ({ page }) => {
    await open(page, './?preset=first-lesson&seed=7&beta=0');
    await expect(page.getByRole('radio', { name: 'First lesson' })).toBeChecked();
    await expect(page.getByRole('textbox', { name: 'Seed' })).toHaveValue('7');
    await expect(page.getByRole('textbox', { name: 'Pull to the base (KL)' })).toHaveValue('0');
  });

  test('says so when the address names a preset that there is not', async ({ page }) => {
    await open(page, './?preset=magic');
    await expect(page.getByText(/there is no preset "magic"/)).toBeVisible();
    await expect(page.getByRole('radio', { name: 'The aha' })).toBeChecked();
  });

  test('keeps every option one click away, with its meaning', async ({ page }) => {
    await open(page);
    await page.getByRole('button', { name: 'All options' }).click();
    const dialog = page.getByRole('dialog', { name: 'All options' });
    await expect(dialog.getByRole('combobox', { name: 'Loss type' })).toHaveAccessibleDescription(/each answer alike/);
    await dialog.getByRole('combobox', { name: 'Loss type' }).selectOption('dr_grpo');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await expect(dialog).toBeHidden();
    await expect(page).toHaveURL(/\?lossType=dr_grpo$/);
  });
});

test.describe('the keyboard', () => {
  test('chooses tasks with the arrow keys, each with its presets', async ({ page }) => {
    await open(page);
    await page.getByRole('radio', { name: 'Countdown', exact: true }).focus();
    await page.keyboard.press('ArrowDown');
    await expect(page.getByRole('radio', { name: 'First lesson' })).toBeChecked();
    await page.keyboard.press('ArrowDown');
    await expect(page.getByRole('radio', { name: 'Carry the one' })).toBeChecked();
  });

  test('reaches the tokens with one tab stop and moves among them with the arrow keys', async ({ page }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await open(page);
    await expect(page.locator('[role=option][tabindex="0"]')).toHaveCount(1);
    await page.getByRole('slider', { name: 'Step shown' }).focus();
    await page.keyboard.press('Tab');
    const focused = page.locator('[role=option]:focus');
    await expect(focused).toHaveAccessibleName(/, (pushed|hardly moved)/);
    await expect(page.getByText(/\(log-prob −?\d/)).toBeVisible();
    await page.keyboard.press('ArrowRight');
    await expect(focused).toHaveAttribute('data-token', '1');
    await page.keyboard.press('ArrowDown');
    await expect(focused).toHaveAttribute('data-token', '1');
    await page.keyboard.press('End');
    await expect(focused).toHaveAccessibleName(/^end of answer/);
  });

  test('changes tabs with the arrow keys', async ({ page }) => {
    await open(page);
    await page.getByRole('tab', { name: 'The story' }).focus();
    await page.keyboard.press('ArrowRight');
    await expect(page.getByRole('tab', { name: 'Under the hood' })).toBeFocused();
    await expect(page.getByRole('heading', { name: 'Loss', exact: true })).toBeVisible();
    await expect(page.getByText('the probability ratio is 1 in value')).toBeVisible();
  });
});

test('says of a recorded run what is known of its time', async ({ page }) => {
  await open(page);
  await page.getByRole('tab', { name: 'Time' }).click();
  await expect(page.getByRole('heading', { name: 'Where does the time go?' })).toBeVisible();
  await expect(page.getByText(/^A step took \d.* a recorded run did not keep/)).toBeVisible();
});

test('looks back at an earlier group and follows again', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await open(page);
  const step = page.getByRole('slider', { name: 'Step shown' });
  await step.fill('100');
  await expect(page.getByText('sixteen answers, step 100')).toBeVisible();
  await page.getByRole('button', { name: 'Follow the recording' }).click();
  await expect(page.getByText('sixteen answers, step 250')).toBeVisible();
});

test('sorts the group by its waits', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await open(page);
  await page.getByRole('radio', { name: 'waits' }).check({ force: true });
  const rows = page.getByRole('list', { name: 'Answers' }).getByRole('listitem');
  const inEachRow = (): Promise<number[]> =>
    rows.evaluateAll((row) => row.map((one) => one.querySelectorAll('[aria-label^="wait,"]').length));
  await expect(async () => {
    const waits = await inEachRow(); // a row after the other changes
    expect(waits).toEqual([...waits].sort((a, b) => b - a));
    expect(waits[0]).toBeGreaterThan(0);
  }).toPass();
});

test('keeps the colours that were chosen', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await open(page);
  await page.getByRole('button', { name: 'Dark colours' }).click();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Light colours' })).toBeVisible();
  await expect(page.locator('html')).toHaveCSS('color-scheme', 'dark');
});

for (const width of [360, 390, 900, 1440]) {
  test(`fits ${width} px with Start in reach`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await open(page);
    await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeInViewport();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });
}

for (const [colorScheme, width] of [
  ['dark', 390],
  ['light', 1440],
] as const) {
  test(`has no accessibility fault that axe can find, ${colorScheme}, ${width} px`, async ({ page }) => {
    test.setTimeout(120_000);
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await open(page);
    const faults = async (part: string): Promise<string[]> => {
      const { violations } = await new AxeBuilder({ page }).include(part).analyze();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    };
    expect(await faults('body')).toEqual([]);
    const tabs = width < 760 ? { 'Set up': '#setup-panel', Curves: '#curves-panel' } : {};
    const curves = { 'Under the hood': '#curves-panel', Time: '#curves-panel' };
    for (const [tab, part] of Object.entries({ ...tabs, ...curves })) {
      await page.getByRole('tab', { name: tab }).click();
      expect(await faults(part)).toEqual([]);
    }
  });
}
