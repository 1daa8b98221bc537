import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readModelFolder } from '../../src/export/hugging-face.ts';
import { runName } from '../../src/export/run-log.ts';
import { readZip } from '../../src/export/unzip.ts';
import { exportRun, type RunExport } from '../../src/export/zip.ts';
import { DEFAULT_OPTIONS } from '../../src/grpo/options.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import { randomCheckpoint } from './model.ts';

const run: RunExport = {
  checkpoint: randomCheckpoint(),
  tokenizer: new Tokenizer(),
  settings: { preset: 'aha', task: 'countdown', seed: 1, steps: 250, options: DEFAULT_OPTIONS },
  step: 2,
  log: [
    { step: 1, metrics: { reward: 0.25 } },
    { step: 2, metrics: { reward: 0.5 } },
  ],
  completions: [{ step: 2, prompt: '4,5>9<think>', completion: '4+5=9 yes', rewards: { accuracy: 1 }, advantage: 0.5 }],
  card: '# A card\n',
  state: null,
};

describe('the zip of a run', () => {
  it('has one top folder with the model at its root and the run in run/', () => {
    const folder = 'grpo-countdown-aha-seed1-step2';
    expect(runName(run.settings, run.step)).toBe(folder);
    expect(Object.keys(unzipSync(exportRun(run))).sort()).toEqual(
      [
        'README.md',
        'config.json',
        'generation_config.json',
        'model.safetensors',
        'onnx/model.onnx',
        'run/completions.jsonl',
        'run/events.out.tfevents.0.grpo-playground',
        'run/log.jsonl',
        'run/settings.json',
        'tokenizer.json',
        'tokenizer_config.json',
      ].map((path) => `${folder}/${path}`),
    );
  });

  it('is read back as the same model and logs', () => {
    const files = readZip(exportRun(run));
    expect(readModelFolder(files).checkpoint).toEqual(run.checkpoint);
    const log = new TextDecoder().decode(files.get('run/log.jsonl'));
    expect(log).toBe('{"step":1,"reward":0.25}\n{"step":2,"reward":0.5}\n');
    expect(new TextDecoder().decode(files.get('README.md'))).toBe('# A card\n');
  });

  it('holds the picture of the curves if there is one, and half the bytes of weights in half precision', () => {
    const full = readZip(exportRun(run)).get('model.safetensors')!;
    const files = readZip(exportRun({ ...run, weights: 'fp16', curves: Uint8Array.of(1, 2, 3) }));
    expect(files.get('curves.png')).toEqual(Uint8Array.of(1, 2, 3));
    expect(files.get('model.safetensors')!.length).toBeLessThan(0.7 * full.length); // of this small model, much is header
  });

  it('is the same to the byte for the same run', () => {
    expect(exportRun(run)).toEqual(exportRun(run));
  });
});
