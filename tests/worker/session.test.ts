// What a session does without a GPU; tests/gpu/session.test.ts runs it on one.
import { describe, expect, it } from 'vitest';
import { writeModelFolder } from '../../src/export/hugging-face.ts';
import { readSafetensors } from '../../src/export/safetensors.ts';
import { readZip } from '../../src/export/unzip.ts';
import { writeZip } from '../../src/export/zip.ts';
import { PRESETS } from '../../src/recipes/presets.ts';
import { Tokenizer } from '../../src/tasks/tokenizer.ts';
import type { Origin, RunEvent, RunSettings } from '../../src/worker/protocol.ts';
import { Session } from '../../src/worker/session.ts';
import { randomCheckpoint } from '../export/model.ts';

const settings: RunSettings = { ...PRESETS.aha, preset: 'aha', seed: 1 };

function withoutGpu(): Session {
  const none = () => Promise.reject(new Error('no model is needed'));
  return new Session({ gpu: undefined, loadModel: none, loadSizes: none });
}

describe('a session where there is no WebGPU', () => {
  it('finds no adapter, and says so by name', async () => {
    await expect(withoutGpu().adapter()).rejects.toMatchObject({ name: 'webgpu-unavailable' });
  });

  it('tells a start as a failed run with nothing to export', async () => {
    const events: RunEvent[] = [];
    await withoutGpu().start(settings, (event) => events.push(event));
    expect(events).toEqual([
      {
        type: 'failed',
        code: 'webgpu-unavailable',
        message: expect.stringContaining('no WebGPU') as string,
        exportable: false,
      },
    ]);
  });
});

describe('a session without a run', () => {
  it('takes pause, resume, step and reset without a stir', async () => {
    const session = withoutGpu();
    await Promise.all([session.pause(), session.resume(), session.step(), session.reset()]);
  });

  it('has nothing to export', async () => {
    await expect(withoutGpu().exportZip()).rejects.toMatchObject({
      name: 'bad-settings',
      message: expect.stringContaining('start one first') as string,
    });
  });
});

describe('the folder for TRL', () => {
  const base = randomCheckpoint();
  const loadModel = () => Promise.resolve({ checkpoint: base, tokenizer: new Tokenizer() });
  const session = new Session({ gpu: undefined, loadModel, loadSizes: () => Promise.resolve(base) });

  it('needs neither a run nor WebGPU: it is for the settings', async () => {
    const { name, zip, gaps } = await session.exportTrl(settings);
    expect([name, gaps]).toEqual(['trl-countdown-aha-seed1', []]);
    const files = readZip(zip);
    expect(files.has('train.py')).toBe(true);
    expect(new TextDecoder().decode(files.get('grpo.yaml'))).toContain('\nmax_steps: 500\n');
  });

  it('tells what TRL does not take as it is', async () => {
    const options = { ...settings.options, advantageEstimator: 'reinforce' as const };
    const { gaps } = await session.exportTrl({ ...settings, options });
    expect(gaps).toMatchObject([{ option: 'advantageEstimator', value: 'reinforce' }]);
  });

  it('holds the opened model where the next run would begin with that', async () => {
    const opened = randomCheckpoint(undefined, 2);
    const file = new Blob([writeZip('mine', writeModelFolder(opened, new Tokenizer())) as Uint8Array<ArrayBuffer>]);
    await session.open([{ path: 'mine.zip', file }]);
    const folder = async (origin: Origin) => readZip((await session.exportTrl(settings, origin)).zip);
    const model = (files: Map<string, Uint8Array>) => readSafetensors(files.get('model/model.safetensors')!);
    const [before, after] = [await folder('preset'), await folder('opened model')];
    const name = 'model.embed_tokens.weight';
    expect(model(before).get(name)?.data).toEqual(base.tensors.get(name));
    expect(model(after).get(name)?.data).toEqual(opened.tensors.get(name));
    expect(new TextDecoder().decode(after.get('run/settings.json'))).toContain('"base_model": "mine"');
  });

  it('refuses a run whose base nobody holds', async () => {
    await expect(session.exportTrl({ ...settings, base: 'mine' })).rejects.toMatchObject({ name: 'bad-settings' });
  });
});
