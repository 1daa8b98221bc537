import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StepRecord } from '../../src/ui/state/run-view.ts';
import { FAMILIES, timeView } from '../../src/ui/state/timing.ts';
import type { StepTiming } from '../../src/worker/protocol.ts';

const usual: StepTiming = {
  samplingMs: 60,
  gradingMs: 2,
  trainingMs: 30,
  evaluationMs: 0,
  otherMs: 4,
  dispatches: 4000,
  submits: 20,
  allocatedBytes: 3 * 2 ** 20,
  measurable: true,
  kernels: null,
};
const step = (number: number, changes: Partial<StepTiming> = {}): StepRecord => ({
  step: number,
  metrics: {},
  group: null,
  stepMs: 90,
  tokens: 100,
  timing: { ...usual, ...changes },
});
const kernel = (label: string, totalMs: number) => ({ label, totalMs, count: 1 });
const measured: Partial<StepTiming> = {
  samplingMs: 900,
  trainingMs: 900,
  kernels: {
    sampling: [kernel('matmul_forward', 20), kernel('attention_decode', 25), kernel('sample_token', 5)],
    training: [
      kernel('matmul_backward_weight', 7),
      kernel('matmul_backward_input', 5),
      kernel('matmul_forward', 6),
      kernel('adamw_update', 1),
      kernel('reduce_splits', 1),
      kernel('something_new', 2),
    ],
  },
};

describe('where the time goes', () => {
  it('is unknown of steps that do not tell it', () => {
    expect(timeView([])).toBeNull();
    const { timing: _, ...untold } = step(1);
    expect(timeView([untold])).toBeNull();
  });

  it('is told in parts that add up to the step, each with its share', () => {
    const view = timeView([step(1), step(2)])!;
    expect(view.parts.map(({ label, ms }) => [label, ms])).toEqual([
      ['Sampling', 60],
      ['Rewards', 2],
      ['Training', 30],
      ['Evaluation', 0],
      ['Everything else', 4],
    ]);
    expect(view.stepMs).toBe(96);
    expect(view.parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    expect([view.dispatches, view.submits, view.allocatedMiB]).toEqual([4000, 20, 3]);
  });

  it('takes the medians of the latest 20 steps', () => {
    const early = Array.from({ length: 30 }, (_, index) => step(index + 1, { samplingMs: 1000 }));
    const late = Array.from({ length: 20 }, (_, index) => step(index + 31, { samplingMs: index === 7 ? 5000 : 50 }));
    const view = timeView([...early, ...late])!;
    expect([view.parts[0]?.ms, view.steps]).toEqual([50, 20]);
  });

  it('spreads evaluations over the steps', () => {
    const steps = [step(24), step(25, { evaluationMs: 300 }), step(49), step(50, { evaluationMs: 500 })];
    expect(timeView(steps)?.parts.find(({ label }) => label === 'Evaluation')?.ms).toBe(800 / 50);
  });

  it('leaves steps whose kernels were measured out of the medians, unless there are no others', () => {
    const view = timeView([step(1), step(2, measured), step(3, measured), step(4, measured)])!;
    expect([view.parts[0]?.ms, view.steps, view.measuredStep]).toEqual([60, 1, 4]);
    expect(timeView([step(1, measured)])?.parts[0]?.ms).toBe(900);
  });

  it('sums kernels by family, backward apart, the longest first, and tells what of the wall time is left', () => {
    const [sampling, , training] = timeView([step(1), step(2, measured)])!.parts;
    expect(sampling?.pieces).toEqual([
      { label: 'Attention', ms: 25 },
      { label: 'Matrix products', ms: 20 },
      { label: 'Choosing tokens', ms: 5 },
      { label: 'Processor, and waiting', ms: 10 },
    ]);
    expect(training?.pieces).toEqual([
      { label: 'Matrix products, backward', ms: 12 },
      { label: 'Matrix products', ms: 6 },
      { label: 'Optimizer', ms: 2 },
      { label: 'Other kernels', ms: 2 },
      { label: 'Processor, and waiting', ms: 8 },
    ]);
    expect(timeView([step(1)])?.parts.flatMap(({ pieces }) => pieces)).toEqual([]);
  });

  it('explains the families that there are kernels of', () => {
    const labels = (steps: StepRecord[]) => timeView(steps)?.families.map(({ label }) => label);
    expect(labels([step(1)])).toEqual([]);
    expect(labels([step(1, measured)])).toEqual(['Matrix products', 'Attention', 'Choosing tokens', 'Optimizer']);
  });

  it('knows a family for every kernel of shaders/, and only one', () => {
    const folder = join(import.meta.dirname, '../../shaders');
    const kernels = readdirSync(folder).flatMap((file) =>
      [...readFileSync(join(folder, file), 'utf8').matchAll(/@compute[^{;]*?\bfn (\w+)/g)].map(([, name]) => name!),
    );
    expect(kernels.length).toBeGreaterThan(20);
    for (const name of kernels)
      expect(
        FAMILIES.filter(({ names }) => names.test(name)).map(({ label }) => label),
        name,
      ).toHaveLength(1);
  });
});
