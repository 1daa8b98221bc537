// The command trl, which needs no GPU.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { settingsJson, stepLine } from '../../src/export/run-log.ts';
import { PRESETS } from '../../src/recipes/presets.ts';
import { grpo, SOURCE } from './grpo.ts';

const TIMEOUT_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'grpo-trl-'));
const at = (name: string): string => join(folder, name);
const text = (name: string): string => readFileSync(at(name), 'utf8');

afterAll(() => rmSync(folder, { recursive: true }));

it('trl writes the folder of a preset, and says what TRL does not take as it is', { timeout: TIMEOUT_MS }, async () => {
  const changed = ['--seed', '3', '--steps', '4', '--set', 'advantageEstimator=reinforce'];
  const { status, stderr } = await grpo(SOURCE, ['trl', '--preset', 'first-lesson', ...changed, '--out', at('preset')]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/^advantageEstimator reinforce: /) as string }); // prettier-ignore
  expect(text('preset/grpo.yaml')).toMatch(/^task: "countdown-easy"\n(.*\n)*scale_rewards: "none"\n(.*\n)*seed: 3\n/);
  expect(text('preset/data/train.jsonl').trimEnd().split('\n')).toHaveLength(4 * 32);
  expect(existsSync(at('preset/run/log.jsonl'))).toBe(false);
});

it('trl writes the folder of a run, with its log', { timeout: TIMEOUT_MS }, async () => {
  const { task, options } = PRESETS.carry;
  mkdirSync(at('done/run'), { recursive: true });
  writeFileSync(at('done/run/settings.json'), settingsJson({ preset: 'carry', task, seed: 9, steps: 2, options }));
  writeFileSync(at('done/run/log.jsonl'), stepLine({ step: 0, metrics: { 'eval/accuracy': 0.5 } }));
  const { status, stderr } = await grpo(SOURCE, ['trl', '--run', at('done'), '--out', at('run')]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/^wrote /) as string });
  expect(text('run/grpo.yaml')).toMatch(/^task: "addition"\n(.*\n)*seed: 9\n/);
  for (const file of ['run/settings.json', 'run/log.jsonl']) expect(text(`run/${file}`)).toBe(text(`done/${file}`));
});
