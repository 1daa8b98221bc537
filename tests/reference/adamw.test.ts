import { describe, expect, it } from 'vitest';
import { adamWStep, clipByGlobalNorm, type AdamWState } from './adamw.ts';
import { expectClose } from './compare.ts';
import { adamWFixture } from './fixtures.ts';

describe('the reference optimizer', () => {
  it("follows PyTorch's clipped AdamW, decaying the matrix alone", () => {
    const { shapes, options, start, steps } = adamWFixture;
    const names = ['matrix', 'gain'] as const;
    const zeros = (length: number): Float64Array => new Float64Array(length);
    const states = Object.fromEntries(
      names.map((name): [string, AdamWState] => [
        name,
        {
          weights: start[name],
          firstMoment: zeros(start[name].length),
          secondMoment: zeros(start[name].length),
        },
      ]),
    );
    const clipped: boolean[] = [];
    steps.forEach(({ gradients, norm: expectedNorm, weights }, index) => {
      const { norm, coefficient } = clipByGlobalNorm(Object.values(gradients), options.maxGradNorm);
      expect(norm).toBeCloseTo(expectedNorm, 10);
      clipped.push(coefficient < 1);
      for (const name of names) {
        const gradient = gradients[name].map((value) => value * coefficient);
        states[name] = adamWStep(states[name]!, gradient, shapes[name], options, index + 1);
        expectClose(`${name} after step ${index + 1}`, states[name].weights, weights[name], { atol: 1e-11 });
      }
    });
    expect(clipped).toContain(true);
    expect(clipped).toContain(false);
  });
});
