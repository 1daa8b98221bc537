// How far two arrays of numbers are apart, and where.
import { expect } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import type { Numbers } from './layers.ts';

export interface Tolerance {
  /** In the units of the values. Default 0. */
  readonly atol?: number;
  /** As a share of the largest expected magnitude, so that a nearly zero entry beside large ones is no trap. Default 0. */
  readonly rtol?: number;
}

/** Fails, naming the worst entry, unless all |actual - expected| <= atol + rtol max|expected|. NaN fails. */
export function expectClose(name: string, actual: Numbers, expected: Numbers, { atol = 0, rtol = 0 }: Tolerance): void {
  expect(actual.length, `length of ${name}`).toBe(expected.length);
  const allowed = atol + rtol * largest(expected);
  let worst = 0;
  const error = (i: number): number => Math.abs(actual[i]! - expected[i]!);
  for (let i = 0; i < expected.length && !Number.isNaN(error(worst)); i++) {
    if (!(error(i) <= error(worst))) worst = i;
  }
  if (expected.length > 0 && !(error(worst) <= allowed)) {
    expect.fail(
      `${name}[${worst}] is ${actual[worst]!}, expected ${expected[worst]!}: off by ${error(worst)}, allowed ${allowed}`,
    );
  }
}

export function largest(values: Numbers): number {
  return Array.from(values).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}

/** `length` draws from a normal distribution. */
export function normals(random: Random, length: number, scale = 1, centre = 0): Float64Array {
  return Float64Array.from({ length }, () => centre + scale * random.normal());
}

/** The gradient of f at x by central differences of fourth order. */
export function numericalGradient(f: (x: Float64Array) => number, x: Numbers, step = 3e-4): Float64Array {
  return Float64Array.from(x, (value, i) => {
    const at = (offset: number): number => f(Float64Array.from(x, (v, j) => (j === i ? value + offset * step : v)));
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step);
  });
}

export function dot(a: Numbers, b: Numbers): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
}
