import { describe, expect, it } from 'vitest';
import * as facts from '../../src/ui/learn/facts.ts';
import { distilledFigure, r1AgainstO1, r1Behind, r1ZeroAccuracy, r1ZeroLength } from '../../src/ui/learn/figures.ts';
import { figureSentence, figureTable, type LineFigure } from '../../src/ui/learn/parts/figure.ts';

/** Every object in the facts that holds figures, by where it stands. */
function holders(value: unknown, path = 'facts'): [string, Record<string, unknown>][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const object = value as Record<string, unknown>;
  const inner = Object.entries(object).flatMap(([name, item]) => holders(item, `${path}.${name}`));
  return 'source' in object ? [[path, object], ...inner] : inner;
}

const hasNumber = (value: unknown): boolean =>
  typeof value === 'number' || (typeof value === 'object' && value !== null && Object.values(value).some(hasNumber));

describe('the facts', () => {
  it('name the paper or page that each comes from', () => {
    const all = holders({ ...facts });
    expect(all.length).toBeGreaterThanOrEqual(12);
    for (const [path, { source }] of all) {
      const { title, href } = source as facts.Source;
      expect(title, path).toMatch(/\w/);
      expect(href, path).toMatch(/^https?:\/\//);
    }
  });

  it('hold no figure without a source beside it', () => {
    const loose = Object.entries(facts).filter(([, value]) => hasNumber(value) && holders({ value }).length === 0);
    expect(loose.map(([name]) => name)).toEqual([]);
  });

  it('give R1 and o1-1217 as the paper does', () => {
    expect(facts.R1_AGAINST_O1.scores.map(({ benchmark, r1, o1 }) => [benchmark, r1, o1])).toEqual([
      ['aime', 79.8, 79.2],
      ['math500', 97.3, 96.4],
      ['gpqa', 71.5, 75.7],
      ['mmlu', 90.8, 91.8],
      ['liveCode', 65.9, 63.4],
      ['sweBench', 49.2, 48.9],
      ['codeforces', 96.3, 96.6],
    ]);
    expect(r1Behind).toEqual(['GPQA Diamond', 'MMLU', 'Codeforces']);
  });

  it('give the distilled models as the paper does', () => {
    const rows = facts.DISTILLED.models.map(({ model, kind: _, ...scores }) => [model, ...Object.values(scores)]);
    expect(rows).toEqual([
      ['GPT-4o-0513', 9.3, 13.4, 74.6, 49.9, 32.9, 759],
      ['Claude-3.5-Sonnet', 16, 26.7, 78.3, 65, 38.9, 717],
      ['o1-mini', 63.6, 80, 90, 60, 53.8, 1820],
      ['QwQ-32B-Preview', 50, 60, 90.6, 54.5, 41.9, 1316],
      ['Qwen-1.5B', 28.9, 52.7, 83.9, 33.8, 16.9, 954],
      ['Qwen-7B', 55.5, 83.3, 92.8, 49.1, 37.6, 1189],
      ['Qwen-14B', 69.7, 80, 93.9, 59.1, 53.1, 1481],
      ['Qwen-32B', 72.6, 83.3, 94.3, 62.1, 57.2, 1691],
      ['Llama-8B', 50.4, 80, 89.1, 49, 39.6, 1205],
      ['Llama-70B', 70, 86.7, 94.5, 65.2, 57.5, 1633],
      ['Qwen-32B, RL alone', 47, 60, 91.6, 55, 40.2, null],
    ]);
  });

  it('follow R1-Zero from its start to its end, step after step', () => {
    for (const { points, approximate } of [facts.R1_ZERO_AIME, facts.R1_ZERO_LENGTH]) {
      expect(approximate).toBe(true);
      expect(points.every(([step], at) => at === 0 || step > points[at - 1]![0])).toBe(true);
    }
    expect(facts.R1_ZERO_AIME.points[0]).toEqual([200, facts.R1_ZERO.aimeAtStart]);
    expect(facts.R1_ZERO_AIME.points.at(-1)).toEqual([8400, facts.R1_ZERO.aimeAtEnd]);
  });
});

describe('the charts', () => {
  it('draw the facts and nothing else', () => {
    expect(r1ZeroAccuracy.series[0]?.points).toBe(facts.R1_ZERO_AIME.points);
    expect(r1ZeroLength.series[0]?.points).toBe(facts.R1_ZERO_LENGTH.points);
    expect(r1AgainstO1.series.map(({ values }) => values)).toEqual([
      facts.R1_AGAINST_O1.scores.map(({ r1 }) => r1),
      facts.R1_AGAINST_O1.scores.map(({ o1 }) => o1),
    ]);
  });

  it.each(facts.DISTILLED_COLUMNS)('show every model that was measured, the best first: %s', (column) => {
    const { names, series } = distilledFigure(column);
    const drawn = names.map((_, at) => series.flatMap(({ values }) => values[at] ?? []));
    const expected = facts.DISTILLED.models.flatMap((model) => model[column] ?? []).sort((a, b) => b - a);
    expect(drawn).toEqual(expected.map((value) => [value]));
  });

  it('say in a sentence and in a table what they draw', () => {
    expect(figureSentence(r1AgainstO1)).toContain('GPQA Diamond: DeepSeek-R1 71.5%, o1-1217 75.7%');
    expect(figureTable(r1AgainstO1).rows[2]).toEqual(['GPQA Diamond', '71.5%', '75.7%']);
    expect(figureSentence(r1ZeroAccuracy)).toBe(
      'R1-Zero: problems solved: solved 15.6% at step 200, 71% at step 8400.',
    );
    const empty: LineFigure = { ...r1ZeroLength, series: [] };
    expect(figureSentence(empty)).toMatch(/nothing measured yet/);
  });

  it('put lines measured at different steps into one table', () => {
    const series = [
      { label: 'a', colour: 'up', dashed: false, points: [[0, 1], [2, 3]] },
      { label: 'b', colour: 'down', dashed: true, points: [[1, 5]] },
    ] as const; // prettier-ignore
    expect(figureTable({ ...r1ZeroLength, series })).toEqual({
      head: ['step', 'a', 'b'],
      rows: [
        ['0', '1', '–'],
        ['1', '–', '5'],
        ['2', '3', '–'],
      ],
    });
  });
});
