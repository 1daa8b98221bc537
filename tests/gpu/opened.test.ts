// What a visitor opens, through a session over the real engine: its own zip and folder taken up again, and damage that changes nothing.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MODEL_FILES, readModelFolder } from '../../src/export/hugging-face.ts';
import { readZip } from '../../src/export/unzip.ts';
import { resolveOptions } from '../../src/grpo/options.ts';
import { Tokenizer, VOCABULARY } from '../../src/tasks/tokenizer.ts';
import type { PickedFile, RunEvent, RunSettings } from '../../src/worker/protocol.ts';
import { Session } from '../../src/worker/session.ts';
import { roughModel } from './open.ts';

const sizes = { hiddenSize: 16, intermediateSize: 16, numLayers: 1, numHeads: 2, maxPositions: 32 };
const checkpoint = roughModel({ vocabSize: VOCABULARY.length, ...sizes }, 1);
const settings: RunSettings = {
  preset: 'light-lesson',
  task: 'countdown-easy',
  seed: 3,
  steps: 4,
  options: resolveOptions({
    promptsPerStep: 2,
    numGenerations: 4,
    maxCompletionLength: 12,
    learningRate: 3e-3,
    entropyCoef: 0.05, // a random model is never rewarded: this moves it
  }),
};

const session = new Session({
  gpu: navigator.gpu,
  loadModel: () => Promise.resolve({ checkpoint, tokenizer: new Tokenizer() }),
  loadSizes: () => Promise.resolve(checkpoint),
});
const events: RunEvent[] = [];
const listener = (event: RunEvent): void => void events.push(event);
const until = (type: RunEvent['type']): Promise<void> =>
  vi.waitFor(() => expect(events.at(-1)?.type).toBe(type), { timeout: 30_000, interval: 5 });
const steps = () => events.flatMap((event) => (event.type === 'step' ? [event] : []));

const picked = (path: string, bytes: Uint8Array): PickedFile => ({ path, file: new File([bytes as Uint8Array<ArrayBuffer>], path) }); // prettier-ignore
const weightsOf = (zip: Uint8Array): unknown => readModelFolder(readZip(zip)).checkpoint;

/** A run to its second step and its zip; then it is gone. */
async function interrupted(): Promise<Uint8Array> {
  const started = session.start(settings, listener);
  await session.pause();
  await started;
  await session.step();
  await session.step();
  const zip = await session.exportZip();
  await session.reset();
  events.length = 0;
  return zip;
}

afterEach(async () => {
  await session.reset();
  events.length = 0;
});

describe('what a visitor opens', { timeout: 60_000 }, () => {
  it('goes on from a zip, and from the files of a folder, as the run that never stopped', async () => {
    await session.start(settings, listener);
    await until('finished');
    const through = [steps(), weightsOf(await session.exportZip())] as const;
    const zip = await interrupted();

    const opened = await session.open([picked('my run (1).zip', zip)]);
    expect(opened).toMatchObject({
      name: 'my-run-1-',
      layers: 1,
      width: 16,
      longestAnswer: 16,
      run: { settings, step: 2 },
    });
    expect([...opened.files.keys()].sort()).toEqual([...MODEL_FILES].sort());
    const folder = [...readZip(zip)].map(([path, bytes]) => picked(`my-folder/${path}`, bytes));
    for (const files of [null, [...folder, picked('my-folder/.DS_Store', new Uint8Array(9))]]) {
      if (files) expect(await session.open(files)).toMatchObject({ ...opened, name: 'my-folder' });
      events.length = 0;
      await session.start({ ...settings, seed: 99 }, listener, 'opened run');
      await until('finished');
      expect(events.find(({ type }) => type === 'started')).toMatchObject({ settings });
      expect(events.findIndex(({ type }) => type === 'preview')).toBeLessThan(
        events.findIndex(({ type }) => type === 'step'),
      );
      const told = steps().map(({ step, metrics }) => [step, metrics['loss'], metrics['eval/accuracy']]);
      expect(told).toEqual(through[0].map(({ step, metrics }) => [step, metrics['loss'], metrics['eval/accuracy']]));
      const again = await session.exportZip();
      expect(weightsOf(again)).toEqual(through[1]);
      const lines = (path: string): number =>
        new TextDecoder().decode(readZip(again).get(path)).trim().split('\n').length;
      expect([lines('run/log.jsonl'), lines('run/completions.jsonl')]).toEqual([5, 4 * 8]);
    }
  });

  it('begins a new run with an opened model, and says so in all that is exported', async () => {
    const zip = await interrupted();
    await session.open([picked('teacher.zip', zip)]);
    await session.start({ ...settings, steps: 1 }, listener, 'opened model');
    await until('finished');
    expect(steps().map(({ step }) => step)).toEqual([0, 1]);
    const files = readZip(await session.exportZip());
    const text = (path: string): string => new TextDecoder().decode(files.get(path));
    expect(JSON.parse(text('run/settings.json'))).toMatchObject({ base_model: 'teacher', max_steps: 1 });
    expect(text('README.md')).toContain('--preset light-lesson --model teacher --seed 3');
  });

  it('leaves the run in progress and what was opened before as they were where a file is damaged', async () => {
    const zip = await interrupted();
    await session.open([picked('good.zip', zip)]);
    const started = session.start(settings, listener);
    await session.pause();
    await started;
    const before = await session.exportZip();
    const told = events.length;
    const damaged = zip.slice();
    damaged[Math.floor(zip.length / 2)]! ^= 1;
    for (const bytes of [damaged, zip.slice(0, -9), new Uint8Array(0)])
      await expect(session.open([picked('bad.zip', bytes)])).rejects.toMatchObject({ name: 'bad-checkpoint' });
    await expect(session.open([])).rejects.toMatchObject({ name: 'bad-checkpoint' });
    const unreadable = Object.assign(new File([zip as Uint8Array<ArrayBuffer>], 'x'), {
      arrayBuffer: () => Promise.reject(new Error('gone')),
    });
    await expect(session.open([{ path: 'x.zip', file: unreadable }])).rejects.toThrow(
      'x.zip must be a file that can be read',
    );
    expect(events).toHaveLength(told);
    expect(await session.exportZip()).toEqual(before);
    await session.start(settings, listener, 'opened run');
    await until('finished');
    expect(steps().at(-1)?.step).toBe(4);
  });

  it('refuses to go on where there is nothing left to do, and with a model that has no run', async () => {
    const zip = await interrupted();
    await session.open([picked('good.zip', zip)]);
    await session.start({ ...settings, steps: 2 }, listener, 'opened run');
    expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'bad-settings', message: 'the run has done 2 steps, so that steps must be more, but it is 2' }); // prettier-ignore
    const model = [...readZip(zip)].filter(([path]) => !path.startsWith('run/'));
    const opened = await session.open(model.map(([path, bytes]) => picked(path, bytes)));
    expect(opened).toMatchObject({ name: 'model', run: null });
    await session.start(settings, listener, 'opened run');
    expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'bad-settings', exportable: false });
  });
});
