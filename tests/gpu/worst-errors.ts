// The worst relative error of everything that a test file measured, printed as one table when the file is done.
import { afterAll } from 'vitest';
import { expectClose, largest, type Tolerance } from '../reference/compare.ts';
import type { Numbers } from '../reference/layers.ts';

const worst = new Map<string, number>();

afterAll(() => {
  const rows = [...worst].sort(([, a], [, b]) => b - a).map(([name, error]) => `${error.toExponential(1)}  ${name}`);
  if (rows.length > 0) console.log(['worst error as a share of the largest expected value', ...rows].join('\n  '));
});

/** Like expectClose, and notes the error under `name`, such as a kernel's or a tensor's; `detail` tells its outputs apart. */
export function measureClose(
  name: string,
  detail: string,
  actual: Numbers,
  expected: Numbers,
  tolerance: Tolerance,
): void {
  const errors = Array.from(actual, (value, i) => value - expected[i]!);
  const error = largest(errors) / Math.max(largest(expected), Number.MIN_VALUE);
  worst.set(name, Math.max(worst.get(name) ?? 0, error));
  expectClose(`${name} ${detail}`, actual, expected, tolerance);
}

/** measureClose of every tensor's gradient, noted under its name without the layer's number. */
export function measureGradients(
  actual: ReadonlyMap<string, Numbers>,
  expected: ReadonlyMap<string, Numbers>,
  tolerance: Tolerance,
): void {
  for (const [name, gradient] of expected) {
    const kind = name.replace(/layers\.\d+/, 'layers.*');
    measureClose(`gradient of ${kind}`, name, actual.get(name) ?? [], gradient, tolerance);
  }
}
