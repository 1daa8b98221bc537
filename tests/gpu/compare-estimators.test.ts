// PPO against the estimators without a critic, at a size that a software adapter runs in seconds.
import { expect, it } from 'vitest';
import { resolveOptions } from '../../src/grpo/options.ts';
import { compareEstimators, type EstimatorRow } from '../../src/recipes/compare-estimators.ts';
import type { ExperimentEvent } from '../../src/recipes/experiment.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';
import { openGpu, roughModel } from './open.ts';

const config = { vocabSize: VOCABULARY.length, hiddenSize: 16, intermediateSize: 16, numLayers: 1, numHeads: 2, maxPositions: 40 }; // prettier-ignore
const settings = {
  task: 'countdown-easy' as const,
  seed: 1,
  steps: 2,
  estimators: ['ppo', 'grpo', 'rloo', 'reinforce'] as const,
  options: resolveOptions({ advantageEstimator: 'ppo', promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 12, lam: 0.9 }), // prettier-ignore
};

it('estimators begin alike, and only PPO pays for a critic', { timeout: 120_000 }, async () => {
  const gpu = await openGpu();
  const events: ExperimentEvent[] = [];
  const rows: EstimatorRow[] = [];
  for await (const row of compareEstimators(gpu, roughModel(config, 1), settings, (event) => events.push(event)))
    rows.push(row);

  expect(rows.map(({ estimator }) => estimator)).toEqual(settings.estimators);
  const [ppo, ...others] = rows;
  for (const row of rows) {
    expect(row.rewardBefore).toBe(ppo!.rewardBefore);
    expect(row.seconds).toBeGreaterThan(0);
    expect(row.gainPerStep).toBeCloseTo((row.rewardAfter - row.rewardBefore) / 2, 12);
    expect(row.gainPerSecond * row.seconds).toBeCloseTo(2 * row.gainPerStep, 12);
    expect(row.solvedInSteps).toBeGreaterThanOrEqual(0);
    expect(row.solvedInTime).toBeGreaterThanOrEqual(0);
    expect(row.gainPerMiB * row.memoryMiB).toBeCloseTo(2 * row.gainPerStep, 12);
  }
  expect(ppo!.criticMs).toBeGreaterThan(0);
  expect(ppo!.criticMs).toBeLessThan(ppo!.stepMs);
  expect(ppo!.explainedVariance).not.toBeNull();
  for (const { criticMs, criticMiB, explainedVariance, memoryMiB } of others) {
    expect({ criticMs, criticMiB, explainedVariance }).toEqual({ criticMs: 0, criticMiB: 0, explainedVariance: null });
    expect(ppo!.memoryMiB - memoryMiB).toBeCloseTo(ppo!.criticMiB, 1);
  }

  expect(events.map((event) => event.type === 'progress' && `${event.stage} ${event.done}/${event.total}`)).toEqual(
    settings.estimators.flatMap((estimator) => [`${estimator} 1/2`, `${estimator} 2/2`]),
  );
  for (const event of events) if (event.type === 'progress') expect(event.metrics['memory_mib']).toBeGreaterThan(0);
});
