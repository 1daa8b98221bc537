// Every command of the program in the README and in CONTRIBUTING.md, as written there: it is taken, and gets to its end or as far as
// asking for a GPU, which it is denied here.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { writeFiles } from '../../src/cli/files.ts';
import { readZip } from '../../src/export/unzip.ts';
import { build, run } from '../cli/grpo.ts';
import { pytorchReport } from '../cli/pytorch-report.ts';
import { exampleReport } from '../recipes/benchmark-example.ts';
import { interruptedRun, zipOf } from '../export/imported-run.ts';
import { blocks, CONTRIBUTING, README, ROOT } from './readme.ts';

/** Without the comment behind it, and without where its output goes. What holds a <name> is a form and no command. */
const written = [...`${README}${CONTRIBUTING}`.matchAll(/npm run -s grpo -- ([^`\n]+)/g)]
  .map(([, text = '']) => text.replace(/ +#.*$/, '').replace(/ > [\w./-]+$/, ''))
  .filter((text) => !text.includes('<name>'));
const commands = [...new Set(written)];

/** As a shell has it: parts in single quotes, or without spaces. */
const parts = (command: string): string[] =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

/** From the preset's own model, so that it need not be named. */
function runOfPreset(): ReturnType<typeof interruptedRun> {
  const { run, ...model } = interruptedRun();
  const { base: _, ...settings } = run!.settings;
  return { ...model, run: { ...run!, settings } };
}

/** A file that is not there: no GPU for anyone. */
process.env['DAWN_NODE'] = '/nowhere/dawn.node';

const folder = mkdtempSync(join(tmpdir(), 'grpo-readme-'));
const program = join(folder, 'dist/cli/grpo.mjs'); // where it finds the models beside dist/

/** What the commands read: as in the repository, as the README says, or as another command of it would have written it. */
beforeAll(async () => {
  const write = (path: string, content: unknown): void => {
    writeFileSync(join(folder, path), JSON.stringify(content));
  };
  cpSync(join(ROOT, 'models'), join(folder, 'models'), { recursive: true });
  cpSync(join(ROOT, 'models/two-languages'), join(folder, 'runs/r1/2-reasoning-rl'), { recursive: true });
  writeFiles(join(folder, 'runs/aha'), readZip(zipOf(runOfPreset())));
  writeFileSync(join(folder, 'rollout.json'), blocks('json')[0] ?? '');
  write('examples.jsonl', { prompt: '3,5,7>22<think>', completion: '</think>3*5+7<eos>' });
  write('before.json', exampleReport());
  write('pytorch.json', pytorchReport());
  await build(dirname(program));
}, 60_000);

/** Anew each time: a command that makes a row begins with an empty file. */
beforeEach(() => {
  cpSync(join(ROOT, 'tests/fixtures/story'), join(folder, 'tests/fixtures/story'), { recursive: true });
});

afterAll(() => rmSync(folder, { recursive: true }));

it('shows every command that there is', async () => {
  const { stdout } = await run(process.execPath, [program, '--help'], folder);
  const names = [...stdout.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name);
  expect(new Set(commands.map((command) => command.split(' ')[0]))).toEqual(new Set([...names, '--help']));
});

it.each(commands)('%s', async (command) => {
  const { status, stderr } = await run(process.execPath, [program, ...parts(command)], folder);
  if (status === 0) return;
  expect(stderr).toMatch(/^grpo: webgpu-unavailable: /m);
  expect(status).toBe(1);
});

it('makes the table of the page from the rows, as CONTRIBUTING.md says', () => {
  expect(readFileSync(join(folder, 'public/story.json'), 'utf8')).toBe(
    readFileSync(join(ROOT, 'public/story.json'), 'utf8'),
  );
});
