// The commands of the R1 story, on a model as small as they take.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel, writeFiles } from '../../src/cli/files.ts';
import { writeModelFolder } from '../../src/export/hugging-face.ts';
import { ESTIMATOR_FIGURES } from '../../src/recipes/story-table.ts';
import { countdown } from '../../src/tasks/countdown.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import { SMALL } from '../export/model.ts';
import { roughModel } from '../gpu/open.ts';
import { grpo, SOURCE, type Result } from './grpo.ts';

const GPU_MS = 240_000;
const folder = mkdtempSync(join(tmpdir(), 'grpo-experiments-'));
const at = (name: string): string => join(folder, name);
const run = (text: string): Promise<Result> => grpo(SOURCE, text.split(' ').map((part) => part.replaceAll('@', `${folder}/`))); // prettier-ignore

const figures = { accuracy: 0.5, format: 1, mixed: 0, repeats: 0, readable: 1, waitGivenWrong: 1, waitGivenRight: 0, arithmetic: 1, verdict: 1, meanLength: 20 }; // prettier-ignore
const STORY = ['base', 'r1-zero', 'reasoning-rl', 'all-tasks-rl', 'student-distilled', 'student-alone'];
const storyRows = (seed: number): string =>
  STORY.map((model) => `${JSON.stringify({ seed, model, parameters: 9, seconds: 1, examples: [], scores: { countdown: figures } })}\n`).join(''); // prettier-ignore

const estimatorRows = (seed: number): string => {
  const same = Object.fromEntries(ESTIMATOR_FIGURES.map((name) => [name, 0.5]));
  const row = { type: 'row', seed, estimator: 'ppo', steps: 9, ...same, accuracy: 0.3 + seed / 5, stepMs: 50 };
  return `${JSON.stringify(row)}\n`;
};

beforeAll(() => {
  writeFiles(at('model'), writeModelFolder(roughModel(SMALL, 1), new Tokenizer()));
  writeFileSync(at('one.jsonl'), storyRows(1));
  writeFileSync(at('two.jsonl'), storyRows(2));
  writeFileSync(at('estimators.jsonl'), `{"type":"progress"}\n${estimatorRows(1)}${estimatorRows(2)}`);
  const example = { prompt: countdown.heldOut[0], completion: '1+2=3 yes</think>1+2<eos>' };
  writeFileSync(at('data.jsonl'), `${JSON.stringify(example)}\n`.repeat(3));
});

afterAll(() => rmSync(folder, { recursive: true }));

it('story-table writes the table of all seeds, and says what holds', { timeout: 60_000 }, async () => {
  const files = '--rows @one.jsonl,@two.jsonl --estimators @estimators.jsonl';
  const { status, stdout } = await run(`story-table ${files} --out @story.json`);
  expect(status).toBe(0);
  expect(stdout).toContain('| all-tasks-rl | 50% | 100% | 0% | 20 | 0% | 0% | 100% |');
  expect(stdout).toContain('| ppo | 60% (50% to 70%) | 50% | 50% | 50 | 1 | 1 | 0.5 |');
  expect(stdout).toContain('fails  after the last stage it solves at least 75%');
  expect(stdout).toContain('holds  then it mixes languages in less than 5% of its thoughts');
  const table: unknown = JSON.parse(readFileSync(at('story.json'), 'utf8'));
  expect(table).toMatchObject({
    seeds: [1, 2],
    estimators: [{ estimator: 'ppo', steps: 9 }],
    models: STORY.map((model) => ({ model, parameters: 9, flops: null })),
  });
});

describe('on a GPU', { timeout: GPU_MS }, () => {
  it('pipeline runs the stages that it is told, prints events and rows, and writes every model', async () => {
    const rl = '--set reasoning-rl.steps=1 --set reasoning-rl.promptsPerStep=1 --set reasoning-rl.numGenerations=2';
    const sizes = `--set maxCompletionLength=40 --set problems=2 --set cold-start.traces=2 ${rl}`;
    const { status, stdout, stderr } = await run(`pipeline --base @model --stages reasoning-rl,cold-start --seed 3 ${sizes} --out @stages --json`); // prettier-ignore
    expect({ status, stderr }).toEqual({ status: 0, stderr });
    const lines = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
    const rows = lines.filter(({ type }) => type === 'row');
    expect(rows).toMatchObject([
      { model: 'reasoning-rl', seed: 3, scores: { countdown: {}, addition: {} } },
      { model: 'cold-start', seed: 3 },
    ]);
    expect(lines.filter(({ type }) => type === 'progress').map(({ stage, done, total }) => [stage, done, total])).toEqual(
      [['reasoning-rl', 1, 1], ...Array.from({ length: 10 }, (_, step) => ['cold-start', step + 1, 10])],
    ); // prettier-ignore
    const base = readModel(at('model')).checkpoint;
    for (const name of ['1-reasoning-rl', '2-cold-start']) {
      const { checkpoint } = readModel(at(`stages/${name}`));
      expect(checkpoint.config).toEqual(base.config);
      expect(checkpoint.tensors).not.toEqual(base.tensors);
    }
  });

  it('sft learns from a file of examples', async () => {
    const { status, stdout } = await run('sft --model @model --data @data.jsonl --out @tuned --epochs 8 --batch-size 2 --learning-rate 0.01 --json'); // prettier-ignore
    expect(status).toBe(0);
    const losses = stdout.trimEnd().split('\n').map((line) => (JSON.parse(line) as { loss: number }).loss); // prettier-ignore
    expect(losses).toHaveLength(16);
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 1);
    expect(readModel(at('tuned')).checkpoint.config).toEqual(SMALL);
  });
});
