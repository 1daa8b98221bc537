import { describe, expect, it } from 'vitest';
import { Benchmark } from '../../src/ui/bench/benchmark.svelte.ts';
import type { BenchmarkRequest, BenchmarkResult } from '../../src/worker/benchmark-client.ts';
import { exampleReport } from '../recipes/benchmark-example.ts';

const REQUEST: BenchmarkRequest = { parts: ['reference'] };
const RESULT: BenchmarkResult = { report: exampleReport(), tables: [], text: '' };

type Tell = (what: string, done: number, total: number) => void;

/** A benchmark whose worker does what the test tells it to. */
function driven() {
  const runs: { tell: Tell; resolve: (result: BenchmarkResult) => void; reject: (error: unknown) => void }[] = [];
  let stops = 0;
  const benchmark = new Benchmark((_, tell) => {
    const { promise: result, resolve, reject } = withResolvers<BenchmarkResult>();
    runs.push({ tell, resolve, reject });
    return { result, stop: () => (stops += 1) };
  });
  return { benchmark, runs, stops: () => stops };
}

function withResolvers<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<Value>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

describe('a benchmark in the page', () => {
  it('shows how far it is, then its figures, and lets go of its worker', async () => {
    const { benchmark, runs, stops } = driven();
    const done = benchmark.start(REQUEST);
    expect([benchmark.running, benchmark.progress]).toEqual([true, null]);
    runs[0]?.tell('Reference step', 1, 4);
    expect(benchmark.progress).toEqual({ what: 'Reference step', done: 1, total: 4 });
    runs[0]?.resolve(RESULT);
    await done;
    expect([benchmark.running, benchmark.progress, benchmark.result, stops()]).toEqual([false, null, RESULT, 1]);
  });

  it('keeps what went wrong by name', async () => {
    const { benchmark, runs } = driven();
    const done = benchmark.start(REQUEST);
    runs[0]?.reject(Object.assign(new Error('no adapter'), { name: 'webgpu-unavailable' }));
    await done;
    expect(benchmark.failure).toMatchObject({ name: 'webgpu-unavailable', message: 'no adapter' });
    expect([benchmark.running, benchmark.result]).toEqual([false, null]);
  });

  it('forgets the last failure when it starts again', async () => {
    const { benchmark, runs } = driven();
    const first = benchmark.start(REQUEST);
    runs[0]?.reject('odd');
    await first;
    expect(benchmark.failure?.message).toBe('odd');
    void benchmark.start(REQUEST);
    expect(benchmark.failure).toBeNull();
  });

  it('hears nothing more of one that was stopped', () => {
    const { benchmark, runs } = driven();
    void benchmark.start(REQUEST);
    benchmark.stop();
    runs[0]?.tell('Reference step', 1, 4);
    expect([benchmark.running, benchmark.progress]).toEqual([false, null]);
    void benchmark.start(REQUEST);
    runs[0]?.tell('Reference step', 2, 4);
    expect(benchmark.progress).toBeNull();
  });
});
