// The critic on the GPU against the f64 reference: values and every parameter's gradient, in the policy's workspace.
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { Checkpoint, ModelConfig } from '../../src/engine/config.ts';
import { Engine } from '../../src/engine/index.ts';
import { splitTensors } from '../../src/engine/parameters.ts';
import type { ValueModel } from '../../src/engine/value-model.ts';
import type { Batch } from '../../src/engine/batch.ts';
import { normals } from '../reference/compare.ts';
import { backward, forward } from '../reference/model.ts';
import { openGpu, randomSamples, roughModel } from './open.ts';
import { measureClose, measureGradients } from './worst-errors.ts';

const config: ModelConfig = {
  vocabSize: 23,
  hiddenSize: 48,
  intermediateSize: 80,
  numLayers: 2,
  numHeads: 8,
  maxPositions: 40,
};
const checkpoint = roughModel(config, 3);
const samples = randomSamples(config, 9, 5);
const optimizer = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, weightDecay: 0.1, maxGradNorm: 1 };

let engine: Engine;
let critic: ValueModel;
beforeAll(async () => {
  engine = await Engine.create(await openGpu(), checkpoint, { maxSequences: 1, maxRows: 100 });
  critic = await engine.learner.createCritic();
});

async function run(batch: Batch): Promise<Float32Array> {
  const { gpu, learner } = engine;
  learner.load(batch);
  gpu.submit((encoder) => { critic.forward(encoder, batch); }); // prettier-ignore
  const [bytes] = await gpu.read([{ ...learner.tables.logits, bytes: batch.rows * 16 }]);
  return new Float32Array(bytes!);
}

describe('a critic', () => {
  it('begins as the policy with a value of 0 everywhere', async () => {
    const { tensors } = await critic.parameters.read();
    expect(tensors.get('score.weight')).toEqual(new Float32Array(config.hiddenSize));
    for (const [name, tensor] of checkpoint.tensors) expect(tensors.get(name), name).toEqual(tensor);
    for (const batch of engine.learner.pack(samples)) {
      expect((await run(batch)).every((value) => value === 0)).toBe(true);
    }
  });

  it('has the reference values and gradients over several micro-batches', async () => {
    const { gpu, learner } = engine;
    const random = new Random(8);
    const score = Float32Array.from(normals(random, config.hiddenSize, 0.5));
    const weights: Checkpoint = { config, tensors: new Map(checkpoint.tensors).set('score.weight', score) };
    critic.parameters.write(weights);
    const d = samples.map(({ ids }) => normals(random, ids.length - 1));
    const batches = learner.pack(samples);
    expect(batches.length).toBeGreaterThan(1);

    critic.begin();
    let sample = 0;
    for (const batch of batches) {
      const values = await run(batch);
      const dValues = new Float32Array(batch.rows * 4);
      for (let row = 0; row < batch.rows; sample++) {
        const inputs = samples[sample]!.ids.slice(0, -1);
        const actual = Float32Array.from(inputs, (_, t) => values[(row + t) * 4]!);
        measureClose('values', '', actual, forward(config, weights.tensors, inputs), { rtol: 1e-5 });
        d[sample]!.forEach((value, t) => (dValues[(row + t) * 4] = value));
        row += inputs.length;
      }
      gpu.write(learner.tables.logits.buffer, dValues, learner.tables.logits.offset);
      gpu.submit((encoder) => { critic.backward(encoder, batch); }); // prettier-ignore
    }
    critic.finish(null);

    const expected = new Map<string, Float64Array>();
    samples.forEach(({ ids }, i) => {
      for (const [name, gradient] of backward(config, weights.tensors, ids.slice(0, -1), d[i]!))
        expected.set(name, gradient.map((value, at) => value + (expected.get(name)?.[at] ?? 0))); // prettier-ignore
    });
    const { buffer, layout } = critic.gradients;
    const [bytes] = await gpu.read([{ buffer, bytes: layout.floats * 4 }]);
    measureGradients(splitTensors(layout, new Float32Array(bytes!)), expected, { rtol: 5e-5 });
  });

  it('learns without touching the policy', async () => {
    const before = await critic.parameters.read();
    critic.finish(optimizer);
    const { tensors } = await critic.parameters.read();
    for (const [name, tensor] of before.tensors) expect(tensors.get(name), name).not.toEqual(tensor);
    expect((await engine.checkpoint()).tensors).toEqual(checkpoint.tensors);
  });
});
