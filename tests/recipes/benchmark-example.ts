// A benchmark's report with figures that are easy to check.
import type { BenchmarkReport, ReferenceFigures } from '../../src/recipes/benchmark.ts';
import type { GrowthFigures } from '../../src/recipes/growth.ts';
import { workloadSizes } from '../../src/recipes/workload.ts';

/** With some figures of the reference step replaced. */
export function exampleReport(
  changed: Partial<ReferenceFigures> = {},
): BenchmarkReport & { readonly reference: ReferenceFigures } {
  const reference: ReferenceFigures = {
    sizes: workloadSizes(128, 4, 4, 512, 100),
    parameters: 856_704,
    repeats: 11,
    samplingMs: 40,
    trainingMs: 20,
    stepMs: 60,
    tokensPerSecond: 853_333,
    samplingTokensPerSecond: 1_280_000,
    trainingTokensPerSecond: 2_560_000,
    startMs: 800,
    allocatedMiB: 600,
    largestBindingMiB: 112.5,
    dispatches: 2600,
    submits: 120,
    hostShare: 0.25,
    profile: {
      sampling: {
        gpuMs: 30,
        kernels: [
          { label: 'matmul_forward', count: 1800, totalMs: 15 },
          { label: 'sample_token', count: 100, totalMs: 3 },
        ],
      },
      training: {
        gpuMs: 15,
        kernels: [{ label: 'attention_backward', count: 4, totalMs: 6 }],
      },
    },
    ...changed,
  };
  return {
    engine: 'grpo-playground',
    adapter: 'simulated',
    software: false,
    scale: 'full',
    reference,
    growth: [growthOf(64), growthOf(128)],
    aha: { preset: 'aha', targetWaitShare: 0.75, waitShare: 0.81, reached: true, steps: 92, seconds: 12.34 },
    notes: ['A note.'],
  };
}

function growthOf(hiddenSize: number): GrowthFigures {
  const point = (sequences: number, newTokens: number, tokenUs: number) => ({
    ...{ sequences, newTokens, tokenUs },
    stepMs: (tokenUs * sequences * newTokens) / 1000,
  });
  return {
    hiddenSize,
    numLayers: 4,
    bySequences: [point(128, 100, 2), point(512, 100, 1)],
    byLength: [point(512, 50, 1.5), point(512, 100, 1)],
    sequencesRatio: 2,
    lengthRatio: 1.5,
  };
}
