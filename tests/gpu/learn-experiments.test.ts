// The experiments of the Learn page, as a quick look: every one runs to its end.
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/engine/index.ts';
import type { ExperimentEvent, ExperimentRequest } from '../../src/worker/experiment-client.ts';
import { runExperiment } from '../../src/worker/experiments.ts';
import { loadModel } from '../../src/worker/models.ts';
import { openGpu } from './open.ts';

/** The smallest base there is stands in for all of them. */
const base = loadModel('countdown-easy');

async function run(request: ExperimentRequest, loaded: string[] = []) {
  const gpu = await openGpu();
  const events: ExperimentEvent[] = [];
  const load = async (name: string): Promise<Checkpoint> => {
    loaded.push(name);
    return (await base).checkpoint;
  };
  const rows = [];
  const surroundings = { gpu, load, models: ['one', 'two'] };
  for await (const row of runExperiment(request, surroundings, (event) => events.push(event))) rows.push(row);
  return { rows, events };
}

describe('experiments', { timeout: 240_000 }, () => {
  it('evaluate every model on every task', async () => {
    const loaded: string[] = [];
    const { rows } = await run({ name: 'scoreboard', seed: 1, reduced: true }, loaded);
    expect(loaded).toEqual(['one', 'two']);
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(row).toHaveProperty('scores.countdown.accuracy');
      expect(row).toHaveProperty('scores.addition.meanLength');
    }
  });

  it('pretrain a base for each wait prior and train it', async () => {
    const { rows, events } = await run({ name: 'wait-priors', seed: 1, reduced: true, waitPriors: [0.2] });
    expect(rows).toMatchObject([
      { model: 'base', waitPrior: 0.2 },
      { model: 'trained', waitPrior: 0.2 },
    ]);
    expect(events.filter(({ stage }) => stage === 'base 0.2').at(-1)).toMatchObject({ done: 12, total: 12 });
  });

  it('train R1-Zero and R1 from the same base', async () => {
    const { rows } = await run({ name: 'zero', seed: 1, reduced: true, traces: 4000 });
    expect(rows.map((row) => 'model' in row && row.model)).toEqual(['base', 'r1-zero', 'cold-start', 'reasoning-rl']);
  });

  it('run the stages in the order asked for', async () => {
    const { rows } = await run({ name: 'pipeline', seed: 1, reduced: true, stages: ['all-tasks-rl', 'cold-start'] });
    expect(rows.map((row) => 'model' in row && row.model)).toEqual(['all-tasks-rl', 'cold-start']);
  });

  it('make a teacher, then a student from it and one alone', async () => {
    const { rows, events } = await run({ name: 'distill', seed: 1, reduced: true, problems: 250 });
    expect(rows).toMatchObject([
      { model: 'student-base', flops: 0 },
      { model: 'student-distilled' },
      { model: 'student-alone' },
    ]);
    expect(new Set(events.map(({ stage }) => stage))).toContain('cold-start');
    expect(events.find(({ type }) => type === 'selection')).toMatchObject({ sampled: 16 * 4 });
  });
});
