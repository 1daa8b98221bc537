// The experiments of several stages on the real engine, at sizes that a software adapter runs in seconds.
import { describe, expect, it } from 'vitest';
import { Engine, type Checkpoint } from '../../src/engine/index.ts';
import { distill, DISTILL, type DistillSettings } from '../../src/recipes/distill.ts';
import type { ExperimentEvent, Row } from '../../src/recipes/experiment.ts';
import { PIPELINE, runPipeline, STAGE_NAMES, type StageName } from '../../src/recipes/pipeline.ts';
import { compareWithZero, R1_ZERO } from '../../src/recipes/r1-zero.ts';
import { reinforceOptions } from '../../src/recipes/reinforce.ts';
import { sft } from '../../src/recipes/sft.ts';
import { compareWaitPriors, WAIT_PRIORS } from '../../src/recipes/wait-priors.ts';
import { countdownEasy } from '../../src/tasks/countdown-easy.ts';
import { loadModel } from '../../src/worker/models.ts';
import { openGpu } from './open.ts';

const TIMEOUT = { timeout: 120_000 };
const LENGTH = 28;

const options = reinforceOptions({ promptsPerStep: 2, numGenerations: 4 });
const common = { seed: 1, problems: 8, maxCompletionLength: LENGTH };
const tasks = ['countdown-easy'] as const;
const supervised = { epochs: 1, batchSize: 8, peakLearningRate: 1e-4 };
const sampling = { tasks, prompts: 16, samplesPerPrompt: 4, temperature: 1 };
const reinforcement = { ...PIPELINE['reasoning-rl'], tasks, steps: 1, options };
const settings = {
  ...R1_ZERO,
  ...common,
  scoredTasks: tasks,
  'r1-zero': { ...reinforcement, rewards: R1_ZERO['r1-zero'].rewards },
  'cold-start': { ...supervised, tasks, traces: 16 },
  'reasoning-rl': reinforcement,
  'rejection-sampling': { ...sampling, ...supervised },
  'all-tasks-rl': { ...PIPELINE['all-tasks-rl'], tasks, steps: 2, options },
};

async function openBase(): Promise<{ engine: Engine; base: Checkpoint }> {
  const { checkpoint: base } = await loadModel('countdown-easy');
  return { engine: await Engine.create(await openGpu(), base, { maxSequences: 64, maxLength: 48 }), base };
}

async function collect<Result extends Row>(run: (onEvent: (event: ExperimentEvent) => void) => AsyncGenerator<Result>) {
  const events: ExperimentEvent[] = [];
  const rows: Result[] = [];
  for await (const row of run((event) => events.push(event))) rows.push(row);
  return { rows, events };
}

/** The last progress of every part of every stage, in the order in which they ended. */
function ends(events: readonly ExperimentEvent[]): string[] {
  const last = new Map<string, string>();
  for (const event of events)
    if (event.type === 'progress') {
      expect(Object.values(event.metrics).every(Number.isFinite)).toBe(true);
      last.set(`${event.stage} ${event.part}`, `${event.done}/${event.total}`);
    }
  return [...last].map(([part, end]) => `${part} ${end}`);
}

function expectScored(rows: readonly Row[]): void {
  for (const { scores } of rows) {
    expect(Object.keys(scores)).toEqual(['countdown-easy']);
    for (const value of Object.values(scores['countdown-easy'] ?? {})) expect(value).toBeGreaterThanOrEqual(0);
    expect(scores['countdown-easy']?.meanLength).toBeGreaterThan(1);
  }
}

describe('the story of R1', TIMEOUT, () => {
  it('goes from the base over R1-Zero to the last of four stages, each with its progress and its score', async () => {
    const { engine, base } = await openBase();
    const { rows, events } = await collect((onEvent) => compareWithZero(engine, base, settings, onEvent));
    expect(rows.map(({ model }) => model)).toEqual(['base', 'r1-zero', ...STAGE_NAMES]);
    expectScored(rows);

    const selections = events.filter((event) => event.type === 'selection');
    expect(selections).toMatchObject([{ stage: 'rejection-sampling', sampled: 64 }]);
    const { kept, dropped } = selections[0]!;
    expect(kept + Object.values(dropped).reduce((sum, count) => sum + count, 0)).toBe(64);
    const steps = Math.ceil(kept / 8);
    expect(ends(events)).toEqual([
      'r1-zero training 1/1',
      'cold-start training 2/2',
      'reasoning-rl training 1/1',
      'rejection-sampling sampling 64/64',
      `rejection-sampling training ${steps}/${steps}`,
      'all-tasks-rl training 2/2',
    ]);
  });

  it('runs stages in any order, any number of times, and differently each time', async () => {
    const { engine, base } = await openBase();
    const stages: StageName[] = ['reasoning-rl', 'reasoning-rl', 'cold-start'];
    const { rows, events } = await collect((onEvent) => runPipeline(engine, base, { ...settings, stages }, onEvent));
    expect(rows.map(({ model }) => model)).toEqual(stages);
    const [first, second] = events.flatMap((event) => (event.type === 'progress' ? [event.metrics] : []));
    expect(first?.['num_tokens']).not.toBe(second?.['num_tokens']);
  });

  it('begins again with the base for SFT on what was sampled', async () => {
    const { engine, base } = await openBase();
    const untrained = { ...settings['rejection-sampling'], epochs: 0 };
    const stages: StageName[] = ['cold-start', 'rejection-sampling'];
    const run = runPipeline(engine, base, { ...settings, stages, 'rejection-sampling': untrained }, () => undefined);
    const checkpoints: Checkpoint[] = [];
    for await (const _ of run) checkpoints.push(await engine.checkpoint());
    expect(checkpoints[0]?.tensors).not.toEqual(base.tensors);
    expect(checkpoints[1]?.tensors).toEqual(base.tensors);
  });

  it('ends where whoever listens throws', async () => {
    const { engine, base } = await openBase();
    const stop = new Error('enough');
    const run = collect(() =>
      runPipeline(engine, base, settings, () => {
        throw stop;
      }),
    );
    await expect(run).rejects.toBe(stop);
  });
});

describe('distillation', TIMEOUT, () => {
  it('gives the student that learns alone the compute of the distilled one, to within a step', async () => {
    const { engine: teacher, base } = await openBase();
    const { engine: student } = await openBase();
    const distilling: DistillSettings = {
      ...DISTILL,
      ...common,
      teacher: sampling,
      student: supervised,
      alone: { ...DISTILL.alone, tasks, options },
    };
    const { rows, events } = await collect((onEvent) => distill(teacher, student, base, distilling, onEvent));
    expect(rows.map(({ model }) => model)).toEqual(['student-base', 'student-distilled', 'student-alone']);
    expectScored(rows);
    const [start, distilled, alone] = rows.map(({ flops }) => flops);
    const steps = events.filter(({ type, stage }) => type === 'progress' && stage === 'student-alone').length;
    expect(start).toBe(0);
    expect(distilled).toBeGreaterThan(0);
    expect(alone).toBeGreaterThanOrEqual(distilled!);
    expect(steps).toBeGreaterThan(1);
    expect(alone! * (1 - 2 / steps)).toBeLessThan(distilled!);
  });
});

describe('the sweep of wait priors', TIMEOUT, () => {
  it('pretrains a base for each prior, then trains it', async () => {
    const base = { ...WAIT_PRIORS.base, hiddenSize: 16, intermediateSize: 16, numLayers: 1, numHeads: 2, steps: 2 };
    const sweep = { ...WAIT_PRIORS, ...common, waitPriors: [0, 0.5], base, reinforcement: { ...WAIT_PRIORS.reinforcement, steps: 1, options } }; // prettier-ignore
    const gpu = await openGpu();
    const { rows, events } = await collect((onEvent) => compareWaitPriors(gpu, sweep, onEvent));
    expect(rows.map(({ model, waitPrior }) => [model, waitPrior])).toEqual([['base', 0], ['trained', 0], ['base', 0.5], ['trained', 0.5]]); // prettier-ignore
    expectScored(rows);
    expect(ends(events)).toEqual([
      'base 0 training 2/2',
      'trained 0 training 1/1',
      'base 0.5 training 2/2',
      'trained 0.5 training 1/1',
    ]);
  });
});

describe('SFT', TIMEOUT, () => {
  const { tokenizer } = countdownEasy;
  const example = { prompt: '3,5,7>1<think>', completion: '3+5-7=1对</think>3+5-7<eos>' };

  it('learns to say what it is shown', async () => {
    const { engine } = await openBase();
    const losses: number[] = [];
    const training = { epochs: 12, batchSize: 2, peakLearningRate: 1e-3, seed: 1 };
    await sft(engine, tokenizer, [example, example], training, ({ loss }) => losses.push(loss));
    expect(losses).toHaveLength(12);
    expect(losses.at(-1)).toBeLessThan(0.3 * losses[0]!);
  });

  it('refuses an empty data set', async () => {
    const { engine } = await openBase();
    const refused = sft(engine, tokenizer, [], { epochs: 1, batchSize: 2, peakLearningRate: 1e-3, seed: 1 }, () => 0);
    await expect(refused).rejects.toMatchObject({ name: 'bad-settings' });
  });
});
