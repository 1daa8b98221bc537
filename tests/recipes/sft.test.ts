import { describe, expect, it } from 'vitest';
import { learningRate } from '../../src/recipes/sft.ts';

describe('the learning rate of supervised training', () => {
  const settings = { steps: 1050, warmupSteps: 50, peakLearningRate: 2 };

  it('rises in a straight line to its peak at the end of the warm-up', () => {
    expect(learningRate(settings, 1)).toBeCloseTo(2 / 50, 12);
    expect(learningRate(settings, 25)).toBeCloseTo(1, 12);
    expect(learningRate(settings, 50)).toBe(2);
  });

  it('falls along a cosine to a tenth of it at the last step', () => {
    expect(learningRate(settings, 550)).toBeCloseTo((2 + 0.2) / 2, 12); // half way
    expect(learningRate(settings, 300)).toBeCloseTo(0.2 + 1.8 * Math.cos(Math.PI / 8) ** 2, 12); // a quarter
    expect(learningRate(settings, 1050)).toBeCloseTo(0.2, 12);
  });

  it('never rises again', () => {
    for (let step = 51; step <= settings.steps; step++)
      expect(learningRate(settings, step)).toBeLessThan(learningRate(settings, step - 1));
  });

  it.each([1, 50, 51])('is positive and at most the peak in all of %i steps', (steps) => {
    for (let step = 1; step <= steps; step++) {
      expect(learningRate({ ...settings, steps }, step)).toBeGreaterThan(0);
      expect(learningRate({ ...settings, steps }, step)).toBeLessThanOrEqual(2);
    }
  });
});
