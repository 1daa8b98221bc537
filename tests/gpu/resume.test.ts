// A run that stops, is written, read back and goes on is the run that never stopped, to the bit.
import { expect, it } from 'vitest';
import { readState, writeState } from '../../src/export/optimizer-state.ts';
import { RUN_FILES } from '../../src/export/run-log.ts';
import { resolveOptions, type GrpoOptions } from '../../src/grpo/options.ts';
import type { TrainerState } from '../../src/grpo/trainer.ts';
import { Run, type RunStep } from '../../src/recipes/run.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';
import { openGpu, roughModel } from './open.ts';

const config = {
  vocabSize: VOCABULARY.length,
  hiddenSize: 16,
  intermediateSize: 16,
  numLayers: 1,
  numHeads: 2,
  maxPositions: 32,
};
const base = roughModel(config, 1);

it.each([
  ['with a pull to the base', { beta: 0.05, numIterations: 2 }],
  ['without one', { beta: 0 }],
  ['with a reference that follows', { syncRefModel: true, refModelSyncSteps: 1 }],
  ['with a critic', { advantageEstimator: 'ppo' }],
] satisfies [string, Partial<GrpoOptions>][])('a run %s goes on as if it had never stopped', async (_, given) => {
  const options = resolveOptions({
    promptsPerStep: 2,
    numGenerations: 4,
    maxCompletionLength: 12,
    learningRate: 3e-3,
    warmupSteps: 3,
    weightDecay: 0.1,
    entropyCoef: 0.05, // a random model is never rewarded: this moves it
    ...given,
  });
  const request = { task: 'countdown-easy', seed: 5, steps: 4, options } as const;
  const create = async (checkpoint = base, state?: TrainerState): Promise<Run> =>
    Run.create(await openGpu(), checkpoint, request, () => undefined, { state });
  const told = ({ step, metrics, completions }: RunStep): unknown => {
    const { step_time: _, 'critic/update_ms': __, ...others } = metrics;
    return { step, completions, metrics: others };
  };

  const through = await create();
  const steps: unknown[] = [];
  while (!through.finished) steps.push(told(await through.step()));
  const end = await through.snapshot();
  expect(end.checkpoint).not.toEqual(base);

  const first = await create();
  const again = [told(await first.step()), told(await first.step())];
  const { checkpoint, state } = await first.snapshot();
  for (const tensors of [state.moments.mean, state.moments.square])
    expect(Math.max(...tensors.get('model.norm.weight')!)).toBeGreaterThan(0);
  const files = writeState(config, state);
  const second = await create(
    checkpoint,
    readState(files.get(RUN_FILES.state)!, files.get(RUN_FILES.optimizer)!, config, options),
  );
  while (!second.finished) again.push(told(await second.step()));

  expect(again).toEqual(steps);
  expect(await second.snapshot()).toEqual(end);
});
