// The whole model on the GPU against the f64 reference and against PyTorch: log-probs, logits and every parameter's gradient.
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../src/engine/config.ts';
import { Engine } from '../../src/engine/index.ts';
import { Objective } from '../../src/grpo/objective.ts';
import { resolveOptions } from '../../src/grpo/options.ts';
import { llamaFixtures } from '../reference/fixtures.ts';
import { logProbs, logProbsBackward } from '../reference/layers.ts';
import { backward, forward } from '../reference/model.ts';
import { openGpu, randomSamples, readGradients, roughModel } from './open.ts';
import { measureClose, measureGradients } from './worst-errors.ts';

const config: ModelConfig = {
  vocabSize: 23,
  hiddenSize: 48,
  intermediateSize: 80,
  numLayers: 2,
  numHeads: 8,
  maxPositions: 60,
};

describe('the model on the GPU', () => {
  it('has the reference log-probs and gradients', async () => {
    const checkpoint = roughModel(config, 3);
    const engine = await Engine.create(await openGpu(), checkpoint, { maxSequences: 1, maxRows: 300 });
    const objective = await Objective.create(engine, 17, 1);
    const samples = randomSamples(config, 17, 5);
    expect(engine.learner.pack(samples).length).toBeGreaterThan(1);
    const options = resolveOptions({ lossType: 'cispo', epsilonHigh: 10, beta: 0, temperature: 0.8 });

    const scored = await objective.score(samples, options);
    const report = await objective.update({ samples, rewards: null, options, old: 'current', optimizer: null });

    const tokens = samples.reduce((sum, { ids, promptLength }) => sum + ids.length - promptLength, 0);
    const gradients = new Map<string, Float64Array>();
    let negative = 0;
    samples.forEach(({ ids, promptLength }, index) => {
      const inputs = ids.slice(0, -1);
      const targets = ids.slice(1);
      const logits = forward(config, checkpoint.tensors, inputs);
      const reference = logProbs(logits, targets, config.vocabSize, options.temperature).logProbs.slice(
        promptLength - 1,
      );
      measureClose('log-probs', `of sample ${index}`, scored[index]!, reference, { atol: 2e-5 });
      negative += reference.reduce((sum, value) => sum - value, 0) / tokens;
      const d = Float64Array.from(targets, (_, t) => (t < promptLength - 1 ? 0 : -1 / tokens));
      const dLogits = logProbsBackward(logits, targets, config.vocabSize, options.temperature, d);
      for (const [name, gradient] of backward(config, checkpoint.tensors, inputs, dLogits))
          gradients.set(name, gradient.map((value, i) => value + (gradients.get(name)?.[i] ?? 0))); // prettier-ignore
    });
    expect(report.tokens).toBe(tokens);
    measureClose('loss', '', [report.loss], [negative], { rtol: 1e-5 });
    measureGradients(await readGradients(engine), gradients, { rtol: 5e-5 });
  });

  it.each(llamaFixtures)(
    "has the logits and gradients of Hugging Face's Llama at $config.hiddenSize x $config.numLayers with $config.numHeads heads",
    async ({ config, tensors, sequences, gradients }) => {
      const gpu = await openGpu();
      const { learner } = await Engine.create(gpu, { config, tensors }, { maxSequences: 1, maxRows: 64 });
      const VP = Math.ceil(config.vocabSize / 4) * 4;
      // The fixture weighs tokens within a sequence, which no objective does: its gradient of the logits is put in from here.
      const [batch] = learner.pack(sequences.map(({ ids }) => ({ ids: [...ids, 0], promptLength: 1 })));
      learner.load(batch!);
      gpu.submit((encoder) => { learner.forward(encoder, batch!, 'policy'); }); // prettier-ignore
      const [bytes] = await gpu.read([{ ...learner.tables.logits, bytes: batch!.rows * VP * 4 }]);
      const padded = new Float32Array(bytes!);
      const dPadded = new Float32Array(batch!.rows * VP);
      let row = 0;
      for (const { ids, tokenWeights, logits } of sequences) {
        const V = config.vocabSize;
        const d = logProbsBackward(logits, [...ids.slice(1), 0], V, 1, [...tokenWeights, 0]);
        const actual = new Float32Array(logits.length);
        for (let t = 0; t < ids.length; t++, row++) {
          actual.set(padded.subarray(row * VP, row * VP + V), t * V);
          dPadded.set(d.subarray(t * V, (t + 1) * V), row * VP);
        }
        measureClose("Hugging Face's logits", '', actual, logits, { rtol: 1e-5 });
      }
      const { buffer, offset } = learner.tables.logits;
      gpu.write(buffer, dPadded, offset);
      learner.begin();
      gpu.submit((encoder) => { learner.backward(encoder, batch!); }); // prettier-ignore
      learner.finish(null);
      measureGradients(await readGradients({ gpu, learner }), gradients, { rtol: 2e-5 });
    },
  );
});
