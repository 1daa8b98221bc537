import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { outcomeOf } from '../../src/ui/learn/aha/wait-prior.ts';
import { estimatorTable, ESTIMATORS, measuredEstimators, rewardByMemory, rewardBySecond, rewardByStep } from '../../src/ui/learn/critic/estimators.ts'; // prettier-ignore
import { advanceStages, Experiment, type StageView } from '../../src/ui/learn/experiments/experiment.svelte.ts';
import { keep, recall } from '../../src/ui/learn/experiments/kept-rows.ts';
import { readings } from '../../src/ui/learn/experiments/readings.ts';
import { COLUMNS, scoreFigure, scoreTable } from '../../src/ui/learn/experiments/scores.ts';
import { loadStory, storyRows } from '../../src/ui/learn/experiments/story.ts';
import { stageFigure } from '../../src/ui/learn/experiments/stage-lines.ts';
import { changes, deviation } from '../../src/ui/learn/pipeline/effects.ts';
import { moveStage, STAGES, toggleStage } from '../../src/ui/learn/pipeline/stages.ts';
import type {
  EstimatorRow,
  ExperimentEvent,
  ExperimentMessage,
  Row,
  RunningExperiment,
  StoryTable,
} from '../../src/worker/experiment-client.ts';
import { ESTIMATOR_FIGURES } from '../../src/recipes/story-table.ts';
import * as client from '../../src/worker/experiment-client.ts';
import { keptExperiments, score } from './learn-rows.ts';

const row = (model: string): Row => ({ model, examples: [], scores: { countdown: score() } });

const progress = (stage: string, done: number, metrics: Record<string, number> = {}): ExperimentEvent => ({
  type: 'progress',
  stage,
  part: 'training',
  done,
  total: 10,
  metrics,
});

/** A storage in memory, as the browser's. */
function storeInMemory(): Map<string, string> {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, text: string) => void kept.set(key, text),
    removeItem: (key: string) => void kept.delete(key),
  });
  return kept;
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('the stages of an experiment', () => {
  it('come in order, each with its own course', () => {
    const events = [progress('a', 1, { loss: 3 }), progress('a', 2, { loss: 2 }), progress('b', 1, { loss: 9 })];
    const stages = events.reduce<readonly StageView[]>(advanceStages, []);
    expect(stages.map(({ name, done }) => [name, done])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    const figure = stageFigure(
      stages,
      [
        { stage: 'a', metric: 'loss', label: 'loss', colour: 'up' },
        { stage: 'none', metric: 'loss', label: 'none', colour: 'up' },
      ],
      { title: 'Loss', unit: 'nats', format: String },
    );
    expect(figure.series.map(({ points }) => points)).toEqual([
      [
        [1, 3],
        [2, 2],
      ],
      [],
    ]);
  });

  it('begin their course anew where sampling turns into training, and keep what was selected', () => {
    const dropped = { wrong: 5, language: 1, repeats: 0, duplicate: 2 };
    const stages = [
      { ...progress('a', 8), part: 'sampling' } as ExperimentEvent,
      { type: 'selection', stage: 'a', sampled: 16, kept: 8, dropped } as ExperimentEvent,
      progress('a', 1, { loss: 1 }),
    ].reduce<readonly StageView[]>(advanceStages, []);
    expect(stages).toMatchObject([{ part: 'training', done: 1, selection: { kept: 8 } }]);
    expect(stages[0]?.points).toHaveLength(1);
  });

  it('thin out a long course, its latest point always there', () => {
    let stages: readonly StageView[] = [];
    for (let done = 1; done <= 1000; done++) stages = advanceStages(stages, progress('a', done));
    expect(stages[0]?.points.length).toBeLessThanOrEqual(201);
    expect(stages[0]?.points.at(-1)?.done).toBe(1000);
  });
});

describe('an experiment', () => {
  let tell: (message: ExperimentMessage) => void;
  let finish: () => void;
  let fail: (error: Error) => void;
  const stop = vi.fn();

  beforeEach(() => {
    vi.useFakeTimers();
    storeInMemory();
    vi.spyOn(client, 'startExperiment').mockImplementation((_, listener): RunningExperiment => {
      tell = listener;
      const done = new Promise<void>((resolve, reject) => ([finish, fail] = [resolve, reject]));
      return { done, stop };
    });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  const started: ExperimentMessage = {
    type: 'started',
    adapter: { name: 'Some GPU', software: false },
    reduced: false,
  };

  it('shows its rows as they come and keeps them for the next visit', async () => {
    const experiment = new Experiment('zero');
    const done = experiment.start({ traces: 100 });
    tell(started);
    tell(progress('r1-zero', 3));
    tell({ type: 'row', row: row('base') });
    vi.advanceTimersByTime(200);
    expect(experiment.phase).toBe('running');
    expect(experiment.stages).toHaveLength(1);
    expect(experiment.rows).toMatchObject([{ row: { model: 'base' }, adapter: 'Some GPU', reduced: false }]);
    finish();
    await done;
    expect(experiment.phase).toBe('finished');
    expect(new Experiment('zero').rows).toEqual(experiment.rows);
    experiment.forget();
    expect(new Experiment('zero').rows).toEqual([]);
  });

  it('replaces only the rows that are measured anew', async () => {
    const prior = (waitPrior: number) => ({ ...row('base'), model: 'base' as const, waitPrior });
    const item = (waitPrior: number) => ({ row: prior(waitPrior), adapter: 'Some GPU', reduced: false });
    keep('wait-priors', [item(0), item(0.2)]);
    const experiment = new Experiment('wait-priors');
    const done = experiment.start({ waitPriors: [0.2] }, ({ waitPrior }) => waitPrior === 0.2);
    expect(experiment.rows.map(({ row: { waitPrior } }) => waitPrior)).toEqual([0]);
    finish();
    await done;
  });

  it('stops when asked to and hears nothing more', () => {
    const experiment = new Experiment('zero');
    void experiment.start({ traces: 100 });
    experiment.stop();
    expect(stop).toHaveBeenCalled();
    tell({ type: 'row', row: row('late') });
    vi.advanceTimersByTime(200);
    expect(experiment.phase).toBe('idle');
    expect(experiment.rows).toEqual([]);
  });

  it('has the GPU for itself', async () => {
    const [first, second] = [new Experiment('zero'), new Experiment('estimators')];
    const done = first.start({ traces: 100 });
    expect(second.blocked).toBe(true);
    await second.start({});
    expect(second.phase).toBe('idle');
    finish();
    await done;
    expect(second.blocked).toBe(false);
  });

  it('says why it failed, and can be started again', async () => {
    const experiment = new Experiment('zero');
    const done = experiment.start({ traces: 100 });
    fail(new Error('the GPU was lost'));
    await done;
    expect([experiment.phase, experiment.failure]).toEqual(['failed', 'the GPU was lost']);
    void experiment.start({ traces: 100 });
    expect([experiment.phase, experiment.failure]).toEqual(['running', null]);
    experiment.stop();
  });
});

describe('rows kept in the browser', () => {
  it.each(['{', '7', '[1, null, {"row": {"model": "x"}}]', '[{"row":{"model":"x","scores":{}},"adapter":1}]'])(
    'are dropped where they cannot be read: %s',
    (text) => {
      storeInMemory().set('experiment-zero', text);
      expect(recall('zero')).toEqual([]);
    },
  );

  it('are none where there is no storage', () => {
    vi.stubGlobal('localStorage', {
      getItem: () => {
        throw new Error('no storage');
      },
      setItem: () => {
        throw new Error('no storage');
      },
    });
    keep('zero', []);
    expect(recall('zero')).toEqual([]);
  });
});

describe('kept rows of every experiment', () => {
  it.each(['scoreboard', 'wait-priors', 'zero', 'pipeline', 'distill', 'estimators'] as const)(
    'read back: %s',
    (name) => {
      const kept = storeInMemory();
      for (const [key, text] of Object.entries(keptExperiments())) kept.set(key, text);
      expect(recall(name).length).toBeGreaterThan(1);
    },
  );
});

describe('the outcome of a wait prior', () => {
  it.each([
    [
      { accuracy: 0.5, waitGivenWrong: 0.8, waitGivenRight: 0.02 },
      /^It learnt when to wait: after 80% .* 2% .*50%, 20% before/,
    ],
    [{ accuracy: 0.2, waitGivenWrong: 0.6, waitGivenRight: 0.6 }, /has not learnt when/],
    [{ accuracy: 0.7, waitGivenWrong: 0 }, /^Wait died out/],
    [{ accuracy: 0.7, waitGivenWrong: 0.1 }, /^It learnt to guess better in one go, without waiting/],
    [{}, /next to nothing/],
  ])('is told in words: %j', (changes, words) => {
    expect(outcomeOf(score(), score(changes))).toMatch(words);
  });
});

describe('the plan of the pipeline', () => {
  const plan = STAGES.map(({ name }) => ({ name, on: true }));

  it('lets stages be left out and moved, within the plan', () => {
    expect(toggleStage(plan, 1).filter(({ on }) => on)).toHaveLength(3);
    expect(moveStage(plan, 0, 1).map(({ name }) => name)[1]).toBe('cold-start');
    expect(moveStage(plan, 0, -1)).toEqual(plan);
    expect(moveStage(plan, 3, 1)).toEqual(plan);
  });
});

describe('scores', () => {
  const rows = [{ label: 'base', scores: { countdown: score({ mixed: 0.25 }) } }];

  it('are put into tables and bars, with a dash for what was not measured', () => {
    const columns = [COLUMNS.accuracy, COLUMNS.meanLength];
    expect(scoreTable(rows, 'countdown', columns).rows).toEqual([['base', '20%', '17.0']]);
    expect(scoreTable(rows, 'addition', columns).rows).toEqual([['base', '–', '–']]);
    expect(scoreFigure(rows, 'countdown', COLUMNS.mixed, 'Mixed', 'down').series[0]?.values).toEqual([0.25]);
  });
});

describe('the story as it was measured', () => {
  const spread = (mean: number, least = mean, most = mean) => ({ mean, least, most });
  const scores = Object.fromEntries(Object.keys(score()).map((name) => [name, spread(0.5)]));
  const models = [{ model: 'base', parameters: 1, flops: null, examples: [], scores: { countdown: { ...scores, accuracy: spread(0.2, 0.1, 0.3) } } }]; // prettier-ignore

  it('is told by its own names, with the spread where there is one', () => {
    const table = { seeds: [1, 2, 3], models, estimators: [] } as unknown as StoryTable;
    const names = { base: 'the base', 'r1-zero': 'not measured' };
    expect(storyRows(table, names, [COLUMNS.accuracy, COLUMNS.mixed]).rows).toEqual([
      ['the base', '20% (10%–30%)', '50%'],
    ]);
  });

  it('is missed without harm', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('<!doctype html>')));
    expect(await loadStory()).toBeNull();
  });
});

describe('answers to be read', () => {
  const example = (completion: string) => ({ prompt: '1,5,7>1<think>', completion });
  const right = '1+5+7=13 no wait 7-5-1=1 yes</think>7-5-1<eos>';

  it('stand problem by problem, each with its verdict; a model that was not asked is left out', () => {
    const [only, ...others] = readings([
      { label: 'one', examples: [example(right)] },
      { label: 'two', examples: [example('1+5+7=13 no</think>1+5+7<eos>')] },
      { label: 'three', examples: [] },
    ]);
    expect(others).toEqual([]);
    expect(only?.problem).toBe('1 5 7 → 1');
    expect(only?.answers.map(({ label, solved }) => [label, solved])).toEqual([['one', true], ['two', false]]); // prettier-ignore
    const { thought, final } = only!.answers[0]!.answer;
    expect([...thought.flat(), ...final].map(({ text }) => text).join('').replaceAll(' ', '')).toBe(right.replaceAll(' ', ''));
  }); // prettier-ignore

  it('are none of a problem that no task knows', () => {
    expect(readings([{ label: 'one', examples: [{ prompt: 'what?', completion: right }] }])).toEqual([]);
  });
});

describe('what a stage did', () => {
  it('is told by the figures that moved', () => {
    expect(changes(score({ accuracy: 0.2, mixed: 0.5 }), score({ accuracy: 0.4, mixed: 0.5, meanLength: 30 }))).toBe(
      'solved 20% → 40%, tokens an answer 17.0 → 30.0',
    );
    expect(changes(score(), score())).toBe('nothing that shows in these figures');
  });

  it.each([
    [['cold-start', 'reasoning-rl', 'rejection-sampling', 'all-tasks-rl'], null],
    [['cold-start', 'reasoning-rl'], 'without rejection sampling and rl for everything'],
    [['reasoning-rl', 'cold-start', 'rejection-sampling', 'all-tasks-rl'], 'in another order'],
    [['all-tasks-rl', 'cold-start'], 'without reasoning rl and rejection sampling, in another order'],
  ] as const)('%j differs from R1: %s', (stages, words) => {
    expect(deviation(stages)?.toLowerCase() ?? null).toBe(words);
  });
});

describe('the comparison of estimators', () => {
  const stages = [
    progress('ppo', 1, { reward: 0.2, step_time: 2 }),
    progress('ppo', 3, { reward: 0.4, step_time: 1 }),
    progress('grpo', 1, { reward: 0.2, step_time: 0.5 }),
  ].reduce<readonly StageView[]>(advanceStages, []);

  it('draws the reward by step and by wall time', () => {
    expect(rewardByStep(stages).series.map(({ label, points }) => [label, points])).toEqual([
      ['PPO', [[1, 0.2], [3, 0.4]]],
      ['GRPO', [[1, 0.2]]],
    ]); // prettier-ignore
    // The second step of PPO was thinned out and counts as long as the third.
    expect(rewardBySecond(stages).series[0]?.points).toEqual([[2, 0.2], [4, 0.4]]); // prettier-ignore
  });

  it('counts what the critic costs', () => {
    const ppo: EstimatorRow = {
      estimator: 'ppo', steps: 10, rewardBefore: 0.3, rewardAfter: 0.5, accuracy: 0.4, solvedInSteps: 0.4, solvedInTime: 0.3, seconds: 4, stepMs: 400, criticMs: 120,
      memoryMiB: 80, criticMiB: 30, explainedVariance: 0.6, gainPerStep: 0.02, gainPerSecond: 0.05, gainPerMiB: 0.0025,
    }; // prettier-ignore
    expect(estimatorTable([ppo]).rows[0]).toEqual([
      'PPO', '0.30', '0.50', '40%', '0.40 s', '0.12 s', '80.0', '30.0', '0.050',
    ]); // prettier-ignore
    expect(rewardByMemory([ppo]).series[0]?.values).toEqual([0.25]);
  });

  it('shows what was measured over several seeds, with the spread', () => {
    const figures = Object.fromEntries(ESTIMATOR_FIGURES.map((name) => [name, { mean: 0.5, least: 0.4, most: 0.6 }]));
    const memoryMiB = { mean: 186.3, least: 186.3, most: 186.3 };
    const ppo = { estimator: 'ppo', steps: 9, figures: { ...figures, memoryMiB } };
    expect(measuredEstimators([ppo] as unknown as StoryTable['estimators']).rows).toEqual([
      ['PPO', '50% (40%–60%)', '50% (40%–60%)', '50% (40%–60%)', '1 (0–1)', '0.5 (0.4–0.6)', '186', '0.5 (0.4–0.6)'],
    ]); // prettier-ignore
  });

  it('explains each of the four', () => {
    expect(ESTIMATORS.map(({ name }) => name)).toEqual(['ppo', 'grpo', 'rloo', 'reinforce']);
  });
});
