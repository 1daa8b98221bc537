import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { parameterLayout, type ModelConfig } from '../../src/engine/config.ts';
import { dot, expectClose, normals, numericalGradient } from './compare.ts';
import { llamaFixtures } from './fixtures.ts';
import { logProbsBackward } from './layers.ts';
import { backward, forward } from './model.ts';

describe('the reference model', () => {
  it.each([
    { head: 'logits', width: 5 },
    { head: 'value', width: 1 },
  ] as const)('has the gradient of central differences for every tensor, with $head', ({ head, width }) => {
    const config: ModelConfig = {
      vocabSize: 5,
      hiddenSize: 8,
      intermediateSize: 6,
      numLayers: 2,
      numHeads: 2,
      maxPositions: 8,
    };
    const random = new Random(2);
    const ids = [1, 4, 1, 0, 2];
    const tensors = new Map(
      parameterLayout(config, head).tensors.map(({ name, shape, size }) => [
        name,
        normals(random, size, 0.5, shape.length === 1 ? 1 : 0),
      ]),
    );
    const dLogits = normals(random, ids.length * width);
    const gradients = backward(config, tensors, ids, dLogits);
    expect([...gradients.keys()]).toEqual([...tensors.keys()]);
    for (const [name, tensor] of tensors) {
      const objective = (at: Float64Array): number =>
        dot(forward(config, new Map(tensors).set(name, at), ids), dLogits);
      expectClose(name, gradients.get(name)!, numericalGradient(objective, tensor), { rtol: 1e-8 });
    }
  });

  // Hugging Face computes norms and rotations in f32 even in a double model, and the fixtures hold f32.
  describe.each(llamaFixtures)('on $config.vocabSize tokens, width $config.hiddenSize', (fixture) => {
    const { config, tensors, sequences } = fixture;

    it("has Hugging Face's tensors", () => {
      expect([...tensors.keys()].sort()).toEqual(
        parameterLayout(config)
          .tensors.map(({ name }) => name)
          .sort(),
      );
    });

    it("gives Hugging Face's logits", () => {
      for (const { ids, logits } of sequences) {
        expectClose('logits', forward(config, tensors, ids), logits, { rtol: 1e-6 });
      }
    });

    it("gives Hugging Face's gradient for every tensor", () => {
      const bySequence = sequences.map(({ ids, tokenWeights }) => {
        const V = config.vocabSize;
        const logits = forward(config, tensors, ids);
        const dLogits = new Float64Array(logits.length); // the last position predicts nothing
        dLogits.set(logProbsBackward(logits.subarray(0, -V), ids.slice(1), V, 1, tokenWeights));
        return backward(config, tensors, ids, dLogits);
      });
      for (const [name, expected] of fixture.gradients) {
        const actual = Float64Array.from(expected, (_, i) =>
          bySequence.reduce((sum, gradients) => sum + gradients.get(name)![i]!, 0),
        );
        expectClose(name, actual, expected, { rtol: 2e-6 });
      }
    });
  });
});
