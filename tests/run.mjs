// The test command: every check of the project, cheapest first, stopping at the first that fails. The three test suites come
// last and all run, so that one look shows every failing test. The last line is `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireBrowser } from './browser.mjs';

process.chdir(join(import.meta.dirname, '..'));

check('Types', 'npx tsc --noEmit');
check('Components', 'npx svelte-check --fail-on-warnings --threshold warning');
check('Lint, import arrows, cycles', 'npx eslint --max-warnings 0 .');
check('Format', 'npx prettier --check --log-level warn .');
check('Build', 'npm run -s build');
check('Build of the commands', 'npm run -s build:cli');

try {
  process.env.CHROME_PATH = await requireBrowser();
} catch (error) {
  stop(error instanceof Error ? error.message : String(error));
}

const reports = mkdtempSync(join(tmpdir(), 'grpo-playground-'));
const suites = [
  vitest('Tests in Node', 'node'),
  vitest('Tests on the GPU, in the browser', 'browser'),
  playwright('End-to-end tests'),
];
rmSync(reports, { recursive: true });

const passed = suites.reduce((sum, suite) => sum + suite.passed, 0);
const failed = suites.reduce((sum, suite) => sum + suite.failed, 0);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/**
 * @param {string} title
 * @param {string} command
 */
function check(title, command) {
  if (run(title, command) !== 0) stop(`${title}: failed (${command})`);
}

/**
 * @param {string} title
 * @param {string} project
 */
function vitest(title, project) {
  const file = join(reports, `${project}.json`);
  const status = run(
    title,
    `npx vitest run --config tests/vitest.config.ts --project ${project} --reporter=default --reporter=json --outputFile.json=${file}`,
  );
  return count(title, status, file, (/** @type {import('vitest/node').JsonTestResults} */ report) => ({
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  }));
}

/** @param {string} title */
function playwright(title) {
  const file = join(reports, 'e2e.json');
  process.env.PLAYWRIGHT_JSON_OUTPUT_FILE = file;
  const status = run(title, 'npx playwright test --config tests/playwright.config.ts --reporter=list,json');
  return count(title, status, file, (/** @type {import('@playwright/test/reporter').JSONReport} */ { stats }) => ({
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky,
    skipped: stats.skipped,
  }));
}

/**
 * A suite that fails outside its tests, or skips one, counts as a failure too.
 * @template Report
 * @param {string} title
 * @param {number} status
 * @param {string} file
 * @param {(report: Report) => { passed: number, failed: number, skipped: number }} read
 */
function count(title, status, file, read) {
  let result = { passed: 0, failed: 0, skipped: 0 };
  try {
    result = read(/** @type {Report} */ (JSON.parse(readFileSync(file, 'utf8'))));
  } catch {
    console.error(`${title}: no report was written`);
  }
  if (result.skipped > 0) console.error(`${title}: ${result.skipped} skipped; a test runs or is removed`);
  const failed = result.failed + result.skipped;
  return { passed: result.passed, failed: failed === 0 && (status !== 0 || result.passed === 0) ? 1 : failed };
}

/**
 * @param {string} title
 * @param {string} command
 */
function run(title, command) {
  console.log(`\n== ${title}`);
  return spawnSync(command, { shell: true, stdio: 'inherit' }).status ?? 1;
}

/**
 * @param {string} reason
 * @returns {never}
 */
function stop(reason) {
  console.error(`\n${reason}`);
  process.exit(1);
}
