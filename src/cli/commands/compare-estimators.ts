// compare-estimators: PPO with its critic, GRPO, RLOO and REINFORCE on the same task, with what each gains for its cost
import { join } from 'node:path';
import { ADVANTAGE_ESTIMATORS } from '../../grpo/options.ts';
import {
  COMPARE_ESTIMATORS,
  compareEstimators,
  type Estimator,
  type EstimatorRow,
} from '../../recipes/compare-estimators.ts';
import { findPreset } from '../../recipes/presets.ts';
import { findTask } from '../../tasks/registry.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { eventPrinter } from '../experiment.ts';
import { MODELS, print, printJson, readModel } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

export async function compareEstimatorsOn(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['preset', 'model', 'estimators', 'seed', 'steps', 'set']);
  const preset = findPreset(given.text('preset') ?? 'first-lesson');
  const settings = {
    task: preset.task,
    seed: given.seed(),
    steps: given.number('steps', preset.steps, { min: 1, max: 100000, integer: true }),
    estimators: estimatorsOf(given.text('estimators')),
    options: given.options({ ...preset.options, advantageEstimator: 'ppo' }), // which may have a critic's options
  };
  const { tokenizer } = findTask(preset.task);
  const { checkpoint } = readModel(given.text('model') ?? join(MODELS, preset.model), tokenizer);
  await withGpu(async (gpu) => {
    if (!given.json) print(HEADER);
    for await (const row of compareEstimators(gpu, checkpoint, settings, eventPrinter(given.json))) {
      if (given.json) printJson({ type: 'row', adapter: gpu.adapter.name, seed: settings.seed, ...row });
      else print(line(row));
    }
  });
}

function estimatorsOf(text: string | undefined): readonly Estimator[] {
  if (text === undefined) return COMPARE_ESTIMATORS.estimators;
  return text.split(',').map((name) => {
    const found = ADVANTAGE_ESTIMATORS.find((estimator) => estimator === name);
    if (found) return found;
    throw new UsageError(`--estimators takes ${ADVANTAGE_ESTIMATORS.join(', ')}, with commas, but it is "${text}"`);
  });
}

const HEADER =
  'estimator   reward before > after   solved   ms a step (critic)   MiB (critic)   gain a step   a second   a MiB';

function line(row: EstimatorRow): string {
  const cells: readonly (readonly [string, number])[] = [
    [row.estimator, -12],
    [`${row.rewardBefore.toFixed(3)} > ${row.rewardAfter.toFixed(3)}`, 21],
    [`${(100 * row.accuracy).toFixed(0)}%`, 9],
    [`${row.stepMs.toFixed(0)} (${row.criticMs.toFixed(0)})`, 21],
    [`${row.memoryMiB.toFixed(1)} (${row.criticMiB.toFixed(1)})`, 15],
    [row.gainPerStep.toExponential(2), 14],
    [row.gainPerSecond.toExponential(2), 11],
    [row.gainPerMiB.toExponential(2), 11],
  ];
  return cells.map(([text, width]) => (width < 0 ? text.padEnd(-width) : text.padStart(width))).join('');
}
