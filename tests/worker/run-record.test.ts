import { strFromU8 } from 'fflate';
import { describe, expect, it } from 'vitest';
import { Arguments } from '../../src/cli/arguments.ts';
import { readModelFolder } from '../../src/export/hugging-face.ts';
import { readZip } from '../../src/export/unzip.ts';
import { findPreset, PRESETS } from '../../src/recipes/presets.ts';
import type { RunStep } from '../../src/recipes/run.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import type { RunSettings } from '../../src/worker/protocol.ts';
import { RunRecord, trainCommand } from '../../src/worker/run-record.ts';
import { randomCheckpoint } from '../export/model.ts';

const settings: RunSettings = { ...PRESETS.carry, preset: 'carry', seed: 7 };
const base = randomCheckpoint(undefined, 1);
const trained = randomCheckpoint(undefined, 2);

function runStep(step: number, rows: number): RunStep {
  const completions = Array.from({ length: rows }, (_, row) => ({
    prompt: '12+34<think>',
    completion: `${step}=${row} no</think>${row}<eos>`,
    rewards: { accuracy: 0, format: 0.1 },
    advantage: 0,
  }));
  return { step, metrics: { reward: step / 10 }, group: null, completions, stepMs: 5, tokens: 10 * rows, timing: null };
}

function recordOf(steps: readonly RunStep[]): RunRecord {
  const record = new RunRecord(settings, new Tokenizer(), {
    log: [runStep(0, 0)],
    completions: [],
    checkpoint: base,
    state: null,
  });
  for (const step of steps) record.addStep(step);
  return record;
}

const lines = (files: Map<string, Uint8Array>, path: string): Record<string, unknown>[] =>
  strFromU8(files.get(path) as Uint8Array)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the record of a run', () => {
  it('exports the base model before the first weights are kept', () => {
    const files = readZip(recordOf([]).zip());
    expect(readModelFolder(files).checkpoint).toEqual(base);
  });

  it('knows the model that it began with after a resume too, from the reference that stands still', () => {
    const state = {
      step: 2,
      tokens: 9,
      moments: { mean: new Map(), square: new Map() },
      reference: base.tensors,
      critic: null,
    };
    const resumed = (options: Partial<RunSettings['options']>, reference: typeof state.reference | null): RunRecord =>
      new RunRecord({ ...settings, options: { ...settings.options, ...options } }, new Tokenizer(), {
        log: [runStep(0, 0), runStep(2, 2)],
        completions: [],
        checkpoint: trained,
        state: { ...state, reference },
      });
    expect(recordOf([runStep(1, 2)]).base).toBe(base);
    expect(resumed({}, base.tensors).base).toEqual(base);
    expect(resumed({ syncRefModel: true }, base.tensors).base).toBeNull();
    expect(resumed({ beta: 0 }, null).base).toBeNull();
  });

  it('exports the weights kept, under the step they belong to, with the log of all steps', () => {
    const record = recordOf([runStep(1, 2), runStep(2, 2)]);
    record.keepWeights({ checkpoint: trained, state: null });
    record.addStep(runStep(3, 2));
    const files = readZip(record.zip());
    expect(readModelFolder(files).checkpoint).toEqual(trained);
    expect(lines(files, 'run/log.jsonl').map(({ step }) => step)).toEqual([0, 1, 2, 3]);
    const card = strFromU8(files.get('README.md') as Uint8Array);
    expect(card).toContain('# grpo-addition-carry-seed7-step2');
    expect(card).toContain('| `reward` | 0.2 |');
    expect(card).toContain(trainCommand(settings, 2));
  });

  it('keeps the latest 20,000 completions', () => {
    const files = readZip(recordOf([1, 2, 3].map((step) => runStep(step, 8000))).zip());
    const kept = lines(files, 'run/completions.jsonl');
    expect(kept).toHaveLength(20_000);
    expect(kept[0]).toMatchObject({ step: 1, completion: '1=4000 no</think>4000<eos>' });
    expect(kept.at(-1)).toMatchObject({ step: 3, completion: '3=7999 no</think>7999<eos>' });
  });
});

describe('the command of a run', () => {
  it('gives the command line the same settings', () => {
    const changed: RunSettings = {
      ...settings,
      options: { ...settings.options, learningRate: 3e-7, delta: 2.5, rewardWeights: [1, 0], lossType: 'dr_grpo' },
    };
    const words = trainCommand(changed, 57).split(' ');
    expect(words.slice(0, 6)).toEqual(['npm', 'run', '-s', 'grpo', '--', 'train']);
    const given = new Arguments(words.slice(6), ['preset', 'seed', 'steps', 'set', 'out']);
    const preset = findPreset(given.required('preset'));
    expect(preset.name).toBe('carry');
    expect(given.seed()).toBe(7);
    expect(given.text('steps')).toBe('57');
    expect(given.options(preset.options)).toEqual(changed.options);
  });

  it('names only the options that differ from the preset', () => {
    expect(trainCommand(settings, 57)).toBe(
      'npm run -s grpo -- train --preset carry --seed 7 --steps 57 --out grpo-addition-carry-seed7-step57',
    );
    const capped = trainCommand({ ...settings, options: { ...settings.options, weightDecay: 0.5 } }, 57);
    expect(capped).toContain(' --set weightDecay=0.5 ');
  });
});
