import { describe, expect, it } from 'vitest';
import { parameterLayout } from '../../src/engine/config.ts';
import { forwardFlops, grpoFlops, trainingFlops } from '../../src/recipes/flops.ts';

const config = { vocabSize: 28, hiddenSize: 64, intermediateSize: 192, numLayers: 3, numHeads: 4, maxPositions: 256 };
const sequence = (length: number) => ({ ids: new Array<number>(length).fill(0) });

describe('the compute of a pass', () => {
  it('is counted product by product', () => {
    // Two tokens pass; per token and layer 4 D^2 + 3 D F multiply-adds, then D V; they attend to 1 + 2 tokens, 2 D each.
    const multiplyAdds = 2 * (3 * (4 * 64 * 64 + 3 * 64 * 192) + 64 * 28) + 3 * (1 + 2) * 2 * 64;
    expect(forwardFlops(config, sequence(3))).toBe(2 * multiplyAdds);
  });

  it('is about twice the parameters for each token of a short sequence', () => {
    const matrices = parameterLayout(config).tensors.filter(({ shape }) => shape.length > 1);
    const parameters = matrices.reduce((sum, { size }) => sum + size, 0);
    const perToken = forwardFlops(config, sequence(9)) / 8;
    expect(perToken).toBeGreaterThan(2 * parameters);
    expect(perToken).toBeLessThan(2.1 * parameters);
  });

  it('is nothing for a sequence that predicts nothing', () => {
    expect(forwardFlops(config, sequence(1))).toBe(0);
    expect(forwardFlops(config, sequence(0))).toBe(0);
  });
});

describe('the compute of training', () => {
  const forward = forwardFlops(config, sequence(40));

  it('is three passes, as backward costs two', () => {
    expect(trainingFlops(config, sequence(40))).toBe(3 * forward);
  });

  it('with GRPO is a pass to sample, one for the reference, and three an iteration', () => {
    expect(grpoFlops(config, sequence(40), { beta: 0.04, numIterations: 1 })).toBe(5 * forward);
    expect(grpoFlops(config, sequence(40), { beta: 0, numIterations: 2 })).toBe(7 * forward);
  });
});
