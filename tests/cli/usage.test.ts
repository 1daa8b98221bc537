// Everything that a command says before it needs a GPU, by the built program.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeModelFolder } from '../../src/export/hugging-face.ts';
import { readModel, writeFiles } from '../../src/cli/files.ts';
import { fromHalf, toHalf } from '../../src/export/float16.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import { randomCheckpoint, SMALL } from '../export/model.ts';
import { build, BUILT, grpo } from './grpo.ts';
import { pytorchReport } from './pytorch-report.ts';

const folder = mkdtempSync(join(tmpdir(), 'grpo-usage-'));
const at = (name: string): string => join(folder, name);

/** A small model's folder with some of its files replaced. */
function writeModel(
  name: string,
  changed: Readonly<Record<string, Uint8Array>> = {},
  tokenizer = new Tokenizer(),
): void {
  const files = writeModelFolder(randomCheckpoint(), tokenizer);
  writeFiles(at(name), new Map([...files, ...Object.entries(changed)]));
}

beforeAll(async () => {
  const weights = writeModelFolder(randomCheckpoint(), new Tokenizer()).get('model.safetensors') as Uint8Array;
  const broken = weights.slice();
  broken.set([0, 0, 0xc0, 0x7f], broken.length - 4); // an f32 that is not a number
  writeModel('model');
  writeModel('cut-off', { 'model.safetensors': weights.slice(0, 4000) });
  writeModel('not-a-number', { 'model.safetensors': broken });
  writeModel('no-json', { 'config.json': new Uint8Array([0xff]) });
  writeModel(
    'other-words',
    {},
    new Tokenizer(new Tokenizer().symbols.map((symbol) => (symbol === '=' ? '!' : symbol))),
  );
  writeFiles(at('other-size'), writeModelFolder(randomCheckpoint({ ...SMALL, hiddenSize: 32 }), new Tokenizer()));
  writeFileSync(at('empty.json'), '');
  writeFileSync(at('pair.json'), JSON.stringify({ prompts: ['1'], completions: [['2', '3']], rewards: [[0, 1]] }));
  writeFileSync(at('single.json'), JSON.stringify({ prompts: ['1'], completions: [['2']], rewards: [[0]] }));
  writeFileSync(at('torch.json'), JSON.stringify(pytorchReport()));
  await build();
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

describe('the command line', () => {
  it('explains itself', async () => {
    const { status, stdout, stderr } = await grpo(BUILT, ['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const names = ['train', 'pretrain', 'eval', 'export', 'sample', 'score', 'reward', 'loss', 'bench', 'sft', 'pipeline', 'distill', 'wait-priors', 'story', 'story-table']; // prettier-ignore
    for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(await grpo(BUILT, ['train', '--help'])).toEqual({ status, stdout, stderr });
  });

  it('writes a model anew in half precision, its card and its ONNX file with it', async () => {
    writeModel('with-card', { 'README.md': new TextEncoder().encode('# A card\n') });
    const { status, stderr } = await grpo(BUILT, ['export', '--model', at('with-card'), '--out', at('half'), '--dtype', 'fp16']); // prettier-ignore
    expect({ status, stderr }).toEqual({ status: 0, stderr });
    const { checkpoint } = readModel(at('half'));
    const expected = randomCheckpoint().tensors.get('model.norm.weight')!;
    expect(checkpoint.tensors.get('model.norm.weight')).toEqual(fromHalf(toHalf(expected)));
    expect(readFileSync(at('half/README.md'), 'utf8')).toBe('# A card\n');
    expect(existsSync(at('half/onnx/model.onnx'))).toBe(true);
    expect((await grpo(BUILT, ['export', '--model', at('model'), '--out', at('x'), '--dtype', 'int8'])).stderr).toBe(
      'grpo: usage: --dtype must be one of fp32, fp16, but it is "int8"\n',
    );
  });

  it('gives rewards, from any folder', async () => {
    const args = ['reward', '--task', 'countdown', '--prompt', '3,5,7>22<think>', '--completion'];
    const right = await grpo(BUILT, [...args, '3*5+7=22 yes</think>3*5+7<eos>']);
    expect(right).toEqual({ status: 0, stdout: '{"rewards":{"accuracy":1,"format":0.1}}\n', stderr: '' });
    const empty = await grpo(BUILT, [...args, '', '--json']);
    expect(empty).toEqual({ status: 0, stdout: '{"rewards":{"accuracy":0,"format":0}}\n', stderr: '' });
  });

  it('ends without a word when its reader has gone', async () => {
    const child = spawn(process.execPath, [BUILT, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).toBe('');
  });
});

/** The options, with the names of files written as `@name`. */
const line = (text: string): string[] =>
  text.split(' ').map((part) => part.replace(/^@/, `${folder}/`).replace('""', ''));

const expectFailure = async (args: readonly string[], status: number, message: string): Promise<void> => {
  const result = await grpo(BUILT, args);
  expect(result).toEqual({ status, stdout: '', stderr: expect.stringMatching(/^grpo: [^\n]+\n$/) as string });
  expect(result.stderr).toContain(message);
};

describe('wrong use is one line on standard error and status 2', () => {
  it('without a command', () => expectFailure([], 2, 'expected --help or a command, train, pretrain, eval,'));

  it.each([
    ['trian --preset aha', 'but got "trian"'],
    ['reward --task chess --prompt 1 --completion 2', 'there is no task "chess"; the tasks are countdown,'],
    ['reward --task addition --prompt 3,5,7>22 --completion 2', '"3,5,7>22"'],
    ['reward --task countdown --prompt "" --completion 2', '--prompt is needed'],
    ['reward --task countdown --prompt 3,5,7>22', '--completion is needed'],
    ['train --preset best --out @out', 'there is no preset "best"; the presets are aha,'],
    ['train --preset aha --model @model', '--out is needed'],
    ['train --preset aha --model @model --out @empty.json', 'empty.json cannot be written'],
    ['train --preset aha --model @model --out @out --record @empty.json/a', 'empty.json cannot be written'],
    ['train --preset aha --model @model --out @out --steps 0', '--steps must be a whole number from 1'],
    ['train --preset aha --model @model --out @out --seed -1', '--seed must be a whole number from 0'],
    ['train --preset aha --model @model --out @out --set beta=-1', 'option beta must be a number from 0'],
    ['pretrain --task countdown --out @out --wait-prior 1', '--wait-prior must be a number from 0 to 0.99'],
    ['eval --model @model --task countdown --ban waits', '--ban takes a token of the vocabulary'],
    ['sample --model @nowhere --prompt 1', 'there is no model folder'],
    ['sample --model @model --prompt 1 --count 0', '--count must be a whole number from 1'],
    ['sample --model @model --prompt x', '"x" is not in the vocabulary'],
    ['score --model @model --text <bos>', '--text needs at least one token'],
    ['loss --model @model --rollout @nowhere.json', 'nowhere.json cannot be read'],
    ['loss --model @model --rollout @empty.json', 'empty.json must be JSON'],
    ['loss --model @model --rollout @single.json', 'option numGenerations must be at least 2'],
    [
      'loss --model @model --rollout @pair.json --set numGenerations=4',
      'has groups of 2, but numGenerations is set to 4',
    ],
    ['sft --model @model --data @empty.json --out @out', 'empty.json must hold JSON in every line, but line 1 cannot'],
    [
      'sft --model @model --data @pair.json --out @out',
      'must hold a prompt and a completion in every line, but line 1',
    ],
    ['pipeline --base @nowhere', 'there is no model folder'],
    ['pipeline --base @model --stages cold-start,warm-up', '--stages takes names of cold-start, reasoning-rl,'],
    ['pipeline --base @model --set cold-start.steps=1', 'takes a name of tasks, traces, epochs,'],
    ['distill --student @model', '--teacher is needed'],
    ['story --base @model --student @model', '--out is needed'],
    ['story-table --rows @pair.json', 'must hold a row of "story" in every line, but line 1 is none'],
    ['bench --repeats 0', '--repeats must be a whole number from 1'],
    ['bench --scale huge', '--scale must be full, light, tiny, but it is "huge"'],
    ['bench --growth=yes', '--growth takes no value'],
    ['bench --sequences 40', '--sequences above 16 must be a multiple of 16, but it is 40'],
    ['bench --compare @nowhere.json', 'nowhere.json cannot be read'],
    ['bench --compare @empty.json', 'empty.json cannot be compared with: it must be JSON'],
    ['bench --compare @pair.json', '"engine" must be "grpo-playground" or "pytorch", but it is missing'],
    ['bench --growth --compare @torch.json', '--compare compares the reference step: give --reference too'],
    ['bench --layers 3 --compare @torch.json', 'leave other sizes away'],
  ])('%s', (text, message) => expectFailure(line(text), 2, message));
});

describe('a model that is damaged is one line on standard error and status 1', () => {
  it.each([
    ['sample --model @ --prompt 1', 'config.json is missing'],
    ['sample --model @no-json --prompt 1', 'config.json must be JSON'],
    ['sample --model @cut-off --prompt 1', 'must lie within the'],
    ['sample --model @not-a-number --prompt 1', 'every weight must be a finite number'],
    ['eval --model @other-words --task countdown', 'must have the vocabulary'],
    ['train --preset aha --model @other-words --out @out', 'must have the vocabulary'],
    ['loss --model @model --ref @other-words --rollout @pair.json', 'must have the vocabulary'],
    ['loss --model @model --ref @other-size --rollout @pair.json', 'the reference must have the sizes of the model'],
  ])('%s', (text, message) => expectFailure(line(text), 1, message));
});
