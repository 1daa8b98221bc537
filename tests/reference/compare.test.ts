import { describe, expect, it } from 'vitest';
import { expectClose, numericalGradient } from './compare.ts';

describe('comparing arrays', () => {
  it('allows what the tolerances allow, relative to the largest value', () => {
    expectClose('x', [100, 1.05], [100, 1], { rtol: 1e-3 });
    expectClose('x', [0.5], [0], { atol: 0.5 });
    expectClose('x', [], [], {});
  });

  it('names the worst entry', () => {
    const compare = (): void => {
      expectClose('x', [1.1, 5, 3], [1, 2, 3], { atol: 0.5 });
    };
    expect(compare).toThrow('x[1] is 5, expected 2: off by 3, allowed 0.5');
  });

  it('allows no NaN, no infinity and no missing entry', () => {
    for (const actual of [
      [1, NaN, 3],
      [1, Infinity, 3],
      [1, 2],
    ]) {
      expect(() => {
        expectClose('x', actual, [1, 2, 3], { atol: 9 });
      }).toThrow();
    }
  });

  it('differentiates', () => {
    expectClose(
      'gradient',
      numericalGradient(([x, y]) => x! ** 3 * y!, [2, 5]),
      [60, 8],
      { rtol: 1e-10 },
    );
  });
});
