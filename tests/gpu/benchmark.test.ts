// A benchmark as small as it gets, in the browser and in the worker of the page. No figure is held to a time.
import { describe, expect, it } from 'vitest';
import { BENCHMARK_PARTS, BENCHMARK_SCALES, measureAha, runBenchmark } from '../../src/recipes/benchmark.ts';
import { PRESETS } from '../../src/recipes/presets.ts';
import { startBenchmark } from '../../src/worker/benchmark-client.ts';
import { loadModel } from '../../src/worker/models.ts';
import { openGpu } from './open.ts';

const MINUTES = { timeout: 240_000 };
const gpu = await openGpu();
const surroundings = {
  withGpu: async <Result>(use: (device: typeof gpu) => Promise<Result>) => {
    gpu.freeAll();
    return use(gpu);
  },
  loadModel: async (name: string) => (await loadModel(name)).checkpoint,
};
const quiet = (): undefined => undefined;

describe('a benchmark', MINUTES, () => {
  it('gives finite figures of every part, and says what it leaves out', async () => {
    const told: string[] = [];
    const { growth, reference, ...others } = await runBenchmark(
      { parts: BENCHMARK_PARTS, scale: 'tiny' },
      { ...surroundings, withGpu: (use) => surroundings.withGpu((device) => use(asSoftware(device))) },
      (what, done, total) => told.push(`${what} ${done}/${total}`),
    );
    expect(others).toMatchObject({ engine: 'grpo-playground', software: true, scale: 'tiny', aha: null });
    expect(others.notes).toEqual([expect.stringContaining('tiny'), expect.stringContaining('aha is left out')]);
    expect(told).toEqual(expect.arrayContaining(['Reference step 0/5', 'Reference step 5/5', 'Growth 6/6']));

    const plan = BENCHMARK_SCALES.tiny;
    expect(reference).toMatchObject({ sizes: plan.reference, repeats: plan.repeats });
    const figures = Object.entries(reference ?? {}).filter(([, value]) => typeof value === 'number');
    expect(figures.map(([name]) => name)).toContain('samplingTokensPerSecond');
    for (const [name, value] of figures) expect([name, Number.isFinite(value)]).toEqual([name, true]);
    expect(reference?.stepMs).toBeGreaterThan(0);
    expect(reference?.largestBindingMiB).toBeGreaterThan(0);
    expect(reference?.allocatedMiB).toBeGreaterThan(reference?.largestBindingMiB ?? Infinity);
    expect(reference?.dispatches).toBeGreaterThan(reference?.submits ?? Infinity);
    expect(reference?.profile?.sampling.kernels.map(({ label }) => label)).toContain('sample_token');

    expect(growth?.map(({ hiddenSize }) => hiddenSize)).toEqual(plan.growth.hiddenSizes);
    for (const { bySequences, byLength, sequencesRatio, lengthRatio } of growth ?? []) {
      expect(bySequences.map(({ sequences }) => sequences)).toEqual(plan.growth.sequences);
      expect(byLength.map(({ newTokens }) => newTokens)).toEqual(plan.growth.lengths);
      for (const { sequences, newTokens, stepMs, tokenUs } of [...bySequences, ...byLength])
        expect(tokenUs).toBeCloseTo((stepMs * 1000) / (sequences * newTokens));
      expect(Math.min(sequencesRatio, lengthRatio)).toBeGreaterThanOrEqual(1);
    }
  });

  it('runs only the parts that are asked for, at the sizes that are given', async () => {
    const request = { parts: ['reference'], scale: 'tiny', sizes: { sequences: 4, newTokens: 2 }, repeats: 1 } as const;
    const { reference, growth, aha } = await runBenchmark(request, surroundings, quiet);
    expect(reference?.sizes).toEqual({ ...BENCHMARK_SCALES.tiny.reference, sequences: 4, newTokens: 2 });
    expect([growth, aha]).toEqual([null, null]);
  });

  it('trains to the aha until the steps are over, and says what share it saw', async () => {
    const preset = PRESETS['no-aha'];
    const small = { promptsPerStep: 1, numGenerations: 4, maxCompletionLength: 8 };
    const request = { ...preset, seed: 1, steps: 2, options: { ...preset.options, ...small } };
    gpu.freeAll();
    const aha = await measureAha(gpu, () => surroundings.loadModel(preset.model), request, quiet);
    expect(aha).toMatchObject({ preset: 'no-aha', reached: false, steps: 2, targetWaitShare: 0.75 });
    expect(aha.seconds).toBeGreaterThan(0);
  });
});

describe('the worker of the benchmark', MINUTES, () => {
  it('gives report, tables and text, and tells how far it is', async () => {
    const told: number[] = [];
    const request = { parts: ['reference'], scale: 'tiny', repeats: 1 } as const;
    const { report, tables, text } = await startBenchmark(request, (_, done) => told.push(done)).result;
    expect(report).toMatchObject({ adapter: gpu.adapter.name, reference: { repeats: 1 }, growth: null });
    expect(text).toContain(tables[0]?.title);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told.length).toBeGreaterThan(1);
  });

  it('rejects with the name of the error over there', async () => {
    const request = { parts: ['reference'], scale: 'tiny', sizes: { numHeads: 5 } } as const;
    await expect(startBenchmark(request, quiet).result).rejects.toMatchObject({
      name: 'bad-settings',
      message: expect.stringContaining('numHeads') as string,
    });
  });
});

/** As on a machine without a GPU, wherever the test runs. */
function asSoftware(device: typeof gpu): typeof gpu {
  return Object.defineProperty(device, 'adapter', { value: { ...device.adapter, software: true } });
}
