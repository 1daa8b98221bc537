import { describe, expect, it } from 'vitest';
import { compare, comparisonTable, readSavedBenchmark } from '../../src/cli/benchmark-comparison.ts';
import { exampleReport } from '../recipes/benchmark-example.ts';
import { pytorchReport } from './pytorch-report.ts';

const read = (saved: unknown): ReturnType<typeof readSavedBenchmark> =>
  readSavedBenchmark(typeof saved === 'string' ? saved : JSON.stringify(saved), 'saved.json');
const { reference } = exampleReport();

describe('a run beside a saved one', () => {
  it('has the ratio of each figure', () => {
    const saved = read(exampleReport({ samplingMs: 80, allocatedMiB: 100 }));
    const rows = compare(reference, saved);
    expect(rows.map(({ name }) => name)).toEqual(['sampling', 'training', 'step', 'start', 'allocated', 'largest binding']); // prettier-ignore
    expect(rows[0]).toEqual({ name: 'sampling', unit: 'ms', here: 40, there: 80, ratio: 0.5 });
    expect(rows[4]).toEqual({ name: 'allocated', unit: 'MiB', here: 600, there: 100, ratio: 6 });
    expect(saved.sizes).toEqual(reference.sizes);
  });

  it('beside PyTorch has a row for each way that PyTorch could run, and its fastest step in float32', () => {
    const saved = read(pytorchReport());
    const rows = compare(reference, saved).map(({ name, there, ratio }) => [name, there, ratio]);
    expect(rows).toEqual([
      ['sampling, PyTorch eager', 300, 40 / 300],
      ['sampling, PyTorch graph', 100, 40 / 100],
      ['training, PyTorch eager', 24, 20 / 24],
      ['training, PyTorch compiled', 15, 20 / 15],
      ['sampling, PyTorch eager with TF32', 280, 40 / 280],
      ['sampling, PyTorch graph with TF32', 80, 40 / 80],
      ['sampling, PyTorch compiled with TF32', 50, 40 / 50],
      ['training, PyTorch eager with TF32', 12, 20 / 12],
      ['training, PyTorch compiled with TF32', 8, 20 / 8],
      ["step, PyTorch's fastest in float32", 115, 60 / 115],
      ['allocated, PyTorch eager', 1000, 600 / 1000],
    ]);
    expect(saved.name).toBe('PyTorch 2.11.0 on NVIDIA H100');
  });

  it('does without what PyTorch has only on a GPU', () => {
    const figures = read(pytorchReport({ allow_tf32: null, peakMiB: null, sampling: { eager: null } })).figures;
    expect(figures.map(({ of, way }) => `${of} ${way}`)).toEqual([
      'trainingMs PyTorch eager',
      'trainingMs PyTorch compiled',
    ]);
  });

  it('is a table with ratios', () => {
    const saved = read(pytorchReport());
    const { title, columns, rows } = comparisonTable(compare(reference, saved), saved);
    expect(title).toContain('PyTorch 2.11.0 on NVIDIA H100: 128 wide, 4 layers, 4 heads; 512 sequences of 12 + 100');
    expect(columns).toEqual(['figure', 'here', 'there', 'here / there']);
    expect(rows[1]).toEqual(['sampling, PyTorch graph', '40 ms', '100 ms', '0.4']);
  });
});

describe('a file that cannot be compared with is refused: where, what was expected, what came', () => {
  it.each([
    ['{', 'saved.json cannot be compared with: it must be JSON, but it cannot be parsed'],
    ['[]', 'saved.json cannot be compared with: it must be a JSON object, but it is []'],
    [{ engine: 'jax' }, '"engine" must be "grpo-playground" or "pytorch", but it is "jax"'],
    [{ ...exampleReport(), reference: null }, '"reference" must be an object, but it is null'],
    [exampleReport({ stepMs: 0 }), 'saved.json: reference cannot be compared with: "stepMs" must be a number above 0'],
    [pytorchReport({ sizes: {} }), 'saved.json.sizes cannot be compared with: "hiddenSize" must be a number above 0'],
    [pytorchReport({ training: { eager: '24' } }), '"eager" must be a number above 0, but it is "24"'],
  ])('%j', (saved, message) => {
    expect(() => read(saved)).toThrow(
      expect.objectContaining({ name: 'bad-settings', message: expect.stringContaining(message) as string }),
    );
    expect(() => read(saved)).toThrow('Save one with bench --json, or with tests/bench/pytorch.py.');
  });
});
