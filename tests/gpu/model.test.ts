// The whole model on the GPU against the f64 reference: log-probs and every parameter's gradient, at ragged sizes.
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../src/engine/config.ts';
import { Engine } from '../../src/engine/index.ts';
import { splitTensors } from '../../src/engine/parameters.ts';
import { Objective } from '../../src/grpo/objective.ts';
import { resolveOptions } from '../../src/grpo/options.ts';
import { backward, forward } from '../reference/model.ts';
import { logProbs, logProbsBackward } from '../reference/layers.ts';
import { expectClose } from '../reference/compare.ts';
import { openGpu, randomSamples, roughModel } from './open.ts';

const configs: ModelConfig[] = [
  { vocabSize: 23, hiddenSize: 48, intermediateSize: 80, numLayers: 2, numHeads: 8, maxPositions: 19 },
  { vocabSize: 28, hiddenSize: 32, intermediateSize: 96, numLayers: 3, numHeads: 1, maxPositions: 30 },
  { vocabSize: 64, hiddenSize: 80, intermediateSize: 16, numLayers: 1, numHeads: 5, maxPositions: 12 },
];

describe('the model on the GPU', () => {
  it.each(configs)(
    'has the reference log-probs and gradients at $hiddenSize x $numLayers with $numHeads heads',
    async (config) => {
      const gpu = await openGpu();
      const checkpoint = roughModel(config, 3);
      const engine = await Engine.create(gpu, checkpoint, { maxSequences: 4 });
      const objective = await Objective.create(engine, 16, 2);
      const samples = randomSamples(config, 11, 5);
      const options = resolveOptions({ lossType: 'cispo', epsilonHigh: 10, beta: 0, temperature: 0.8 });

      const scored = await objective.score(samples, options);
      const report = await objective.update({ samples, rewards: null, options, old: 'current', optimizer: null });
      const [bytes] = await gpu.read([
        { buffer: engine.learner.gradients.buffer, bytes: engine.learner.gradients.layout.floats * 4 },
      ]);
      const gradients = splitTensors(engine.learner.gradients.layout, new Float32Array(bytes!));

      const tokens = samples.reduce((sum, { ids, promptLength }) => sum + ids.length - promptLength, 0);
      const expected = new Map<string, Float64Array>();
      let negative = 0;
      samples.forEach(({ ids, promptLength }, index) => {
        const inputs = ids.slice(0, -1);
        const targets = ids.slice(1);
        const logits = forward(config, checkpoint.tensors, inputs);
        const { logProbs: reference } = logProbs(logits, targets, config.vocabSize, options.temperature);
        expectClose(`log-probs of sample ${index}`, scored[index]!, reference.slice(promptLength - 1), { atol: 2e-5 });
        const d = Float64Array.from(targets, (_, t) => (t < promptLength - 1 ? 0 : -1 / tokens));
        negative += reference.slice(promptLength - 1).reduce((sum, value) => sum - value, 0) / tokens;
        const dLogits = logProbsBackward(logits, targets, config.vocabSize, options.temperature, d);
        for (const [name, gradient] of backward(config, checkpoint.tensors, inputs, dLogits)) {
          const sum = expected.get(name);
          expected.set(name, sum ? sum.map((value, i) => value + gradient[i]!) : gradient);
        }
      });
      expect(report.tokens).toBe(tokens);
      expectClose('loss', [report.loss], [negative], { rtol: 1e-5 });
      for (const [name, gradient] of expected)
        expectClose(name, gradients.get(name)!, gradient, { rtol: 5e-5, atol: 1e-7 });
    },
  );
});
