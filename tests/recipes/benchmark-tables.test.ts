import { describe, expect, it } from 'vitest';
import { benchmarkTables, benchmarkText, figure, tableText } from '../../src/recipes/benchmark-tables.ts';
import { exampleReport } from './benchmark-example.ts';

const titled = (part: string, report = exampleReport()) =>
  benchmarkTables(report).find(({ title }) => title.includes(part));

describe('the tables of a benchmark', () => {
  it('say what a step takes', () => {
    const table = titled('Reference step');
    expect(table?.title).toContain(
      '128 wide, 4 layers, 4 heads; 512 sequences of 12 + 100 tokens (856,704 parameters)',
    );
    expect(table?.rows).toContainEqual(['sampling', '40 ms', '1,280,000 tokens/s']);
    expect(table?.rows).toContainEqual(['of which the GPU computes nothing', '25%', '']);
    expect(table?.rows).toContainEqual(['largest binding', '113 MiB', '']);
  });

  it('put the longest kernels first, with their share of their part', () => {
    const table = titled('GPU time by kernel');
    expect(table?.rows).toEqual([
      ['matmul_forward', 'sampling', '1,800', '15', '50%'],
      ['attention_backward', 'training', '4', '6', '40%'],
      ['sample_token', 'sampling', '100', '3', '10%'],
    ]);
  });

  it('have no kernels where the adapter cannot time them', () => {
    const report = exampleReport({ profile: null, hostShare: null });
    expect(titled('GPU time by kernel', report)).toBeUndefined();
    expect(titled('Reference step', report)?.rows).toContainEqual([
      'of which the GPU computes nothing',
      'not measured',
      '',
    ]);
  });

  it('show how the time grows, a column for each width', () => {
    const table = titled('Growth with the batch');
    expect(table?.title).toContain('100 tokens');
    expect(table?.columns).toEqual(['sequences', '64 wide', '128 wide']);
    expect(table?.rows).toEqual([
      ['128', '25.6 ms, 2 µs', '25.6 ms, 2 µs'],
      ['512', '51.2 ms, 1 µs', '51.2 ms, 1 µs'],
      ['worst / best token', '2.00', '2.00'],
    ]);
    const lengths = titled('Growth with the completions');
    expect(lengths?.title).toContain('512 sequences');
    expect(lengths?.rows.map(([name]) => name)).toEqual(['50', '100', 'worst / best token']);
  });

  it('say how long it is to the aha', () => {
    const table = titled('until 75% of wrong tries');
    expect(table?.rows).toEqual([
      ['wall time', '12.3 s'],
      ['steps', '92'],
      ['wait after a wrong try', '81%'],
    ]);
  });

  it('leave out what was not run', () => {
    expect(benchmarkTables({ ...exampleReport(), reference: null, growth: null, aha: null })).toEqual([]);
  });
});

describe('the text of a benchmark', () => {
  it('begins with the adapter and the notes', () => {
    const report = exampleReport();
    const text = benchmarkText(report, benchmarkTables(report));
    expect(text).toMatch(/^GRPO Playground on simulated\nA note\.\n\nReference step/);
  });

  it('aligns names to the left and figures to the right', () => {
    const rows = [
      ['long name', '1'],
      ['a', '1,000'],
    ];
    const text = tableText({ title: 'Title', columns: ['', 'ms'], rows });
    expect(text).toBe('Title\n              ms\nlong name      1\na          1,000');
  });
});

describe('a figure', () => {
  it.each([
    [0, '0'],
    [0.04216, '0.0422'],
    [4.216, '4.22'],
    [99.96, '100'],
    [123.4, '123'],
    [1_234_567, '1,234,567'],
  ])('%d is %s', (value, text) => expect(figure(value)).toBe(text));
});
