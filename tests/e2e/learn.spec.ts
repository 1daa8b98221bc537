// The Learn page on a made-up recorded run: navigation, every section, keyboard, links to the playground and back, widths, colours.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { DISTILLED, R1_AGAINST_O1 } from '../../src/ui/learn/facts.ts';
import { SECTIONS } from '../../src/ui/learn/sections.ts';
import { percent } from '../../src/ui/state/sentences.ts';
import type { StoryTable } from '../../src/worker/experiment-client.ts';
import { keptExperiments } from '../ui/learn-rows.ts';
import { simulatedRecording } from '../ui/simulated-run.ts';

const STORY = JSON.parse(readFileSync(join(import.meta.dirname, '../../public/story.json'), 'utf8')) as StoryTable;

/** Results of experiments, as an earlier visit left them. */
async function withResults(page: Page): Promise<void> {
  await page.addInitScript((kept) => {
    for (const [key, text] of Object.entries(kept)) localStorage.setItem(key, text);
  }, keptExperiments());
}

async function open(page: Page, section: string): Promise<void> {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.route('**/recorded-aha.json', (route) => route.fulfill({ json: simulatedRecording() }));
  await page.goto(`./#learn/${section}`);
  await expect(page.getByRole('heading', { level: 2, name: title(section) })).toBeVisible();
}

const title = (section: string): string => SECTIONS.find(({ id }) => id === section)?.title ?? '';

/** So that an experiment takes as long on a GPU as it may in a test. */
async function quickLook(page: Page): Promise<void> {
  const box = page.getByRole('checkbox', { name: /^A quick look/ });
  // On a software adapter it ticks itself, and then is fixed, as soon as the adapter is known.
  await expect(async () => {
    if (!(await box.isChecked())) await box.check({ timeout: 500 });
  }).toPass();
}

test.describe('the way there and back', () => {
  test('leads from the playground through the sections and back, without loss', async ({ page }) => {
    await page.route('**/recorded-aha.json', (route) => route.fulfill({ json: simulatedRecording() }));
    await page.goto('./?seed=7');
    await page.getByRole('link', { name: 'Learn' }).click();
    await expect(page.getByRole('heading', { level: 2, name: title('aha') })).toBeVisible();
    await expect(page).toHaveTitle(/The aha/);
    await page.getByRole('link', { name: /^Next: / }).click();
    await expect(page.getByRole('heading', { level: 2, name: SECTIONS[1].title })).toBeFocused();
    await page.goBack();
    await expect(page.getByRole('heading', { level: 2, name: title('aha') })).toBeVisible();
    await page.getByRole('link', { name: 'Play', exact: true }).click();
    await expect(page.getByRole('textbox', { name: 'Seed' })).toHaveValue('7');
    await expect(page).toHaveTitle('GRPO Playground');
  });

  test('opens the section that the address names, and the first where there is none of the name', async ({ page }) => {
    await open(page, 'quiz');
    await expect(page.getByRole('navigation', { name: 'Sections' }).locator('[aria-current]')).toHaveText(/Predict/);
    await page.goto('./#learn/nowhere');
    await expect(page.getByRole('heading', { level: 2, name: title('aha') })).toBeVisible();
  });

  test('says so where the page cannot be loaded', async ({ page }) => {
    await page.route('**/assets/Learn-*.js', (route) => route.abort());
    await page.goto('./#learn');
    await expect(page.getByRole('alert')).toContainText('could not be loaded');
  });
});

test.describe('the aha', () => {
  test('shows R1-Zero beside the run at hand, with sources', async ({ page }) => {
    await open(page, 'aha');
    await expect(page.getByRole('img', { name: /^R1-Zero: problems solved: solved 15\.6% at step 200/ })).toBeVisible();
    await expect(page.getByRole('img', { name: /^When it says wait: after a wrong try/ })).toBeVisible();
    await expect(page.getByRole('link', { name: 'DeepSeek-R1, figure 2' })).toHaveAttribute(
      'href',
      /DeepSeek_R1\.pdf$/,
    );
  });

  test('loads the counter-example into the playground', async ({ page }) => {
    await open(page, 'aha');
    await page.getByRole('link', { name: /hardly ever says wait/ }).click();
    await expect(page.getByRole('radio', { name: 'No aha' })).toBeChecked();
    await expect(page).toHaveURL(/\?preset=no-aha#play$/);
  });
});

test.describe('the experiments', () => {
  test('pretrain a base in view, train it, and tell the outcome', async ({ page }) => {
    test.setTimeout(240_000);
    await open(page, 'aha');
    await page.getByRole('slider', { name: 'Wait prior' }).press('End');
    await quickLook(page);
    await page.getByRole('button', { name: 'Pretrain and train at 0.2' }).click();
    await expect(page.getByRole('progressbar', { name: /^pretraining, prior 0\.2/ })).toBeVisible({ timeout: 60_000 });
    await expect(page.getByRole('img', { name: /^GRPO at 0\.2/ })).toBeVisible({ timeout: 120_000 });
    await expect(page.getByText(/^Prior 0\.2\. .* It solves \d+%, \d+% before\.$/)).toBeVisible({ timeout: 120_000 });
    await expect(page.getByText(/Measured on .*, one seed\./)).toBeVisible();
    await page.reload();
    await expect(page.getByText(/^Prior 0\.2\./)).toBeVisible();
    await page.getByRole('button', { name: 'Forget the results' }).click();
    await expect(page.getByText(/^Prior 0\.2\./)).toHaveCount(0);
  });

  test('go on while the visitor is elsewhere, one at a time, and stop when told to', async ({ page }) => {
    await open(page, 'aha');
    await quickLook(page);
    await page.getByRole('button', { name: /^All four/ }).click();
    await page.getByRole('link', { name: 'Without a critic' }).click();
    await expect(page.getByText('Another experiment of this page has the GPU')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Compare the four' })).toBeDisabled();
    await page.getByRole('link', { name: 'The aha' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect(page.getByRole('button', { name: /^Pretrain and train/ })).toBeEnabled();
  });

  test('evaluate the models of this page, and keep what was measured', async ({ page }) => {
    test.setTimeout(240_000);
    await open(page, 'benchmarks');
    await quickLook(page);
    await page.getByRole('button', { name: /^Evaluate every base model/ }).click();
    await expect(page.getByRole('row', { name: /^base addition \d+% \d+% \d+%$/ })).toBeVisible({ timeout: 180_000 });
    await page.reload();
    await expect(page.getByRole('row', { name: /^base addition/ })).toBeVisible();
    await expect(page.getByRole('row', { name: /^recorded run, aha, step 250/ })).toBeVisible();
  });

  test('train R1-Zero and R1 from the same base, and let their answers be read', async ({ page }) => {
    test.setTimeout(240_000);
    await open(page, 'zero');
    await quickLook(page);
    await page.getByRole('slider', { name: 'Cold-start traces' }).press('Home');
    await page.getByRole('slider', { name: 'Cold-start traces' }).press('ArrowRight');
    await page.getByRole('button', { name: 'Train both' }).click();
    await expect(page.getByRole('progressbar', { name: /^R1-Zero/ })).toBeVisible({ timeout: 60_000 });
    const measured = page.getByRole('region', { name: 'On held-out problems of countdown' });
    await expect(measured.getByRole('row', { name: /^R1 \d+% \d+%/ })).toBeVisible({ timeout: 180_000 });
    for (const model of ['base', 'R1-Zero', 'cold start'])
      await expect(measured.getByRole('row', { name: new RegExp(`^${model} \\d+%`) })).toBeVisible();
    await expect(page.getByRole('heading', { name: /→/ })).toHaveCount(6); // these, and those of the project
  });

  test('train PPO with its critic beside the three without one', async ({ page }) => {
    test.setTimeout(240_000);
    await open(page, 'critic');
    await quickLook(page);
    await page.getByRole('button', { name: 'Compare the four' }).click();
    const gains = page.getByRole('region', { name: 'What each gains and costs' });
    await expect(gains.getByRole('row', { name: /^PPO \d/ })).toBeVisible({ timeout: 180_000 });
    for (const name of ['GRPO', 'RLOO', 'REINFORCE'])
      await expect(gains.getByRole('row', { name: new RegExp(`^${name} \\d.*–.*–`) })).toBeVisible();
    await expect(page.getByRole('img', { name: /^Reward by wall time/ })).toBeVisible();
  });

  test('run two stages in another order, and say what each changed and what the plan leaves out', async ({ page }) => {
    test.setTimeout(240_000);
    await open(page, 'pipeline');
    await quickLook(page);
    await page.getByRole('button', { name: 'Cold start later' }).click();
    for (const name of ['Rejection sampling', 'RL for everything'])
      await page.getByRole('checkbox', { name }).uncheck();
    await page.getByRole('button', { name: 'Run the 2 stages' }).click();
    await expect(page.getByRole('row', { name: /^2 Cold start \d+%/ })).toHaveCount(2, { timeout: 180_000 });
    await expect(page.getByText(/^2 Cold start: /)).toBeVisible();
    await expect(
      page.getByText(/^This run, without rejection sampling and RL for everything, in another order, came to \d+%/),
    ).toBeVisible();
  });

  test('make a teacher and two students of it', async ({ page }) => {
    test.setTimeout(240_000);
    await open(page, 'distill');
    await quickLook(page);
    await page.getByRole('button', { name: 'Train teacher and students' }).click();
    const students = page.getByRole('region', { name: 'The student on held-out problems of countdown' });
    await expect(students.getByRole('row', { name: /^RL alone \d+%/ })).toBeVisible({ timeout: 180_000 });
    await expect(page.getByText(/^Each of the two took .* trillion floating-point operations/)).toBeVisible();
  });

  test('let the stages of R1 be left out and put in another order', async ({ page }) => {
    await open(page, 'pipeline');
    const plan = page.getByRole('list', { name: 'Order of the stages' });
    await page.getByRole('button', { name: 'Cold start later' }).click();
    await expect(plan.getByRole('listitem').first()).toContainText('Reasoning RL');
    await plan.getByRole('checkbox', { name: 'Reasoning RL' }).uncheck();
    await expect(page.getByRole('button', { name: 'Run the 3 stages' })).toBeVisible();
    for (const name of ['Cold start', 'Rejection sampling', 'RL for everything'])
      await plan.getByRole('checkbox', { name }).uncheck();
    await expect(page.getByRole('button', { name: 'Run the 0 stages' })).toBeDisabled();
  });

  test('stand beside what the project measured over several seeds', async ({ page }) => {
    const solved = (name: string): string => {
      const { mean, least, most } = STORY.models.find(({ model }) => model === name)!.scores.countdown!.accuracy;
      const [low, high] = [percent(least), percent(most)];
      return low === high ? percent(mean) : `${percent(mean)} (${low}–${high})`;
    };
    await open(page, 'zero');
    await expect(page.getByRole('heading', { name: 'As the project measured it' })).toBeVisible();
    await expect(page.getByRole('row', { name: `R1-Zero ${solved('r1-zero')}` })).toBeVisible();
    await expect(page.getByRole('row', { name: `R1 ${solved('reasoning-rl')}` })).toBeVisible();
    await expect(page.getByRole('heading', { name: /→/ })).toHaveCount(3);
    await page.goto('./#learn/pipeline');
    await expect(page.getByRole('row', { name: `RL for everything ${solved('all-tasks-rl')}` })).toBeVisible();
    await page.goto('./#learn/distill');
    await expect(page.getByRole('row', { name: `distilled ${solved('student-distilled')}` })).toBeVisible();
    await page.goto('./#learn/critic');
    await expect(page.getByRole('row', { name: /^PPO \d+%/ })).toBeVisible();
  });

  test('show what each has measured', async ({ page }) => {
    await withResults(page);
    await open(page, 'zero');
    await expect(page.getByRole('row', { name: /^R1-Zero 40% 70%/ })).toBeVisible();
    await page.goto('./#learn/critic');
    await expect(page.getByRole('row', { name: /^PPO 0\.30 0\.70 60% 0\.50 s 0\.15 s 180\.0 60\.0/ })).toBeVisible();
    await page.goto('./#learn/pipeline');
    await expect(page.getByRole('row', { name: /^4 RL for everything 80%/ })).toHaveCount(2);
    await page.goto('./#learn/distill');
    await expect(page.getByText('Each of the two took 4.00 trillion floating-point operations')).toBeVisible();
    await page.goto('./#learn/aha');
    await expect(page.getByText(/^Prior 0\.2\. It learnt when to wait/)).toBeVisible();
  });
});

test('a link to an experiment does not take away a run that is under way', async ({ page }) => {
  await page.goto('./?preset=light-lesson');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('link', { name: 'Learn' }).click();
  await page.getByRole('link', { name: /hardly ever says wait/ }).click();
  await expect(page.getByRole('alert')).toContainText('Your run is still under way');
  await expect(page).toHaveURL(/\?preset=light-lesson#learn$/);
});

test.describe('the formula', () => {
  test('explains a symbol that has the focus, with its value and its line of WGSL', async ({ page }) => {
    await open(page, 'formula');
    const card = page.getByRole('region', { name: 'The chosen symbol' });
    await page.getByRole('button', { name: 'J, the objective' }).focus();
    await expect(card.getByRole('heading')).toHaveText('J, the objective');
    await page.keyboard.press('Tab');
    await expect(card.getByRole('heading')).toHaveText('theta, the weights');
    await expect(card).toContainText('643,000 of them');
    await expect(card).toContainText(/shaders\/adamw\.wgsl, line \d+/);
  });

  test('shows what the pointer is on, and goes back to what was clicked', async ({ page }) => {
    await open(page, 'formula');
    const heading = page.getByRole('region', { name: 'The chosen symbol' }).getByRole('heading');
    await page.getByRole('button', { name: 'r, the reward' }).click();
    await page.getByRole('button', { name: 'beta, the pull to the base' }).hover();
    await expect(heading).toHaveText('beta, the pull to the base');
    await page.getByRole('heading', { level: 2 }).hover();
    await expect(heading).toHaveText('r, the reward');
  });

  test('fills in the answer that is chosen', async ({ page }) => {
    await open(page, 'formula');
    await page.getByRole('combobox', { name: 'Answer' }).selectOption('4');
    await page.getByRole('button', { name: 'r, the reward' }).click();
    await expect(page.getByRole('region', { name: 'The chosen symbol' })).toContainText(/Answer 5: accuracy .* = /);
  });

  test('works out a group by hand', async ({ page }) => {
    await open(page, 'formula');
    const first = page.getByRole('row').filter({ has: page.getByRole('slider', { name: 'Reward of answer 1' }) });
    await page.getByRole('button', { name: 'One right' }).click();
    await expect(first).toContainText('−0.35'); // 0.1 among seven of 0.1 and one of 1.1
    await page.getByRole('slider', { name: 'Reward of answer 1' }).fill('1.1');
    await expect(first).toContainText('+1.62');
    await page.getByRole('radio', { name: 'none' }).check({ force: true });
    await expect(first).toContainText('+0.75');
    await page.getByRole('button', { name: 'All right' }).click();
    await expect(page.getByRole('status').filter({ hasText: 'teaches nothing' })).toBeVisible();
  });
});

test.describe('the benchmarks', () => {
  test('show every figure of the facts', async ({ page }) => {
    await open(page, 'benchmarks');
    const chart = page.getByRole('img', { name: /^DeepSeek-R1 and OpenAI o1-1217/ });
    for (const { r1, o1 } of R1_AGAINST_O1.scores)
      await expect(chart).toHaveAccessibleName(new RegExp(`DeepSeek-R1 ${r1}%, o1-1217 ${o1}%`));
    await page.getByRole('link', { name: 'a section of their own' }).click();
    await page.getByRole('radio', { name: 'Codeforces rating' }).check({ force: true });
    await page.getByText('The figures').first().click();
    const rated = DISTILLED.models.filter(({ codeforces }) => codeforces !== null);
    await expect(page.getByRole('table').first().getByRole('row')).toHaveCount(rated.length + 1);
    await expect(page.getByRole('row', { name: 'o1-mini' })).toContainText('1,820');
  });
});

test.describe('the questions', () => {
  test('unfold by keyboard and quote the run at hand', async ({ page }) => {
    await open(page, 'faq');
    await page.locator('summary', { hasText: 'Why do the answers grow longer?' }).focus();
    await page.keyboard.press('Enter');
    await expect(page.getByText(/^In the recorded run an answer went from \d+\.\d to \d+\.\d tokens\.$/)).toBeVisible();
  });
});

test.describe('the quiz', () => {
  test('explains an answer, keeps it, and starts over', async ({ page }) => {
    await open(page, 'quiz');
    const question = page.getByRole('group', { name: /^1 Four answers/ });
    await question.getByRole('radio', { name: 'The one that is right' }).click();
    await expect(question).toContainText('+1.5 against −0.5');
    await page.reload();
    await expect(question).toContainText('+1.5 against −0.5');
    await expect(page.getByText('1 of 17 answered, 1 as it turned out.')).toBeVisible();
    await page.getByRole('button', { name: 'Start over' }).click();
    await expect(question.getByRole('radio', { name: 'All the same' })).toBeEnabled();
  });

  test('lets a run decide what was predicted', async ({ page }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto('./#learn/quiz'); // with the recorded run as it is shipped
    const question = page.getByRole('group', { name: /The aha: 250 steps/ });
    await question.getByRole('radio', { name: 'It rises' }).click();
    await expect(question).toContainText(/In the recorded run: “Wait” after a right try went from \d+% to \d+%\./);
    await expect(question).toContainText('so it came');
  });

  test('loads an experiment that no run has decided yet', async ({ page }) => {
    await open(page, 'quiz');
    const question = page.getByRole('group', { name: /No aha: the base/ });
    await question.getByRole('radio', { name: 'It falls' }).click();
    await question.getByRole('link', { name: 'load the experiment' }).click();
    await expect(page.getByRole('radio', { name: 'No aha' })).toBeChecked();
    await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeVisible();
  });

  test('goes on where what was kept is damaged', async ({ page }) => {
    await page.addInitScript(() => {
      localStorage.setItem('quiz', '{"chosen":[1,');
    });
    await open(page, 'quiz');
    await expect(page.getByText('0 of 17 answered')).toBeVisible();
  });
});

for (const { id } of SECTIONS) {
  test(`has no accessibility fault that axe can find and fits every width: ${id}`, async ({ page }) => {
    test.setTimeout(120_000);
    await withResults(page);
    await open(page, id);
    for (const [colorScheme, width] of [
      ['light', 360],
      ['dark', 1440],
    ] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 900 });
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map((fault) => `${fault.id}: ${fault.nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow).toBeLessThanOrEqual(0);
    }
  });
}
