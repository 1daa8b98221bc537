// A run of the command line that is taken up again. That it then is the run that never stopped, tests/gpu/resume.test.ts shows.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { writeFiles } from '../../src/cli/files.ts';
import { writeModelFolder } from '../../src/export/hugging-face.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import { SMALL } from '../export/model.ts';
import { roughModel } from '../gpu/open.ts';
import { grpo, SOURCE } from './grpo.ts';

const folder = mkdtempSync(join(tmpdir(), 'grpo-resume-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const SMALL_RUN = ['--set', 'promptsPerStep=2', '--set', 'numGenerations=2', '--set', 'maxCompletionLength=8', '--set', 'weightDecay=1', '--set', 'warmupSteps=0']; // prettier-ignore

async function train(...args: string[]): Promise<void> {
  const { status, stderr } = await grpo(SOURCE, ['train', ...args]);
  expect({ status, stderr }).toEqual({ status: 0, stderr });
}

const json = (path: string): unknown => JSON.parse(readFileSync(at(path), 'utf8'));
const lines = (path: string): Record<string, number>[] =>
  readFileSync(at(path), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, number>); // prettier-ignore

describe('train --resume', { timeout: 240_000 }, () => {
  it('goes on from a zip with settings, logs and state as they were, until all steps are done', async () => {
    writeFiles(at('my base'), writeModelFolder(roughModel(SMALL, 3), new Tokenizer()));
    await train('--preset', 'first-lesson', '--model', at('my base'), '--seed', '9', ...SMALL_RUN, '--steps', '1', '--out', at('stopped')); // prettier-ignore
    const entries = readdirSync(at('stopped'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const files = entries.map(({ parentPath, name }) => join(parentPath, name));
    const zip = zipSync(Object.fromEntries(files.map((file) => [relative(folder, file), readFileSync(file)])));
    writeFileSync(at('stopped.zip'), zip);
    await train('--resume', at('stopped.zip'), '--steps', '2', '--out', at('resumed'));

    expect(json('resumed/run/settings.json')).toEqual({
      ...(json('stopped/run/settings.json') as object),
      max_steps: 2,
    });
    expect(json('resumed/run/settings.json')).toMatchObject({ seed: 9, base_model: 'my-base' });
    const [before, after] = [lines('stopped/run/log.jsonl'), lines('resumed/run/log.jsonl')];
    expect(after.slice(0, 2)).toEqual(before);
    expect([after.length, after[2]?.['step']]).toEqual([3, 2]);
    expect(after[2]?.['num_tokens']).toBeGreaterThan(before[1]!['num_tokens']!);
    expect(json('resumed/run/state.json')).toEqual({ step: 2, num_tokens: after[2]?.['num_tokens'] });
    expect(lines('resumed/run/completions.jsonl').map(({ step }) => step)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);

    const done = await grpo(SOURCE, ['train', '--resume', at('resumed'), '--out', at('resumed')]);
    expect(done).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('has done 2 steps: ask for more with --steps') as string,
    });
  });

  it.each([
    [
      'a model without a run',
      ['--resume', at('my base'), '--out', at('x')],
      2,
      'holds no run that can go on, only a model: begin a new run with --model',
    ],
    [
      'settings beside it',
      ['--resume', at('stopped'), '--seed', '2', '--set', 'beta=1', '--out', at('x')],
      2,
      "goes on with the run's own settings: leave out --seed, --set",
    ],
    ['what is no zip', ['--resume', SOURCE, '--out', at('x')], 1, 'bad-checkpoint: the file must be a whole zip'],
  ])('refuses %s', async (_, args, status, message) => {
    writeFiles(at('my base'), writeModelFolder(roughModel(SMALL, 3), new Tokenizer()));
    expect(await grpo(SOURCE, ['train', ...args])).toMatchObject({
      status,
      stderr: expect.stringContaining(message) as string,
    });
  });
});
