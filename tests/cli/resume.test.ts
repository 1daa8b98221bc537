// A run of the command line that is taken up again, from a zip and in place, is the run that never stopped.
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

/** The log without what depends on the clock. */
const log = (run: string): unknown[] =>
  readFileSync(at(`${run}/run/log.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as object), step_time: 0 }));

describe('train --resume', { timeout: 240_000 }, () => {
  it('goes on from a zip as if the run had never stopped, and in place for more steps', async () => {
    writeFiles(at('my base'), writeModelFolder(roughModel(SMALL, 3), new Tokenizer()));
    const begin = ['--preset', 'first-lesson', '--model', at('my base'), '--seed', '9', ...SMALL_RUN];
    await train(...begin, '--steps', '2', '--out', at('through'));
    await train(...begin, '--steps', '1', '--out', at('stopped'));
    const paths = readdirSync(at('stopped'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const files = paths.map(({ parentPath, name }) => join(parentPath, name));
    const zip = zipSync(Object.fromEntries(files.map((file) => [relative(folder, file), readFileSync(file)])));
    writeFileSync(at('stopped.zip'), zip);
    await train('--resume', at('stopped.zip'), '--steps', '2', '--out', at('resumed'));

    for (const file of ['model.safetensors', 'run/optimizer.safetensors', 'run/state.json', 'run/settings.json'])
      expect(readFileSync(at(`resumed/${file}`)).equals(readFileSync(at(`through/${file}`))), file).toBe(true);
    expect(JSON.parse(readFileSync(at('resumed/run/settings.json'), 'utf8'))).toMatchObject({ base_model: 'my-base' });
    // A run of one step has an evaluation after it that a run of two has not.
    const [base, first, second] = log('through') as [object, object, object];
    expect(log('resumed')).toEqual([base, expect.objectContaining(first), second]);
    expect(readFileSync(at('resumed/run/completions.jsonl'), 'utf8')).toBe(readFileSync(at('through/run/completions.jsonl'), 'utf8')); // prettier-ignore

    const done = await grpo(SOURCE, ['train', '--resume', at('resumed'), '--out', at('resumed')]);
    expect(done).toMatchObject({ status: 2, stderr: expect.stringContaining('has done 2 steps: ask for more with --steps') as string }); // prettier-ignore
  });

  it.each([
    ['a model without a run', ['--resume', at('my base'), '--out', at('x')], 2, 'holds no run that can go on, only a model: begin a new run with --model'],
    ['settings beside it', ['--resume', at('stopped'), '--seed', '2', '--set', 'beta=1', '--out', at('x')], 2, "goes on with the run's own settings: leave out --seed, --set"],
    ['what is not there', ['--resume', at('nothing'), '--out', at('x')], 2, 'there is no model folder or zip'],
    ['what is no zip', ['--resume', SOURCE, '--out', at('x')], 1, 'bad-checkpoint: the file must be a whole zip'],
  ])('refuses %s', async (_, args, status, message) => {
    writeFiles(at('my base'), writeModelFolder(roughModel(SMALL, 3), new Tokenizer()));
    expect(await grpo(SOURCE, ['train', ...args])).toMatchObject({ status, stderr: expect.stringContaining(message) as string }); // prettier-ignore
  });
}); // prettier-ignore
