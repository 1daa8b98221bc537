// A small random model for the tests.
import { Random } from '../../src/base/random.ts';
import { parameterLayout, type Checkpoint, type ModelConfig } from '../../src/engine/config.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';

export const SMALL: ModelConfig = {
  vocabSize: VOCABULARY.length,
  hiddenSize: 16,
  intermediateSize: 32,
  numLayers: 2,
  numHeads: 2,
  maxPositions: 64,
};

export function randomCheckpoint(config: ModelConfig = SMALL, seed = 1): Checkpoint {
  const random = new Random(seed);
  const tensors = parameterLayout(config).tensors.map(
    ({ name, size }) => [name, Float32Array.from({ length: size }, () => 0.2 * random.normal())] as const,
  );
  return { config, tensors: new Map(tensors) };
}
