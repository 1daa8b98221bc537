// Rows of the story from several seeds as one table: for every model, the mean of each figure and its least and greatest value; and
// what the story claims, checked against the means.
import { PlaygroundError } from '../base/errors.ts';
import { mean } from '../grpo/metrics.ts';
import type { Demonstration, TaskName } from '../tasks/task.ts';
import type { Estimator, EstimatorRow } from './compare-estimators.ts';
import type { Row } from './experiment.ts';
import type { Score } from './score.ts';

/** One model of one seed, as the command `story` writes it. */
export interface StoryRow extends Row {
  readonly seed: number;
  readonly parameters: number;
  readonly seconds: number;
  /** Students only: what made them out of their base. */
  readonly flops?: number;
}

/** One estimator of one seed, as the command `compare-estimators` prints it. */
export interface SeededEstimatorRow extends EstimatorRow {
  readonly seed: number;
}

export const ESTIMATOR_FIGURES = [
  'accuracy',
  'solvedInSteps',
  'solvedInTime',
  'rewardBefore',
  'rewardAfter',
  'seconds',
  'stepMs',
  'criticMs',
  'memoryMiB',
  'criticMiB',
] as const;

export interface Spread {
  readonly mean: number;
  readonly least: number;
  readonly most: number;
}

export interface StoryTable {
  readonly seeds: readonly number[];
  readonly models: readonly {
    readonly model: string;
    readonly parameters: number;
    readonly flops: Spread | null;
    /** Of the first seed. */
    readonly examples: readonly Demonstration[];
    readonly scores: Readonly<Partial<Record<TaskName, Readonly<Record<keyof Score, Spread>>>>>;
  }[];
  readonly estimators: readonly {
    readonly estimator: Estimator;
    readonly steps: number;
    readonly figures: Readonly<Record<(typeof ESTIMATOR_FIGURES)[number], Spread>>;
  }[];
}

/** Throws bad-settings where the seeds do not have the same models and the same estimators, each once. */
export function storyTable(rows: readonly StoryRow[], estimatorRows: readonly SeededEstimatorRow[] = []): StoryTable {
  const seeds = [...new Set(rows.map(({ seed }) => seed))].sort((a, b) => a - b);
  const requireAllSeeds = (name: string, came: readonly { readonly seed: number }[]): void => {
    const sorted = came.map(({ seed }) => seed).sort((a, b) => a - b);
    if (String(sorted) !== String(seeds))
      throw new PlaygroundError(
        'bad-settings',
        `expected ${name} once for each of the seeds ${seeds.join(', ')}, but it came for ${sorted.join(', ')}`,
      );
  };
  const names = [...new Set(rows.map(({ model }) => model))];
  const models = names.map((model) => {
    const ofModel = rows.filter((row) => row.model === model);
    requireAllSeeds(model, ofModel);
    const tasks = Object.keys(ofModel[0]!.scores) as TaskName[];
    const flops = ofModel.flatMap((row) => (row.flops === undefined ? [] : [row.flops]));
    return {
      model,
      parameters: ofModel[0]!.parameters,
      flops: flops.length === 0 ? null : spread(flops),
      examples: ofModel.find(({ seed }) => seed === seeds[0])!.examples,
      scores: Object.fromEntries(tasks.map((task) => [task, spreadScores(ofModel.map(({ scores }) => scores[task]!))])),
    };
  });
  const estimators = [...new Set(estimatorRows.map(({ estimator }) => estimator))].map((estimator) => {
    const ofEstimator = estimatorRows.filter((row) => row.estimator === estimator);
    requireAllSeeds(estimator, ofEstimator);
    const spreads = ESTIMATOR_FIGURES.map((name) => [name, spread(ofEstimator.map((row) => row[name]))] as const);
    const figures = Object.fromEntries(spreads) as Record<(typeof ESTIMATOR_FIGURES)[number], Spread>;
    return { estimator, steps: ofEstimator[0]!.steps, figures };
  });
  return { seeds, models, estimators };
}

/**
 * On countdown. Each was set as a goal before it was measured, and holds only if it does with the worst seed on either side. Throws
 * bad-settings where a model of the story is missing.
 */
export function storyClaims({ models }: StoryTable): { readonly claim: string; readonly holds: boolean }[] {
  const of = (model: string, figure: keyof Score): Spread => {
    const score = models.find((row) => row.model === model)?.scores.countdown;
    if (score) return score[figure];
    throw new PlaygroundError('bad-settings', `expected a score of ${model} on countdown, but there is none`);
  };
  const base = 'base';
  const zero = 'r1-zero';
  const r1 = 'reasoning-rl';
  const last = 'all-tasks-rl';
  const claims: readonly (readonly [claim: string, holds: boolean])[] = [
    ['R1-Zero solves more than its base', of(zero, 'accuracy').least > of(base, 'accuracy').most],
    [
      'R1-Zero mixes languages at least twice as often as its base',
      of(zero, 'mixed').least >= 2 * of(base, 'mixed').most,
    ],
    ['R1 after reasoning-rl solves at least 60%', of(r1, 'accuracy').least >= 0.6],
    ['it mixes languages less than half as often as R1-Zero', of(r1, 'mixed').most < of(zero, 'mixed').least / 2],
    ['after the last stage it solves at least 75%', of(last, 'accuracy').least >= 0.75],
    ['then it mixes languages in less than 5% of its thoughts', of(last, 'mixed').most < 0.05],
    ['then less than 5% of its tries are repeated', of(last, 'repeats').most < 0.05],
    [
      'the distilled student solves at least 1.5 times as much as the one that learnt alone with as much compute',
      of('student-distilled', 'accuracy').least >= 1.5 * of('student-alone', 'accuracy').most,
    ],
  ];
  return claims.map(([claim, holds]) => ({ claim, holds }));
}

/** As it is kept in a file: four digits are all that the figures are good for. */
export function storyJson(table: StoryTable): string {
  const digits = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
  return `${JSON.stringify(table, digits, 1)}\n`;
}

/** For a README: a line a model, with its figures on one task as `mean (least to most)`. */
export function storyMarkdown({ models }: StoryTable, task: TaskName): string {
  const columns: readonly [keyof Score, string, (value: number) => string][] = [
    ['accuracy', 'solved', percent],
    ['waitGivenWrong', 'wait after a wrong try', percent],
    ['waitGivenRight', 'wait after a right one', percent],
    ['meanLength', 'tokens an answer', (value) => value.toFixed(0)],
    ['mixed', 'mixes languages', percent],
    ['repeats', 'tries repeated', percent],
    ['readable', 'readable', percent],
  ];
  const lines = models.map(({ model, scores }) => {
    const score = scores[task];
    const cells = columns.map(([name, , show]) => (score ? range(score[name], show) : ''));
    return [model, ...cells];
  });
  return markdown(['model', ...columns.map(([, title]) => title)], lines);
}

/** For a README: a line an estimator. */
export function estimatorsMarkdown({ estimators }: StoryTable): string {
  const columns: readonly [(typeof ESTIMATOR_FIGURES)[number], string, (value: number) => string][] = [
    ['accuracy', 'held out, solved', percent],
    ['solvedInSteps', 'solved after equal steps', percent],
    ['solvedInTime', 'solved after equal time', percent],
    ['stepMs', 'a step, ms', (value) => value.toFixed(0)],
    ['criticMs', 'of it the critic', (value) => value.toFixed(0)],
    ['memoryMiB', 'GPU memory, MiB', (value) => value.toFixed(0)],
    ['criticMiB', 'of it the critic', (value) => value.toFixed(1)],
  ];
  return markdown(
    ['estimator', ...columns.map(([, title]) => title)],
    estimators.map(({ estimator, figures }) => [
      estimator,
      ...columns.map(([name, , show]) => range(figures[name], show)),
    ]),
  );
}

function markdown(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = ['---', ...head.slice(1).map(() => '---:')];
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function spreadScores(scores: readonly Score[]): Record<keyof Score, Spread> {
  const names = Object.keys(scores[0]!) as (keyof Score)[];
  return Object.fromEntries(names.map((name) => [name, spread(scores.map((score) => score[name]))])) as Record<
    keyof Score,
    Spread
  >;
}

function spread(values: readonly number[]): Spread {
  return { mean: mean(values), least: Math.min(...values), most: Math.max(...values) };
}

function range({ mean: middle, least, most }: Spread, show: (value: number) => string): string {
  return show(least) === show(most) ? show(middle) : `${show(middle)} (${show(least)} to ${show(most)})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`;
}
