// What the commands that run an experiment share: the engine, the progress on standard error, the rows on standard output and in
// files.
import { parameterLayout } from '../engine/config.ts';
import { Engine, type Checkpoint, type Gpu } from '../engine/index.ts';
import { MAX_PROMPT_TOKENS } from '../recipes/environment.ts';
import type { OnEvent, Row } from '../recipes/experiment.ts';
import { print, printJson, tell } from './files.ts';

const MAX_SEQUENCES = 512;

/** With room for completions of this length, and for as many sequences as are sampled at once. */
export function experimentEngine(gpu: Gpu, model: Checkpoint, maxCompletionLength: number): Promise<Engine> {
  return Engine.create(gpu, model, { maxSequences: MAX_SEQUENCES, maxLength: MAX_PROMPT_TOKENS + maxCompletionLength });
}

/** A row as it is printed and kept in files. */
export interface PrintedRow extends Row {
  readonly seed: number;
  readonly parameters: number;
  /** Wall time since the row before, measuring included. */
  readonly seconds: number;
}

/** Adds to every row what it does not know, and prints it. */
export function rowPrinter(json: boolean, seed: number): (row: Row, { config }: Pick<Engine, 'config'>) => PrintedRow {
  let before = performance.now();
  return (row, { config }) => {
    const seconds = (performance.now() - before) / 1000;
    before = performance.now();
    const parameters = parameterLayout(config).tensors.reduce((sum, { size }) => sum + size, 0);
    const printed = { ...row, seed, parameters, seconds };
    if (json) printJson({ type: 'row', ...printed });
    else print(describe(printed));
    return printed;
  };
}

function describe({
  model,
  scores,
  examples: _examples,
  seed: _seed,
  parameters: _parameters,
  seconds,
  ...more
}: PrintedRow): string {
  const list = (figures: object): string =>
    Object.entries(figures)
      .map(([name, value]) => `${name} ${figure(Number(value))}`)
      .join(', ');
  const tasks = Object.entries(scores).map(([task, score]) => `  ${task}: ${list(score)}`);
  return [`${[model, list(more)].join(' ').trim()} (${seconds.toFixed(1)} s)`, ...tasks].join('\n');
}

/** Every event as a JSON line; for a person what rejection sampling kept, and a line for every tenth of a stage's part. */
export function eventPrinter(json: boolean): OnEvent {
  if (json) return printJson;
  const tenths = new Map<string, number>();
  return (event) => {
    const { stage } = event;
    if (event.type === 'selection') {
      const dropped = Object.entries(event.dropped).map(([reason, count]) => `${reason} ${count}`);
      tell(`${stage}: kept ${event.kept} of ${event.sampled}; dropped ${dropped.join(', ')}`);
      return;
    }
    const { part, done, total, metrics } = event;
    const tenth = Math.floor((10 * done) / total);
    if (tenths.get(stage + part) === tenth) return;
    tenths.set(stage + part, tenth);
    const figures = SHOWN.flatMap((name) => (metrics[name] === undefined ? [] : [`${name} ${figure(metrics[name])}`]));
    tell(`${stage}: ${part} ${10 * tenth}% ${figures.join(' ')}`);
  };
}

function figure(value: number): string {
  return String(Number(value.toFixed(3)));
}

const SHOWN = [
  'loss',
  'rewards/accuracy/mean',
  'aha/wait_given_wrong',
  'aha/wait_given_right',
  'aha/mixed',
  'aha/repeat',
  'aha/arithmetic',
  'completions/mean_length',
  'kl',
];
