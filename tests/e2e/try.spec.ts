// The Try page with the real transformers.js and ONNX Runtime: answers that stream, stop and vote, two models, and the visitor's run.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Locator, type Page } from '@playwright/test';

const SMALL = 'Base of easy countdown, small';
const RARE = 'Base of easy countdown that rarely says wait';

const VERDICT = /^(Right: .* solves |Wrong: |Cut off after )/;

/** Loading ONNX Runtime takes its time on a busy machine. */
const SOON = { timeout: 30_000 };

async function open(page: Page): Promise<void> {
  await page.goto('./#try');
  await expect(page.getByRole('heading', { level: 2, name: 'Try the model' })).toBeVisible();
  await page.getByRole('radio', { name: 'Countdown, easy' }).check({ force: true });
  await page.getByRole('combobox', { name: 'Model', exact: true }).selectOption({ label: SMALL });
}

const problem = (page: Page): Locator => page.getByRole('textbox', { name: /^Problem/ });
const button = (page: Page, name: string): Locator => page.getByRole('button', { name, exact: true });
const answers = (page: Page, title: string): Locator =>
  page.getByRole('list', { name: `Answers of ${title}` }).getByRole('listitem');

/** Lengths of the answer's text as it grows; with `stopAt`, what has the focus is clicked once the text is as long. */
async function watchGrowth(page: Page, stopAt = Infinity): Promise<() => Promise<number[]>> {
  await page.evaluate((most) => {
    const lengths: number[] = [];
    Reflect.set(window, 'lengths', lengths);
    new MutationObserver(() => {
      const length = document.querySelector('ol[aria-label^="Answers of"] p')?.textContent.trim().length ?? 0;
      if (length > (lengths.at(-1) ?? 0)) lengths.push(length);
      if (length < most) return;
      most = Infinity;
      (document.activeElement as HTMLElement).click();
    }).observe(document.body, { subtree: true, childList: true });
  }, stopAt);
  return () => page.evaluate(() => Reflect.get(window, 'lengths') as number[]);
}

test('streams an answer and judges it; only then ONNX Runtime is fetched, and nothing from another origin', async ({
  page,
  baseURL,
}) => {
  const requests: URL[] = [];
  page.on('request', (request) => requests.push(new URL(request.url())));
  const wasm = (): URL[] => requests.filter(({ pathname }) => pathname.endsWith('.wasm'));
  const objections: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') objections.push(message.text());
  });
  await open(page);
  await expect(page).toHaveTitle(/^Try the model/);

  await problem(page).fill('3,5,7>x');
  await expect(problem(page)).toHaveAccessibleDescription(/^✕ Cannot ask: “x” is no token of the model/);
  await expect(button(page, 'Answer')).toBeDisabled();
  await button(page, 'Draw a held-out problem').click();
  await expect(problem(page)).toHaveAccessibleDescription(/^Read as \d \d \d → \d+\.$/);
  expect(wasm()).toEqual([]);

  const lengths = await watchGrowth(page);
  await problem(page).press('Enter');
  await expect(page.getByText(VERDICT)).toBeVisible(SOON);
  expect((await lengths()).length).toBeGreaterThan(4);
  await expect(button(page, 'Answer')).toBeEnabled();
  expect(wasm()).toHaveLength(1);
  const elsewhere = requests.filter(
    ({ protocol, origin }) => protocol !== 'data:' && origin !== new URL(baseURL!).origin,
  );
  expect([elsewhere, objections]).toEqual([[], []]);
});

test('stops where it is, with the button that started it', async ({ page }) => {
  await open(page);
  await watchGrowth(page, 1);
  await button(page, 'Answer').click();
  await expect(page.getByText(/^Stopped after \d+ tokens?, before it came to an answer\.$/)).toBeVisible(SOON);
  await expect(button(page, 'Answer')).toBeFocused();
});

test('lets several answers of two models vote side by side, and measures what more of them are worth', async ({
  page,
}) => {
  test.setTimeout(120_000);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await open(page);
  await page.getByRole('combobox', { name: 'Beside it' }).selectOption({ label: RARE });
  await page.getByRole('checkbox', { name: 'Slow enough to read along' }).uncheck();
  await page.getByRole('combobox', { name: 'Answers', exact: true }).selectOption('4');
  await button(page, 'Answer').click();
  for (const title of [SMALL, RARE])
    await expect(answers(page, title).getByRole('img', { name: /^(right|wrong)$/ })).toHaveCount(4, SOON);
  await expect(page.getByText(/^(The majority says|The vote is tied between) /)).toHaveCount(2);
  await expect(page.getByRole('table', { name: /^The vote/ })).toHaveCount(2);

  await page.getByRole('combobox', { name: 'Problems', exact: true }).selectOption('8');
  await page.getByRole('combobox', { name: 'Answers to each' }).selectOption('4');
  await button(page, 'Measure').click();
  await expect(button(page, 'Measure')).toBeEnabled({ timeout: 60_000 });
  await expect(
    page.getByText(/^Countdown, easy, temperature 1\.0\. .*: 8 held-out problems, 32 answers of /),
  ).toBeVisible();
  await page.getByText('The figures').click();
  await expect(page.getByRole('row', { name: /^4( \d+% ± \d+%){4}$/ })).toBeVisible();

  for (const [colorScheme, width] of [
    ['light', 360],
    ['dark', 1440],
  ] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 900 });
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((fault) => `${fault.id}: ${fault.nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  }
});

test('opens the weights of the visitor’s run as they are exported, and keeps the answers while the visitor is elsewhere', async ({
  page,
}) => {
  test.setTimeout(120_000);
  await page.goto('./?preset=light-lesson&steps=1&promptsPerStep=1&numGenerations=4&maxCompletionLength=16');
  await button(page, 'Start').click();
  await expect(page.getByRole('region', { name: 'Progress' })).toContainText('Finished', { timeout: 90_000 });
  await page.getByRole('link', { name: 'Try' }).click();
  await page.getByRole('checkbox', { name: 'Slow enough to read along' }).uncheck();
  await button(page, 'Answer').click();
  const verdict = page.getByText(VERDICT);
  await expect(verdict).toBeVisible(SOON);
  await expect(answers(page, 'Your run, step 1')).toHaveCount(1);
  await page.getByRole('link', { name: 'Learn' }).click();
  await page.getByRole('link', { name: 'Try' }).click();
  await expect(verdict).toBeVisible();
});
