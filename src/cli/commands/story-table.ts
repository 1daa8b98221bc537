// story-table: the rows that `story` wrote for several seeds, as a file for the page, as a table of Markdown, and what they show
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isObject } from '../../export/untrusted.ts';
import {
  ESTIMATOR_FIGURES,
  estimatorsMarkdown,
  storyClaims,
  storyJson,
  storyMarkdown,
  storyTable,
  type SeededEstimatorRow,
  type StoryRow,
} from '../../recipes/story-table.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { print, printJson, readJsonLines, requireFolder } from '../files.ts';

export function tabulateStory(args: readonly string[]): void {
  const given = new Arguments(args, ['rows', 'estimators', 'out']);
  const files = given.required('rows').split(',');
  const estimatorFiles = given.text('estimators')?.split(',') ?? [];
  const table = storyTable(files.flatMap(readRows), estimatorFiles.flatMap(readEstimatorRows));
  const out = given.text('out');
  if (out !== undefined) {
    requireFolder(dirname(out));
    writeFileSync(out, storyJson(table));
  }
  const claims = storyClaims(table);
  if (given.json) printJson({ ...table, claims });
  else {
    print(`${storyMarkdown(table, 'countdown')}\n`);
    if (table.estimators.length > 0) print(`${estimatorsMarkdown(table)}\n`);
    for (const { claim, holds } of claims) print(`${holds ? 'holds' : 'fails'}  ${claim}`);
  }
}

function readRows(file: string): StoryRow[] {
  return readJsonLines(file).map((row, index) => {
    if (isRow(row)) return row;
    throw new UsageError(`${file} must hold a row of "story" in every line, but line ${index + 1} is none`);
  });
}

/** Lines of progress are passed over. */
function readEstimatorRows(file: string): SeededEstimatorRow[] {
  const rows = readJsonLines(file).filter((row) => isObject(row) && row['type'] === 'row');
  return rows.map((row) => {
    if (isEstimatorRow(row)) return row;
    throw new UsageError(
      `${file} must hold what "compare-estimators --json" prints, but a row of it is something else`,
    );
  });
}

function isEstimatorRow(value: unknown): value is SeededEstimatorRow {
  if (!isObject(value) || typeof value['estimator'] !== 'string') return false;
  return [value['seed'], value['steps'], ...ESTIMATOR_FIGURES.map((name) => value[name])].every(Number.isFinite);
}

function isRow(value: unknown): value is StoryRow {
  if (!isObject(value) || typeof value['model'] !== 'string' || !isObject(value['scores'])) return false;
  const figures = Object.values(value['scores']).flatMap((score) => (isObject(score) ? Object.values(score) : [null]));
  if (!Array.isArray(value['examples'])) return false;
  return [value['seed'], value['parameters'], value['seconds'], ...figures].every(Number.isFinite);
}
