import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/worker/protocol.ts';
import { advance, EMPTY_VIEW, firstAndLatest, MAX_STEPS, pace, type RunView } from '../../src/ui/state/run-view.ts';
import { ADAPTER, SETTINGS, simulatedEvents } from './simulated-run.ts';

const started: RunEvent = { type: 'started', settings: SETTINGS, adapter: ADAPTER, parameters: 10 };
const step = (number: number, metrics: Record<string, number> = {}): RunEvent => ({
  type: 'step',
  step: number,
  metrics,
  group: null,
  stepMs: 200,
  tokens: 100,
});
const view = (...events: RunEvent[]): RunView => events.reduce(advance, EMPTY_VIEW);

describe('the view of a run', () => {
  it('follows a whole run from its start to its end', () => {
    const whole = view(...simulatedEvents());
    expect(whole.phase).toBe('finished');
    expect(whole.steps.map((record) => record.step)).toEqual(Array.from({ length: 251 }, (_, index) => index));
    expect(whole.settings).toEqual(SETTINGS);
    expect(whole.progress).toBeNull();
  });

  it('forgets everything when a run begins anew', () => {
    const failed: RunEvent = { type: 'failed', code: 'diverged', message: 'NaN', exportable: true };
    expect(view(started, step(0), step(1), failed, started)).toEqual(view(started));
  });

  it('shows progress until it is done or the next step comes', () => {
    const progress = (done: number): RunEvent => ({ type: 'progress', what: 'Evaluating', done, total: 4 });
    expect(view(started, progress(1)).progress).toEqual({ what: 'Evaluating', done: 1, total: 4 });
    expect(view(started, progress(4)).progress).toBeNull();
    expect(view(started, progress(1), step(1)).progress).toBeNull();
  });

  it('shows what the base model says until step 1 has learnt from it', () => {
    const [group] = simulatedEvents().flatMap((event) => (event.type === 'step' && event.group) || []);
    const preview = { type: 'preview', group: group! } as const;
    expect(view(started, preview).preview).toBe(group);
    expect(view(started, preview, step(0)).preview).toBe(group);
    expect(view(started, preview, step(0), { ...step(1), group: group! } as RunEvent).preview).toBeNull();
    expect(view(started, preview, started).preview).toBeNull();
  });

  it('stays paused when a single step arrives', () => {
    expect(view(started, step(0), { type: 'paused' }, step(1)).phase).toBe('paused');
    expect(view(started, step(0), { type: 'paused' }, step(1), { type: 'resumed' }).phase).toBe('running');
  });

  it('keeps what was measured when a run fails', () => {
    const failed = view(started, step(0), { type: 'failed', code: 'device-lost', message: 'gone', exportable: true });
    expect(failed.phase).toBe('failed');
    expect(failed.failure).toEqual({ code: 'device-lost', message: 'gone', exportable: true });
    expect(failed.steps).toHaveLength(1);
  });

  it('shows a failure that comes before any start', () => {
    expect(view({ type: 'failed', code: 'bad-checkpoint', message: 'short file', exportable: false }).phase).toBe(
      'failed',
    );
  });

  it('thins a long run but keeps the first step, the latest and every evaluation', () => {
    const events = Array.from({ length: 5000 }, (_, index) =>
      step(index, index % 100 === 0 ? { 'eval/accuracy': 0.5 } : {}),
    );
    const { steps } = view(started, ...events);
    const kept = steps.map((record) => record.step);
    expect(steps.length).toBeLessThanOrEqual(MAX_STEPS);
    expect(kept).toEqual([...kept].sort((a, b) => a - b));
    expect(kept[0]).toBe(0);
    expect(kept.at(-1)).toBe(4999);
    expect(kept.filter((number) => number % 100 === 0)).toHaveLength(50);
  });
});

describe('figures of a run', () => {
  it('finds the first and the latest value of a metric, past steps that lack it', () => {
    const { steps } = view(started, step(0, { kl: 0 }), step(1, { reward: 0.2 }), step(2, { reward: 0.3 }), step(3));
    expect(firstAndLatest(steps, 'reward')).toEqual({ first: 0.2, latest: 0.3 });
    expect(firstAndLatest(steps, 'entropy')).toBeNull();
  });

  it('leaves values out that are not finite', () => {
    const { steps } = view(started, step(0, { kl: 1 }), step(1, { kl: Number.NaN }));
    expect(firstAndLatest(steps, 'kl')).toEqual({ first: 1, latest: 1 });
  });

  it('takes the pace from trained steps alone', () => {
    const { steps } = view(started, step(0));
    expect(pace(steps)).toBeNull();
    expect(pace(view(started, step(0), step(1), step(2)).steps)).toEqual({ stepMs: 200, tokensPerSecond: 500 });
  });
});
