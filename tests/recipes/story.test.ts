// The story as it was measured: the table of the page comes from the rows that are kept here, the claims hold that the README says
// do, and it shows the same figures.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MODELS, readModel } from '../../src/cli/files.ts';
import { COMPARE_ESTIMATORS } from '../../src/recipes/compare-estimators.ts';
import { PIPELINE } from '../../src/recipes/pipeline.ts';
import {
  estimatorsMarkdown,
  storyClaims,
  storyJson,
  storyMarkdown,
  storyTable,
  type SeededEstimatorRow,
  type StoryRow,
} from '../../src/recipes/story-table.ts';
import { countdown } from '../../src/tasks/countdown.ts';

const ROOT = join(import.meta.dirname, '../..');
const rowsOf = (name: string): object[] =>
  [1, 2, 3].flatMap(
    (seed) =>
    readFileSync(join(ROOT, `tests/fixtures/story/${name}-${seed}.jsonl`), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as object), // prettier-ignore
  );
const table = storyTable(rowsOf('story') as StoryRow[], rowsOf('estimators') as SeededEstimatorRow[]);

it('is the table that the page shows', () => {
  expect(readFileSync(join(ROOT, 'public/story.json'), 'utf8')).toBe(storyJson(table));
  expect(table.seeds).toEqual([1, 2, 3]);
});

it('bears out every claim with every seed but one, which the README names', () => {
  const claims = storyClaims(table);
  expect(claims).toHaveLength(8);
  expect(claims.filter(({ holds }) => !holds).map(({ claim }) => claim)).toEqual([
    'then less than 5% of its tries are repeated',
  ]);
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8').replaceAll(/\s+/gu, ' ');
  expect(readme).toContain('One goal is missed: that after the last stage less than 5% of tries are repeated');
});

it('measured every stage, every estimator for all its steps, and models of the sizes that are here', () => {
  expect(table.models.map(({ model }) => model)).toEqual(
    expect.arrayContaining(['base', 'r1-zero', ...PIPELINE.stages, 'student-base', 'student-distilled', 'student-alone']),
  );
  expect(table.estimators.map(({ estimator, steps }) => [estimator, steps])).toEqual(
    COMPARE_ESTIMATORS.estimators.map((estimator) => [estimator, COMPARE_ESTIMATORS.steps]),
  );
  for (const [model, folder] of [['base', 'two-languages'], ['student-base', 'two-languages-small']] as const) {
    const { checkpoint } = readModel(join(MODELS, folder), countdown.tokenizer);
    const parameters = [...checkpoint.tensors.values()].reduce((sum, { length }) => sum + length, 0);
    expect(table.models.find((row) => row.model === model)?.parameters).toBe(parameters);
  }
}); // prettier-ignore

it('shows what each model said to the same three held-out problems', () => {
  const [first] = table.models;
  expect(first?.examples).toHaveLength(3);
  for (const { examples } of table.models) {
    expect(examples.map(({ prompt }) => prompt)).toEqual(countdown.heldOut.slice(0, 3));
    for (const { completion } of examples) expect(countdown.tokenizer.decode(countdown.tokenizer.encode(completion))).toBe(completion); // prettier-ignore
  }
});

it('is what the README tells', () => {
  const squeeze = (text: string): string => text.replaceAll(/ *\| */gu, '|').replaceAll(/:?-{3,}:?/gu, '-');
  const readme = squeeze(readFileSync(join(ROOT, 'README.md'), 'utf8'));
  expect(readme).toContain(squeeze(storyMarkdown(table, 'countdown')));
  expect(readme).toContain(squeeze(estimatorsMarkdown(table)));
});
