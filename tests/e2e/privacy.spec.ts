// Everything comes from the page's own origin, nothing is stored for a server, and the strict content policy of the build is never broken.
import { expect, test, type Page } from '@playwright/test';
import { VIEWS } from '../../src/ui/embed/views.ts';
import { SECTIONS } from '../../src/ui/learn/sections.ts';

/** Whatever a page asks of a server, workers included, and what its policy or the browser had to object to. */
function watch(page: Page): { readonly origins: Set<string>; readonly objections: string[] } {
  const seen = { origins: new Set<string>(), objections: [] as string[] };
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:') seen.origins.add(origin);
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || /content security policy/i.test(message.text()))
      seen.objections.push(message.text());
  });
  page.on('pageerror', ({ message }) => seen.objections.push(message));
  return seen;
}

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      console.error(`content security policy: ${violatedDirective} ${blockedURI}`);
    });
  });
});

test('the built page has the policy, and it forbids what it should', async ({ page }) => {
  const { objections } = watch(page);
  await page.goto('./');
  const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
  expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
  expect(policy).not.toMatch(/'unsafe-inline'|'unsafe-eval'|https?:|\*/);
  await page.evaluate(() => fetch('https://elsewhere.example/').catch(() => undefined));
  await page.evaluate(() => {
    document.body.setAttribute('style', 'color: red');
  });
  await expect.poll(() => objections.join('\n')).toMatch(/connect-src https:\/\/elsewhere\.example/);
  await expect.poll(() => objections.join('\n')).toMatch(/style-src/);
});

/** Addresses, each with a heading that stands there. */
const ADDRESSES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'the playground': [['./?preset=light-lesson', 'GRPO Playground']],
  'the Learn page': SECTIONS.map(({ id, title }) => [`./#learn/${id}`, title]),
  'the benchmark': [['./?bench', 'Benchmark']],
  'the views for other pages': VIEWS.filter(({ section }) => section === null).map(({ id, title }) => [
    `./?embed=${id}`,
    `GRPO Playground: ${title}`,
  ]),
};

for (const [what, addresses] of Object.entries(ADDRESSES)) {
  test(`asks nothing of another origin, breaks no policy and sets no cookie: ${what}`, async ({ page, baseURL }) => {
    test.setTimeout(60_000);
    const { origins, objections } = watch(page);
    for (const [address, heading] of addresses) {
      await page.goto(address);
      await expect(page.getByRole('heading', { name: heading, exact: true })).toBeVisible();
      await page.waitForLoadState('networkidle');
    }
    expect([...origins]).toEqual([new URL(baseURL ?? '').origin]);
    expect(objections).toEqual([]);
    expect(await page.context().cookies()).toEqual([]);
  });
}
