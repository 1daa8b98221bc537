// The four estimators in words, and their course as charts.
import type { EstimatorRow, StoryTable } from '../../../worker/experiment-client.ts';
import type { StageView } from '../experiments/experiment.svelte.ts';
import type { BarFigure, FigureColour, FigureTable, LineFigure } from '../parts/figure.ts';
import { figure, percent, seconds } from '../../state/sentences.ts';
import { showSpread } from '../experiments/story.ts';

type EstimatorName = EstimatorRow['estimator'];

interface EstimatorText {
  readonly name: EstimatorName;
  readonly title: string;
  readonly baseline: string;
  readonly colour: FigureColour;
  readonly dashed: boolean;
}

export const ESTIMATORS: readonly EstimatorText[] = [
  {
    name: 'ppo',
    title: 'PPO',
    baseline:
      'A critic: a second network that foretells at every token how much reward is still to come. So tokens of one answer can get different advantages.',
    colour: 'down',
    dashed: false,
  },
  {
    name: 'grpo',
    title: 'GRPO',
    baseline: 'The mean of the group of answers to the same problem, and its spread to divide by. No second network.',
    colour: 'up',
    dashed: false,
  },
  {
    name: 'rloo',
    title: 'RLOO',
    baseline: 'The mean of the other answers of the group, without the answer itself and without dividing.',
    colour: 'up',
    dashed: true,
  },
  {
    name: 'reinforce',
    title: 'REINFORCE',
    baseline: 'None. The reward is the advantage, so hardly any answer is ever pushed down.',
    colour: 'soft',
    dashed: true,
  },
];

export function estimatorTitle(name: string): string {
  return ESTIMATORS.find((estimator) => estimator.name === name)?.title ?? name;
}

export function rewardByStep(stages: readonly StageView[]): LineFigure {
  return rewardFigure(stages, 'Reward by step', 'step', ({ done }) => done);
}

/** Against the wall time of the steps so far. */
export function rewardBySecond(stages: readonly StageView[]): LineFigure {
  return rewardFigure(stages, 'Reward by wall time', 'second', ({ seconds }) => seconds);
}

function rewardFigure(
  stages: readonly StageView[],
  title: string,
  along: string,
  x: (point: { readonly done: number; readonly seconds: number }) => number,
): LineFigure {
  const drawn = ESTIMATORS.filter(({ name }) => stages.some((stage) => stage.name === name));
  return {
    kind: 'lines',
    title,
    unit: 'mean of a step',
    along,
    format: figure,
    series: drawn.map(({ name, title: label, colour, dashed }) => {
      const { points } = stages.find((stage) => stage.name === name) as StageView;
      return { label, colour, dashed, points: timed(points).map((point) => [x(point), point.reward] as const) };
    }),
  };
}

/** Where points were thinned out, a step left out took as long as the one that is kept. */
function timed(
  points: StageView['points'],
): { readonly done: number; readonly seconds: number; readonly reward: number }[] {
  let elapsed = 0;
  let before = 0;
  return points.map(({ done, metrics }) => {
    elapsed += (done - before) * (metrics['step_time'] ?? 0);
    before = done;
    return { done, seconds: Math.round(elapsed * 10) / 10, reward: metrics['reward'] ?? NaN };
  });
}

export function rewardByMemory(rows: readonly EstimatorRow[]): BarFigure {
  return {
    kind: 'bars',
    title: 'Gain in reward for a hundred MiB',
    unit: 'all that is on the GPU',
    format: (value) => figure(value).replace('-', '−'),
    names: rows.map((row) => estimatorTitle(row.estimator)),
    series: [{ label: 'gain', colour: 'up', values: rows.map((row) => row.gainPerMiB * 100) }],
  };
}

export function estimatorTable(rows: readonly EstimatorRow[]): FigureTable {
  return {
    head: [
      'estimator',
      'reward at first',
      'in the last tenth',
      'held out, solved',
      'a step',
      'of it the critic',
      'GPU memory, MiB',
      'of it the critic',
      'gain a second',
    ],
    rows: rows.map((row) => [
      estimatorTitle(row.estimator),
      figure(row.rewardBefore),
      figure(row.rewardAfter),
      percent(row.accuracy),
      seconds(row.stepMs),
      row.criticMs > 0 ? seconds(row.criticMs) : '–',
      figure(row.memoryMiB),
      row.criticMiB > 0 ? figure(row.criticMiB) : '–',
      figure(row.gainPerSecond).replace('-', '−'),
    ]),
  };
}

/** Over several seeds: the mean, with the lowest and the highest where they differ as shown. */
export function measuredEstimators(estimators: StoryTable['estimators']): FigureTable {
  type Figures = StoryTable['estimators'][number]['figures'];
  const columns: readonly (readonly [keyof Figures, string, (value: number) => string])[] = [
    ['accuracy', 'held out, solved', percent],
    ['solvedInSteps', 'in equal steps', percent],
    ['solvedInTime', 'in equal time', percent],
    ['stepMs', 'step, ms', (value) => value.toFixed(0)],
    ['criticMs', 'critic, ms', (value) => (value > 0 ? value.toFixed(1) : '–')],
    ['memoryMiB', 'MiB', (value) => value.toFixed(0)],
    ['criticMiB', 'critic, MiB', (value) => (value > 0 ? value.toFixed(1) : '–')],
  ];
  return {
    head: ['estimator', ...columns.map(([, title]) => title)],
    rows: estimators.map(({ estimator, figures }) => [
      estimatorTitle(estimator),
      ...columns.map(([name, , show]) => showSpread(figures[name], show)),
    ]),
  };
}
