// A session over the real engine: a tiny random model through everything the page can ask for.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PlaygroundError } from '../../src/base/errors.ts';
import { Generator } from '../../src/engine/generator.ts';
import { Gpu } from '../../src/engine/index.ts';
import type { ChoiceMemory } from '../../src/engine/tune.ts';
import { readModelFolder } from '../../src/export/hugging-face.ts';
import { readZip } from '../../src/export/unzip.ts';
import { resolveOptions, type GrpoOptions } from '../../src/grpo/options.ts';
import { Run } from '../../src/recipes/run.ts';
import { Tokenizer, VOCABULARY } from '../../src/tasks/tokenizer.ts';
import type { RunEvent, RunSettings } from '../../src/worker/protocol.ts';
import type { Model } from '../../src/worker/models.ts';
import { Session, type Surroundings } from '../../src/worker/session.ts';
import { disguised, openGpu, roughModel } from './open.ts';

const checkpoint = roughModel(
  {
    vocabSize: VOCABULARY.length,
    hiddenSize: 16,
    intermediateSize: 16,
    numLayers: 1,
    numHeads: 2,
    maxPositions: 32,
  },
  1,
);
const model = { checkpoint, tokenizer: new Tokenizer() };

function settingsOf(steps: number, options: Partial<GrpoOptions> = {}): RunSettings {
  return {
    preset: 'light-lesson',
    task: 'countdown-easy',
    seed: 3,
    steps,
    // A random model is never rewarded; the decay moves its weights.
    options: resolveOptions({
      promptsPerStep: 2,
      numGenerations: 4,
      maxCompletionLength: 12,
      warmupSteps: 0,
      weightDecay: 1,
      ...options,
    }),
  };
}

// Opened before `Gpu.open` is watched.
const shared = openGpu();
let opened: Session;

/** A session with the devices and runs that it opens and the events that it tells. It gets the device of all tests, or its own. */
function openSession({
  device = 'shared',
  base = Promise.resolve(model),
  surroundings = {},
}: { device?: 'shared' | 'own'; base?: Promise<Model>; surroundings?: Partial<Surroundings> } = {}) {
  const open = vi.spyOn(Gpu, 'open');
  if (device === 'shared') open.mockImplementation(() => shared);
  const create = vi.spyOn(Run, 'create');
  const events: RunEvent[] = [];
  base.catch(() => undefined); // the session asks for it later
  const zeros = new Map([...checkpoint.tensors].map(([name, tensor]) => [name, tensor.map(() => 0)]));
  const session = (opened = new Session({
    gpu: navigator.gpu,
    loadModel: () => base,
    loadSizes: () => Promise.resolve({ ...checkpoint, tensors: zeros }),
    ...surroundings,
  }));
  return {
    session,
    events,
    types: (): string[] => events.map(({ type }) => type).filter((type) => type !== 'progress'),
    listener: (event: RunEvent): void => void events.push(event),
    until: (type: RunEvent['type']): Promise<void> =>
      vi.waitFor(() => expect(events.at(-1)?.type).toBe(type), { timeout: 30_000, interval: 5 }),
    gpu: async (): Promise<Gpu> => (await open.mock.results.at(-1)?.value) as Gpu,
    devices: (): number => open.mock.calls.length,
    runs: (): number => create.mock.calls.length,
    run: async (): Promise<Run> => (await create.mock.results.at(-1)?.value) as Run,
  };
}

async function exported(session: Session) {
  return readModelFolder(readZip(await session.exportZip())).checkpoint;
}

afterEach(async () => {
  vi.restoreAllMocks();
  await opened.reset();
});

describe('a session', { timeout: 60_000 }, () => {
  it('tells its adapter without a run', async () => {
    const { session, events, gpu } = openSession();
    expect(await session.adapter()).toEqual((await gpu()).adapter);
    expect(events).toEqual([]);
  });

  it('compiles nothing at the start of a run that it was told to prepare, and keeps no memory until then', async () => {
    const { session, types, listener, gpu } = openSession({ device: 'own' });
    await session.prepare(settingsOf(1));
    const { device, allocatedBytes } = await gpu();
    expect(allocatedBytes).toBe(0);
    const compile = vi.spyOn(device, 'createComputePipelineAsync');
    await session.start(settingsOf(1), listener);
    expect(compile).not.toHaveBeenCalled();
    await session.prepare(settingsOf(1));
    expect(types()).toEqual(['started', 'preview', 'step']);
    await session.step();
  });

  it('prepares only what was asked for last, and nothing once a start was asked for', async () => {
    const { session, listener, runs } = openSession();
    await Promise.all([session.prepare(settingsOf(1)), session.prepare(settingsOf(2))]);
    expect(runs()).toBe(1);
    await Promise.all([session.prepare(settingsOf(1)), session.start(settingsOf(1), listener)]);
    expect(runs()).toBe(2);
  });

  it('shows the first answers before it compiles anything for training, also where a start comes amid preparing', async () => {
    const { session, gpu } = openSession({ device: 'own' });
    await session.adapter();
    const compile = vi.spyOn((await gpu()).device, 'createComputePipelineAsync');
    const compiled = (): unknown[] => compile.mock.calls.map(([{ label }]) => label);
    void session.prepare(settingsOf(1));
    await vi.waitFor(() => expect(compile).toHaveBeenCalled());
    let before: unknown[] = [];
    await session.start(settingsOf(1), (event) => {
      if (event.type === 'preview') before = compiled();
    });
    expect(before).toContain('sample_token');
    expect(before).not.toContain('adamw_update');
    expect(compiled()).toContain('adamw_update');
  });

  it('looks for the fastest decoder of a graphics card once it has compiled, remembers it and samples with it', async () => {
    const known = new Map<string, string>();
    const memory: ChoiceMemory = {
      getItem: (key) => Promise.resolve(known.get(key)),
      setItem: (key) => Promise.resolve(void known.set(key, 'layered')),
    };
    const { session, listener, devices } = openSession({
      device: 'own',
      surroundings: { gpu: disguised('rocket'), memory },
    });
    const create = vi
      .spyOn(Run, 'create')
      .mockResolvedValue({ base: () => Promise.reject(new Error('no run is needed')) } as unknown as Run);
    vi.spyOn(Generator, 'create').mockResolvedValue({ generate: () => Promise.resolve([]) } as unknown as Generator);
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await session.prepare(settingsOf(1));
    const devicesOfTrials = devices() - 1;
    expect(devicesOfTrials).toBe(3);
    await session.start(settingsOf(1), listener);
    expect(devices() - 1).toBe(devicesOfTrials);
    const decoders = create.mock.calls.map(([, , , , beginning]) => beginning?.decoder);
    expect(decoders).toEqual([undefined, { decoder: 'layered' }, { decoder: 'layered' }]);
  });

  it('starts where nothing can be remembered', async () => {
    const refused = (): Promise<never> => Promise.reject(new Error('no storage for this page'));
    const { session, types, listener } = openSession({
      surroundings: { memory: { getItem: refused, setItem: refused } },
    });
    await session.prepare(settingsOf(1));
    await session.start(settingsOf(1), listener);
    expect(types()).toEqual(['started', 'preview', 'step']);
  });

  it('leaves what cannot be prepared to the start to tell', async () => {
    const { session, events, listener, gpu } = openSession();
    const settings = settingsOf(1, { maxCompletionLength: 200 });
    await session.prepare(settings);
    expect([events, (await gpu()).allocatedBytes]).toEqual([[], 0]);
    await session.start(settings, listener);
    expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'bad-settings' });
  });

  it('streams a run from the base model to its end', async () => {
    const { session, events, types, listener, until, gpu, devices } = openSession();
    await session.adapter();
    const settings = settingsOf(3);
    await session.start(settings, listener);
    expect(types()).toEqual(['started', 'preview', 'step']);
    await until('finished');
    expect(types()).toEqual(['started', 'preview', 'step', 'step', 'step', 'step', 'finished']);
    expect(events.find(({ type }) => type === 'started')).toMatchObject({ settings, adapter: (await gpu()).adapter });
    const steps = events.filter((event) => event.type === 'step');
    expect(steps.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
    expect(steps.map(({ metrics }) => 'eval/accuracy' in metrics)).toEqual([true, false, false, true]);
    expect(steps.map(({ group }) => group?.completions.length)).toEqual([undefined, 4, 4, 4]);
    expect(structuredClone(events)).toEqual(events);
    expect(await exported(session)).not.toEqual(checkpoint);
    expect((await gpu()).allocatedBytes, 'bytes on the GPU once it is over').toBe(0);
    expect(devices()).toBe(1);
  });

  it('pauses after the step under way, steps once at a time and goes on', async () => {
    const { session, types, listener, until } = openSession();
    await session.start(settingsOf(100), listener);
    await session.pause();
    expect(types().at(-1)).toBe('paused');
    const before = types().length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(types()).toHaveLength(before);
    await session.step();
    expect(types().slice(before)).toEqual(['step', 'paused']);
    await session.resume();
    await until('step');
    expect(types().slice(before, before + 4)).toEqual(['step', 'paused', 'resumed', 'step']);
  });

  it('takes no harm from commands that make no sense', async () => {
    const { session, types, listener } = openSession();
    await session.start(settingsOf(100), listener);
    await Promise.all([session.step(), session.resume(), session.pause(), session.pause(), session.resume(), session.resume(), session.pause()]); // prettier-ignore
    expect(types().filter((type) => type !== 'step')).toEqual(['started', 'preview', 'paused', 'resumed', 'paused']);
    await session.reset();
    const before = types().length;
    await Promise.all([session.step(), session.resume(), session.pause()]);
    expect(types()).toHaveLength(before);
  });

  it('finishes by single steps', async () => {
    const { session, types, listener } = openSession();
    const started = session.start(settingsOf(2), listener);
    await session.pause();
    await started;
    expect(types()).toEqual(['started', 'preview', 'step', 'paused']);
    await session.step();
    await session.step();
    await session.step();
    expect(types().slice(4)).toEqual(['step', 'paused', 'step', 'finished']);
  });

  it('measures the kernels of the next step and of every tenth from then on, while it is asked to', async () => {
    const { session, events, listener, until } = openSession();
    await session.measureKernels(true);
    await session.start(settingsOf(12), listener);
    await until('finished');
    const measured = (): number[] =>
      events.flatMap((event) => (event.type === 'step' && event.timing?.kernels ? [event.step] : []));
    expect(measured()).toEqual([1, 11]);
    await session.measureKernels(false);
    await session.start(settingsOf(3), listener);
    await until('finished');
    expect(measured()).toEqual([1, 11]);
    const timings = events.flatMap((event) => (event.type === 'step' && event.step > 0 ? [event.timing] : []));
    for (const timing of timings)
      expect(timing).toMatchObject({ measurable: true, otherMs: expect.any(Number) as number });
  });

  it('exports the weights that the engine has now, also while it runs', async () => {
    const { session, events, listener, run } = openSession();
    await session.start(settingsOf(100), listener);
    const whileRunning = await session.exportZip();
    expect([...readZip(whileRunning).keys()]).toContain('run/completions.jsonl');
    await session.pause();
    await session.step();
    const { engine } = await run();
    expect(await exported(session)).toEqual(await engine.checkpoint());
    expect(await exported(session)).not.toEqual(checkpoint);
    const { step } = events.findLast((event) => event.type === 'step')!;
    const log = new TextDecoder().decode(readZip(await session.exportZip()).get('run/log.jsonl'));
    expect(log.trim().split('\n')).toHaveLength(step + 1);
  });

  it('goes back to the base on reset: the same start gives the same steps', async () => {
    const { session, events, listener, until, gpu } = openSession();
    const rewards = async (): Promise<unknown> => {
      events.length = 0;
      await session.start(settingsOf(3), listener);
      await until('finished');
      return events
        .filter((event) => event.type === 'step')
        .map(({ metrics, group }) => [metrics['policy_loss'], group]);
    };
    const first = await rewards();
    await session.reset();
    expect((await gpu()).allocatedBytes).toBe(0);
    await expect(session.exportZip()).rejects.toMatchObject({ name: 'bad-settings' });
    expect(await rewards()).toEqual(first);
  });

  it('ends the run in progress when another starts, on the same device and in the same memory', async () => {
    const { session, events, types, listener, gpu, devices } = openSession();
    await session.start(settingsOf(100), listener);
    const bytes = (await gpu()).allocatedBytes;
    const others: RunEvent[] = [];
    for (let again = 0; again < 3; again++) await session.start(settingsOf(100), (event) => others.push(event));
    const before = types().length;
    await session.step();
    expect(types(), 'events of the first run').toHaveLength(before);
    expect(events.map(({ type }) => type)).not.toContain('failed');
    expect(others.filter(({ type }) => type === 'started')).toHaveLength(3);
    expect((await gpu()).allocatedBytes).toBe(bytes);
    expect(devices()).toBe(1);
  });

  it('does not finish a start that a reset or another start overtakes', async () => {
    const { session, types, listener, gpu } = openSession();
    const overtaken: RunEvent[] = [];
    const first = session.start(settingsOf(100), (event) => overtaken.push(event));
    const second = session.start(settingsOf(100), listener);
    await Promise.all([first, second]);
    expect(overtaken).toEqual([]);
    expect(types()).toContain('started');
    void session.start(settingsOf(100), (event) => overtaken.push(event));
    await session.reset();
    expect(overtaken).toEqual([]);
    expect((await gpu()).allocatedBytes).toBe(0);
  });
});

describe('a run that fails', { timeout: 60_000 }, () => {
  it('says so where the numbers overflow, and leaves the weights as they were', async () => {
    const overflowing = new Map(checkpoint.tensors)
      .set('model.norm.weight', new Float32Array(16).fill(1e38))
      .set('model.embed_tokens.weight', new Float32Array(VOCABULARY.length * 16).fill(1000));
    const base = { ...model, checkpoint: { ...checkpoint, tensors: overflowing } };
    const { session, events, listener, until } = openSession({ base: Promise.resolve(base) });
    await session.start(settingsOf(100), listener);
    await until('failed');
    expect(events.at(-1)).toMatchObject({ code: 'diverged', exportable: true });
    expect(await exported(session)).toEqual(base.checkpoint);
  });

  it('keeps the weights of the step before the one that diverged', async () => {
    const { session, events, listener, run } = openSession();
    const started = session.start(settingsOf(100), listener);
    await session.pause();
    await started;
    await session.step();
    const good = await (await run()).engine.checkpoint();
    expect(good).not.toEqual(checkpoint);
    vi.spyOn(Run.prototype, 'step').mockRejectedValueOnce(new PlaygroundError('diverged', 'the loss is NaN'));
    await session.step();
    expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'diverged', exportable: true });
    expect(await exported(session)).toEqual(good);
  });

  it('keeps weights where the device is lost, and opens another for the next start', async () => {
    const { session, events, listener, until, gpu, devices } = openSession({ device: 'own' });
    await session.start(settingsOf(100), listener);
    await until('step');
    (await gpu()).device.destroy();
    await until('failed');
    expect(events.at(-1)).toMatchObject({ code: 'device-lost', exportable: true });
    expect((await exported(session)).config).toEqual(checkpoint.config);
    await session.start(settingsOf(1), listener);
    await until('finished');
    expect(devices()).toBe(2);
  });

  it('notices at an export that the device was lost meanwhile, and exports all the same', async () => {
    const { session, types, listener, gpu } = openSession({ device: 'own' });
    await session.start(settingsOf(100), listener);
    await session.pause();
    (await gpu()).device.destroy();
    expect((await exported(session)).config).toEqual(checkpoint.config);
    expect(types().at(-1)).toBe('failed');
  });

  it.each([
    ['settings that the model cannot take', settingsOf(1, { maxCompletionLength: 200 }), 'bad-settings', /at most 16/],
    ['a preset that there is not', { ...settingsOf(1), preset: 'none' as 'aha' }, 'bad-settings', /no preset "none"/],
  ])('tells %s by name, with nothing to export', async (_, settings, code, message) => {
    const { session, events, listener } = openSession();
    await session.start(settings, listener);
    expect(events.at(-1)).toMatchObject({
      type: 'failed',
      code,
      message: expect.stringMatching(message) as string,
      exportable: false,
    });
  });

  it('says so where the weights do not come, though the sizes did', async () => {
    const { session, types, events, listener } = openSession({ base: Promise.reject(new PlaygroundError('bad-checkpoint', 'no weights')) }); // prettier-ignore
    await session.start(settingsOf(1), listener);
    expect(types()).toEqual(['started', 'failed']);
    expect(events.at(-1)).toMatchObject({ code: 'bad-checkpoint', message: 'no weights', exportable: false });
  });

  it('tells what nobody foresaw as worker-crashed, and goes on', async () => {
    const { session, events, listener, until } = openSession();
    const unforeseen = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    vi.spyOn(Run.prototype, 'step').mockRejectedValueOnce(new TypeError('no such thing'));
    await session.start(settingsOf(100), listener);
    await until('failed');
    expect(events.at(-1)).toMatchObject({ code: 'worker-crashed', message: 'no such thing', exportable: true });
    expect(unforeseen).toHaveBeenCalledOnce();
    await session.start(settingsOf(1), listener);
    await until('finished');
  });
});
