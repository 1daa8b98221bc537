import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Microscope } from '../../src/ui/state/microscope.svelte.ts';
import { Recording } from '../../src/ui/state/recording.svelte.ts';
import { Run } from '../../src/ui/state/run.svelte.ts';
import { advance, EMPTY_VIEW } from '../../src/ui/state/run-view.ts';
import { ADAPTER, SETTINGS, simulatedEvents, simulatedRecording, SimulatedSession } from './simulated-run.ts';

beforeEach(() => {
  vi.useFakeTimers();
  return () => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  };
});

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });

describe('a run of the visitor', () => {
  it('starts, pauses, steps, resumes and is reset', async () => {
    const run = new Run(new SimulatedSession(100));
    expect([run.phase, run.active, run.exportable]).toEqual(['empty', false, false]);
    await run.start(SETTINGS);
    await vi.advanceTimersByTimeAsync(1000);
    expect([run.phase, run.active, run.exportable]).toEqual(['running', true, true]);
    await run.pause();
    await vi.advanceTimersByTimeAsync(100);
    const before = run.view.steps.length;
    await run.step();
    await vi.advanceTimersByTimeAsync(1000);
    expect([run.phase, run.view.steps.length]).toEqual(['paused', before + 1]);
    await run.resume();
    await vi.advanceTimersByTimeAsync(1000);
    expect(run.view.steps.length).toBeGreaterThan(before + 5);
    await run.reset();
    expect([run.phase, run.view]).toEqual(['empty', EMPTY_VIEW]);
  });

  it('changes the view ten times a second, however many events there were', async () => {
    const run = new Run(new SimulatedSession(1));
    await run.start(SETTINGS);
    const views = new Set<unknown>();
    for (let ms = 0; ms < 500; ms++) {
      await vi.advanceTimersByTimeAsync(1);
      views.add(run.view);
    }
    expect(run.view.steps.length).toBeGreaterThan(200);
    expect(views.size).toBeLessThanOrEqual(6);
  });

  it('turns a refused start into a failure with its code', async () => {
    const session = new SimulatedSession(100);
    vi.spyOn(session, 'start').mockRejectedValue(named('bad-checkpoint', 'expected 12 tensors, but 3 came'));
    const run = new Run(session);
    await run.start(SETTINGS);
    await vi.advanceTimersByTimeAsync(100);
    expect(run.view.failure).toEqual({
      code: 'bad-checkpoint',
      message: 'expected 12 tensors, but 3 came',
      exportable: false,
    });
    expect(run.active).toBe(false);
  });

  it('keeps the first telling of a failure', async () => {
    const session = new SimulatedSession(100, ADAPTER, { step: 2, code: 'diverged' });
    const run = new Run(session);
    await run.start(SETTINGS);
    await vi.advanceTimersByTimeAsync(1000);
    vi.spyOn(session, 'step').mockRejectedValue(named('bad-settings', 'there is no run'));
    await run.step();
    await vi.advanceTimersByTimeAsync(100);
    expect(run.view.failure?.code).toBe('diverged');
    expect(run.exportable).toBe(true);
  });

  it('says why an export failed, and forgets it with the next', async () => {
    const session = new SimulatedSession(100);
    const run = new Run(session);
    vi.spyOn(session, 'exportZip').mockRejectedValueOnce(named('worker-crashed', 'it stopped'));
    expect(await run.exportZip()).toBeNull();
    expect([run.exporting, run.exportProblem]).toEqual([false, 'it stopped']);
    expect(await run.exportZip()).toBeInstanceOf(Uint8Array);
    expect(run.exportProblem).toBeNull();
  });

  it('leaves it to the start to tell what went wrong before', async () => {
    const session = new SimulatedSession(100);
    vi.spyOn(session, 'prepare').mockRejectedValue(named('worker-crashed', 'it stopped'));
    const run = new Run(session);
    await run.prepare(SETTINGS);
    expect([run.phase, run.view]).toEqual(['empty', EMPTY_VIEW]);
  });

  it('knows when there is no WebGPU', async () => {
    const session = new SimulatedSession(100);
    vi.spyOn(session, 'adapter').mockRejectedValue(named('webgpu-unavailable', 'no adapter'));
    const run = new Run(session);
    await run.findAdapter();
    expect([run.unavailable, run.adapter]).toEqual(['no adapter', null]);
  });
});

describe('the recorded run', () => {
  const serve = (response: Response): void => {
    vi.stubGlobal('fetch', () => Promise.resolve(response));
  };

  it('plays to its end, and from the start again', async () => {
    serve(Response.json(simulatedRecording()));
    const recording = new Recording();
    expect(await recording.load('run.json')).toBe(true);
    recording.play();
    await vi.advanceTimersByTimeAsync(5000);
    recording.pause();
    const { length } = recording.view.steps;
    expect(length).toBeGreaterThan(5);
    await vi.advanceTimersByTimeAsync(5000);
    expect(recording.view.steps).toHaveLength(length);
    recording.toEnd();
    expect(recording.view.phase).toBe('finished');
    recording.toggle();
    await vi.advanceTimersByTimeAsync(2000);
    expect([recording.playing, recording.view.phase]).toEqual([true, 'running']);
  });

  it('gives way to another, from its start, and stays where there is no other', async () => {
    serve(Response.json(simulatedRecording()));
    const recording = new Recording();
    await recording.load('run.json');
    recording.toEnd();
    serve(new Response('no', { status: 404 }));
    expect(await recording.load('none.json')).toBe(false);
    expect(recording.view.phase).toBe('finished');
    serve(Response.json(simulatedRecording()));
    expect(await recording.load('other.json')).toBe(true);
    expect(recording.view.steps).toHaveLength(0);
    expect(await recording.load('other.json')).toBe(false);
  });

  it.each([
    ['an error', () => new Response('no', { status: 404 })],
    ['a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['half a file', () => new Response('{"about', { headers: { 'content-type': 'application/json' } })],
  ])('is none where the server answers with %s', async (_, response) => {
    serve(response());
    const recording = new Recording();
    expect(await recording.load('run.json')).toBe(false);
    expect(recording.about).toBeNull();
  });
});

describe('the group under the microscope', () => {
  const events = simulatedEvents();
  let view = EMPTY_VIEW;
  const showUpTo = (step: number): void => {
    view = events.slice(0, step + 4).reduce(advance, EMPTY_VIEW);
  };

  it('changes no faster than it can be read', () => {
    const shown = new Set<number | undefined>();
    for (let step = 0; step <= 40; step++) {
      showUpTo(step);
      const microscope = new Microscope(
        () => view,
        () => 120,
      );
      shown.add(microscope.shown?.step);
    }
    expect([...shown]).toEqual([0, 10, 20, 30, 40]);
  });

  it('shows what the base model says before step 1, and then step 1', () => {
    const learnt = events.find((event) => event.type === 'step' && event.step === 1);
    if (learnt?.type !== 'step' || !learnt.group) throw new Error('step 1 must have a group');
    const completions = learnt.group.completions.map((completion) => ({ ...completion, advantage: 0, push: [] }));
    const preview = { ...learnt.group, completions };
    view = [...events.slice(0, 3), { type: 'preview', group: preview } as const].reduce(advance, EMPTY_VIEW);
    const microscope = new Microscope(
      () => view,
      () => 2000,
    );
    expect([microscope.group, microscope.shown, microscope.held]).toEqual([preview, null, false]);
    expect(microscope.answers.map(({ advantage }) => advantage)).toEqual(completions.map(() => null));
    microscope.hold();
    view = advance(view, learnt);
    const after = new Microscope(
      () => view,
      () => 2000,
    );
    expect([after.group, after.shown?.step]).toEqual([learnt.group, 1]);
  });

  it('shows the very last group once the run no longer moves', () => {
    view = [...events.slice(0, 17), { type: 'paused' } as const].reduce(advance, EMPTY_VIEW);
    const microscope = new Microscope(
      () => view,
      () => 120,
    );
    expect(microscope.shown?.step).toBe(13);
    expect(microscope.answers).toHaveLength(16);
  });

  it('looks back at a chosen step until told to follow', () => {
    showUpTo(20);
    const microscope = new Microscope(
      () => view,
      () => 2000,
    );
    microscope.choose(5);
    expect([microscope.shown?.step, microscope.chosen]).toEqual([5, true]);
    microscope.choose(20);
    expect([microscope.shown?.step, microscope.chosen]).toEqual([20, false]);
    microscope.choose(7);
    microscope.follow();
    expect(microscope.shown?.step).toBe(20);
  });
});
