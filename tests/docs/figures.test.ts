// Numbers that the README says in words, against where they come from. Its tables: tests/recipes/recorded-runs.test.ts, story.test.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TOLERANCE_NATS } from '../../src/inference/parity.ts';
import type { RecordedRun } from '../../src/recipes/events.ts';
import { PIPELINE } from '../../src/recipes/pipeline.ts';
import type { StoryTable } from '../../src/recipes/story-table.ts';
import { webgpuHelp } from '../../src/ui/state/webgpu-help.ts';
import { README, ROOT } from './readme.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const prose = README.replaceAll(/\s+/g, ' ');

it('is cited in the version and under the licence of the package', () => {
  const { version, license } = JSON.parse(read('package.json')) as { version: string; license: string };
  const citation = read('CITATION.cff').split('\n');
  expect(citation).toEqual(expect.arrayContaining([`version: ${version}`, `license: ${license}`]));
});

it('asks for the Node that the package asks for', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  expect(prose).toContain(`You need Node ${engines.node.replace('>=', '')} or later`);
});

it.each([
  ['Chrome', 'Chrome/100', /Chrome to version (\d+)/, 'Chrome, Chromium'],
  ['Edge', 'Chrome/100 Edg/100', /Edge to version (\d+)/, 'Edge'],
  ['Safari', 'Safari/600', /Safari (\d+) or later/, 'Safari'],
  ['Firefox', 'Firefox/100', /Firefox (\d+) or later/, 'Firefox'],
  ['Firefox on a Mac', 'Firefox/100', /macOS 26, Firefox (\d+)/, 'Firefox 141, on Macs'],
])('has the first version of %s that the page asks for', (_, userAgent, version, row) => {
  const { steps } = webgpuHelp({ userAgent, secure: true, hasApi: false });
  expect(prose).toContain(`| ${row} ${version.exec(steps.join(' '))?.[1] ?? 'of no version'}`);
});

it('says how an export is checked', () => {
  const worker = read('src/inference/parity-worker.ts');
  const [problems, onSoftware] = [/PROBLEMS = (\d+)/, /ON_SOFTWARE = (\d+)/].map((name) => name.exec(worker)?.[1]);
  expect(prose).toContain(`answer ${problems} held-out problems, ${onSoftware} on a software adapter`);
  expect(prose).toContain(`log-probs within ${TOLERANCE_NATS}`);
});

it('says how large the models of the story are, and on how many traces they began', () => {
  const { models } = JSON.parse(read('public/story.json')) as StoryTable;
  const thousands = (model: string): number =>
    Math.round(models.find((row) => row.model === model)!.parameters / 10_000) * 10;
  expect(prose).toContain(
    `(${thousands('base')} thousand parameters; the students ${thousands('student-base')} thousand)`,
  );
  expect(PIPELINE['cold-start'].traces).toBe(4000);
  expect(prose).toContain('four thousand clean traces');
});

it('says on which adapter the runs were recorded', () => {
  const runs = readdirSync(join(ROOT, 'public')).filter((file) => file.startsWith('recorded-'));
  const adapters = runs.map((file) => (JSON.parse(read(`public/${file}`)) as RecordedRun).about.adapter);
  expect([...new Set(adapters)]).toEqual(['NVIDIA H100']);
  expect(prose).toContain('with an NVIDIA H100');
});
