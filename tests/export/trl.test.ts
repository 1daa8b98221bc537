// A run's folder for TRL. What Python and TRL make of it is checked by tests/reference/check-trl.py, which keeps in fixtures/trl.json
// what it agreed on.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModelFolder } from '../../src/export/hugging-face.ts';
import { trlFolder } from '../../src/export/trl.ts';
import { trlSettings, yaml } from '../../src/export/trl/settings.ts';
import {
  ADVANTAGE_ESTIMATORS,
  CRITIC_OPTIONS,
  DEFAULT_OPTIONS,
  OPTION_SPECS,
  resolveOptions,
  type GrpoOptions,
} from '../../src/grpo/options.ts';
import type { RecordedRun } from '../../src/recipes/events.ts';
import { PRESETS } from '../../src/recipes/presets.ts';
import { findTask, TASKS } from '../../src/tasks/registry.ts';
import fixture from '../fixtures/trl.json' with { type: 'json' };
import { advantages } from '../reference/grpo.ts';
import { CASES, caseFolders } from '../reference/trl-cases.ts';
import { randomCheckpoint } from './model.ts';

const NAMES = Object.keys(OPTION_SPECS) as (keyof GrpoOptions)[];
const base = randomCheckpoint();
const settings = (options: GrpoOptions) => ({
  preset: 'aha',
  task: 'countdown' as const,
  seed: 1,
  steps: 250,
  options,
});
const trl = (options: Partial<GrpoOptions>) => trlSettings(settings(resolveOptions(options)));
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Another value that the option may have. */
function otherValue(name: keyof GrpoOptions): unknown {
  const spec = OPTION_SPECS[name];
  switch (spec.kind) {
    case 'number':
      return spec.default === spec.max ? (spec.min + spec.max) / 2 : spec.default + (spec.integer ? 1 : 0.01);
    case 'optional-number':
      return spec.min;
    case 'choice':
      return spec.choices.find((choice) => choice !== spec.default);
    case 'numbers':
      return spec.default.map((value) => value + 1);
    case 'boolean':
      return !spec.default;
  }
}

describe('settings for TRL', () => {
  it.each(NAMES)('never drop %s: another value is another config, or is told', (name) => {
    const critic = (CRITIC_OPTIONS as readonly string[]).includes(name);
    const usual: Partial<GrpoOptions> = critic ? { advantageEstimator: 'ppo' } : {};
    const [before, after] = [trl(usual), trl({ ...usual, [name]: otherValue(name) })];
    expect(after).not.toEqual(before);
  });

  it('have a counterpart for everything that the presets set', () => {
    for (const { options } of Object.values(PRESETS)) expect(trlSettings(settings(options)).gaps).toEqual([]);
  });

  it('are those of the first preset, counted in updates', () => {
    expect(trl(PRESETS.aha.options).config).toMatchObject({
      prompts_per_step: 32,
      num_generations: 16,
      max_completion_length: 100,
      learning_rate: 1.5e-4,
      beta: 0.03,
      num_iterations: 2,
      epsilon_high: 0.28,
      loss_type: 'dapo',
      max_steps: 500,
      warmup_steps: 20,
      ref_model_sync_steps: 1024,
      use_bias_correction_kl: false,
    });
  });

  it.each(ADVANTAGE_ESTIMATORS)('for the estimator %s say what GRPOTrainer cannot', (advantageEstimator) => {
    const told = trl({ advantageEstimator }).gaps.map(({ option }) => option);
    const expected = {
      grpo: [],
      rloo: [],
      reinforce: ['advantageEstimator'],
      ppo: ['advantageEstimator', ...CRITIC_OPTIONS],
    };
    expect(told).toEqual(expected[advantageEstimator]);
  });

  it('give the leave-one-out advantages of rloo through the weights of the rewards', () => {
    const options = resolveOptions({ advantageEstimator: 'rloo', numGenerations: 4, rewardWeights: [1, 0.5] });
    const { config } = trlSettings(settings(options));
    const graded = [[1, 0.1], [0, 0.1], [0, 0], [1, 0.1], [0, 0], [0, 0.1], [0, 0], [0, 0]]; // prettier-ignore
    const weighted = (weights: readonly number[]) => graded.map(([a = 0, f = 0]) => a * weights[0]! + f * weights[1]!);
    const asTrl = { ...options, advantageEstimator: 'grpo' as const, scaleRewards: 'none' as const };
    expect(config['scale_rewards']).toBe('none');
    const given = advantages(weighted(config['reward_weights'] as number[]), 4, asTrl);
    const expected = advantages(weighted([1, 0.5]), 4, options);
    given.forEach((advantage, index) => expect(advantage).toBeCloseTo(expected[index]!, 12));
  });

  it('are YAML that keeps text as text and numbers as numbers', () => {
    expect(yaml({ scale_rewards: 'none', eval_strategy: 'no', delta: null, bf16: false })).toBe(
      '# Divide advantages by the spread of the group, of the whole batch, or not at all.\nscale_rewards: "none"\n' +
        'eval_strategy: "no"\n# Cap on the probability ratio where the advantage is negative; none by default.\ndelta: null\n' +
        '# float32 is what the playground computes in.\nbf16: false\n',
    );
    expect(yaml({ a: 1e-7, b: 1.5e-7, c: 1e21, d: [1, 'x'] })).toBe('a: 1.0e-7\nb: 1.5e-7\nc: 1.0e+21\nd: [1, "x"]\n');
  });
});

describe('a TRL folder', () => {
  const log = [{ step: 0, metrics: { 'eval/accuracy': 0.1 } }];
  const task = findTask('countdown');

  it('holds what train.py, its requirements and its reader need', () => {
    const { files } = trlFolder({ settings: settings(DEFAULT_OPTIONS), task, base, log });
    expect([...files.keys()].sort()).toEqual([
      'README.md',
      'data/held-out.jsonl',
      'data/train.jsonl',
      'grpo.yaml',
      'model/config.json',
      'model/generation_config.json',
      'model/model.safetensors',
      'model/tokenizer.json',
      'model/tokenizer_config.json',
      'problems.py',
      'real-model.yaml',
      'requirements.txt',
      'rewards.py',
      'run/events.out.tfevents.0.grpo-playground',
      'run/log.jsonl',
      'run/settings.json',
      'train.py',
      'words.py',
    ]);
    const model = [...files].filter(([path]) => path.startsWith('model/'));
    const read = readModelFolder(new Map(model.map(([path, bytes]) => [path.slice('model/'.length), bytes])));
    expect(read.checkpoint).toEqual(base);
    expect(textOf(files.get('README.md'))).toContain('None: every setting of this run has its counterpart');
    expect(textOf(files.get('real-model.yaml'))).toContain('model: "Qwen/Qwen2.5-1.5B"');
  });

  it('says in its README which settings TRL does not take as they are', () => {
    const options = resolveOptions({ advantageEstimator: 'ppo', gamma: 0.9, lossType: 'bnpo', numGenerations: 1 });
    const { files, gaps } = trlFolder({ settings: settings(options), task, base, log });
    const readme = textOf(files.get('README.md'));
    for (const { reason } of gaps) expect(readme).toContain(reason);
    expect(readme).toContain('| `gamma` | 0.9 | 1 | GRPOTrainer has no critic. |');
    expect(readme).toContain('| `num_generations` | 1 | 16 |');
    expect(textOf(files.get('grpo.yaml'))).toContain('\nnum_generations: 2\n');
  });

  it('asks in step 1 what the recorded run was asked', () => {
    const path = join(import.meta.dirname, '../../public/recorded-aha.json');
    const { events } = JSON.parse(readFileSync(path, 'utf8')) as RecordedRun;
    const started = events.find((event) => event.type === 'started')!;
    const shown = events.find((event) => event.type === 'step' && event.step === 1) as { group: { prompt: string } };
    const { files } = trlFolder({ settings: started.settings, task: findTask(started.settings.task), base, log: [] });
    const problems = textOf(files.get('data/train.jsonl')).split('\n');
    const { steps, options } = started.settings;
    expect(problems.length).toBe(steps * options.promptsPerStep + 1);
    expect(problems.slice(0, options.promptsPerStep)).toContain(`{"prompt":"<bos>${shown.group.prompt}"}`);
  });

  it('of a very long run holds its first problems, and the command that draws all', () => {
    const { files } = trlFolder({ settings: { ...settings(DEFAULT_OPTIONS), steps: 100_000 }, task, base, log: [] });
    expect(textOf(files.get('data/train.jsonl')).trimEnd().split('\n')).toHaveLength(16_384);
    expect(textOf(files.get('README.md'))).toContain(
      'python problems.py --task countdown --seed 1 --steps 100000 --prompts_per_step 32 > data/train.jsonl',
    );
  });

  it('judges and draws as Python was found to judge and draw', { timeout: 60_000 }, () => {
    const expectChecked = (file: string, bytes: Uint8Array | undefined, expected: string | undefined): void => {
      const advice = `${file} changed since Python was compared with it: run tests/reference/check-trl.py with --write`;
      const digest = createHash('sha256').update(bytes!).digest('hex');
      expect(digest, advice).toBe(expected);
    };
    const folders = caseFolders(() => base, []);
    expect([...folders.keys()].sort()).toEqual(Object.keys(TASKS).sort());
    for (const [name, files] of folders) {
      expect(textOf(files.get('cases.jsonl')).trimEnd().split('\n')).toHaveLength(CASES);
      for (const [file, digest] of Object.entries({ ...fixture.python, ...fixture.tasks[name] }))
        expectChecked(file, files.get(file), digest);
    }
  });
});
