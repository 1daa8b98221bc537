// AdamW on the GPU against the f64 reference, micro-batches, repeatable training, and checkpoints put in place.
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { Checkpoint, ModelConfig } from '../../src/engine/config.ts';
import { Engine } from '../../src/engine/index.ts';
import { initialize } from '../../src/engine/initialize.ts';
import { AdamW, type AdamWSettings } from '../../src/engine/optimizer.ts';
import { Parameters } from '../../src/engine/parameters.ts';
import { Objective } from '../../src/grpo/objective.ts';
import { resolveOptions } from '../../src/grpo/options.ts';
import type { Numbers } from '../reference/layers.ts';
import { adamWStep, clipByGlobalNorm, type AdamWState } from '../reference/adamw.ts';
import { openGpu, randomSamples, readGradients, roughModel } from './open.ts';
import { floats } from './run-kernel.ts';
import { measureClose, measureGradients } from './worst-errors.ts';

const config: ModelConfig = {
  vocabSize: 23,
  hiddenSize: 16,
  intermediateSize: 32,
  numLayers: 1,
  numHeads: 2,
  maxPositions: 14,
};
const checkpoint = roughModel(config, 8);
const settings: AdamWSettings = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, weightDecay: 0.1, maxGradNorm: 1e9 };

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.create(await openGpu(), checkpoint, { maxSequences: 12, maxRows: 64 });
});

/** An optimizer alone, on the weights of `checkpoint` and gradients of the test's own. */
async function openOptimizer(software = true): Promise<{
  readonly weights: Parameters;
  /** Puts random gradients in place. */
  readonly drawGradients: (random: Random, scale: number) => Map<string, Float32Array>;
  readonly gradients: Parameters;
  /** One update; the norm of the gradient before the clip. */
  readonly update: (settings: AdamWSettings) => Promise<number>;
}> {
  const { gpu } = engine;
  const weights = new Parameters(gpu, config, 'weights');
  const gradients = new Parameters(gpu, config, 'gradients');
  const optimizer = await AdamW.create(gpu, weights, gradients, software);
  weights.write(checkpoint);
  return {
    weights,
    gradients,
    drawGradients: (random, scale) => {
      const tensors = gradients.layout.tensors.map(({ name, size }) => [name, floats(random, size, scale)] as const);
      gradients.write({ tensors: new Map(tensors) });
      return new Map(tensors);
    },
    update: async (given) => {
      gpu.submit((encoder) => {
        gpu.encode(encoder, optimizer.step(given), 1);
      });
      const [bytes] = await gpu.read([{ buffer: optimizer.norm, bytes: 4 }]);
      return new Float32Array(bytes!)[0]!;
    },
  };
}

describe('AdamW', () => {
  it.each([
    { clip: 'inactive', maxGradNorm: 1e9, beta2: 0.95, adapter: 'software' },
    { clip: 'active', maxGradNorm: 0.5, beta2: 0.999, adapter: 'GPU' },
  ])(
    'is the reference over four steps, the clip $clip, and decays matrices alone, for a $adapter adapter',
    async (size) => {
      const { maxGradNorm, beta2, adapter } = size;
      const { weights, drawGradients, update } = await openOptimizer(adapter === 'software');
      const random = new Random(5);
      const { tensors } = weights.layout;
      const states = new Map<string, AdamWState>();
      for (const { name, size } of tensors) {
        const zeros = new Float64Array(size);
        states.set(name, { weights: checkpoint.tensors.get(name)!, firstMoment: zeros, secondMoment: zeros });
      }
      for (const [index, scale] of [0.1, 3, 0.01, 0.5].entries()) {
        const gradients = drawGradients(random, scale);
        const learningRate = 0.01 * (index + 1);
        const { norm, coefficient } = clipByGlobalNorm(gradients.values(), maxGradNorm);
        const measured = await update({ ...settings, maxGradNorm, beta2, learningRate });
        measureClose('adamw_squared_norm and adamw_norm', 'gradNorm', [measured], [norm], { rtol: 1e-6 });
        const after = (await weights.read()).tensors;
        for (const { name, shape } of tensors) {
          const gradient = Float64Array.from(gradients.get(name)!, (value) => value * coefficient);
          const options = { learningRate, adamBeta1: 0.9, adamBeta2: beta2, weightDecay: 0.1 };
          const expected = adamWStep(states.get(name)!, gradient, shape, options, index + 1);
          states.set(name, expected);
          const change = (now: Numbers): Float64Array =>
            Float64Array.from(now, (weight, i) => weight - checkpoint.tensors.get(name)![i]!);
          const [actual, reference] = [change(after.get(name)!), change(expected.weights)];
          measureClose('adamw_update', `change of ${name}`, actual, reference, { rtol: 1e-5, atol: 1e-7 });
        }
      }
    },
  );

  it.each([NaN, Infinity])(
    'leaves the weights untouched where a gradient is %d, and goes on after it',
    async (broken) => {
      const { weights, gradients, drawGradients, update } = await openOptimizer();
      const random = new Random(6);
      drawGradients(random, 1);
      engine.gpu.write(gradients.buffer, Float32Array.of(broken), 400);
      expect(await update(settings)).not.toBeLessThan(Infinity);
      expect((await weights.read()).tensors).toEqual(checkpoint.tensors);
      drawGradients(random, 1);
      await update(settings);
      const { tensors } = await weights.read();
      expect(tensors).not.toEqual(checkpoint.tensors);
      expect([...tensors.values()].every((tensor) => tensor.every(Number.isFinite))).toBe(true);
    },
  );

  it('reaches the last weight of the largest model', async () => {
    const { gpu } = engine;
    const largest = { ...config, vocabSize: 64, hiddenSize: 256, intermediateSize: 1024, numLayers: 8, numHeads: 8 };
    const weights = new Parameters(gpu, largest, 'largest weights');
    const gradients = new Parameters(gpu, largest, 'largest gradients');
    const optimizer = await AdamW.create(gpu, weights, gradients);
    const { offset, size } = weights.layout.tensors.at(-1)!;
    const end = offset + size;
    gpu.write(gradients.buffer, Float32Array.of(2), (end - 1) * 4);
    gpu.submit((encoder) => {
      gpu.encode(encoder, optimizer.step(settings), 1);
    });
    const [bytes] = await gpu.read([{ buffer: weights.buffer, bytes: end * 4 }]);
    expect(new Float32Array(bytes!).at(-1)).toBeCloseTo(-settings.learningRate, 6);
    gpu.free([weights.buffer, gradients.buffer]);
  });
});

const options = resolveOptions({ beta: 0.05, temperature: 1.1 });
const G = 4;
const PROMPTS = [
  [1, 2, 3],
  [4, 5],
  [6, 7, 8, 9],
].flatMap((prompt) => new Array<number[]>(G).fill(prompt));

/** Some steps of GRPO whose reward is how many tokens of a completion are even; the weights after them. */
async function train(on: Engine, objective: Objective, steps: number): Promise<Checkpoint> {
  for (let step = 0; step < steps; step++) {
    const sampling = { temperature: 1.1, topK: 0, topP: 1, minP: 0, forbidden: [], seed: 3, step, eos: 0 };
    const completions = await on.generate(PROMPTS, { ...sampling, maxNewTokens: 8 });
    const values = completions.map(({ ids }) => [ids.filter((id) => id % 2 === 0).length]);
    await objective.update({
      samples: completions.map(({ ids, truncated }, i) => ({
        ids: [...PROMPTS[i]!, ...ids],
        promptLength: PROMPTS[i]!.length,
        truncated,
      })),
      rewards: { values, groupSize: G },
      options,
      old: 'current',
      optimizer: settings,
    });
  }
  return on.checkpoint();
}

describe('training', () => {
  it('is repeated to the bit from the same seed, on another engine and after others were put back', async () => {
    engine.restore(checkpoint);
    const objective = await Objective.create(engine, PROMPTS.length, 1);
    const first = await train(engine, objective, 20);
    expect(first.tensors).not.toEqual(checkpoint.tensors);
    const other = await Engine.create(engine.gpu, checkpoint, { maxSequences: 12, maxRows: 64 });
    const otherObjective = await Objective.create(other, PROMPTS.length, 1);
    await train(other, otherObjective, 1);
    other.restore(checkpoint);
    expect(await train(other, otherObjective, 20)).toEqual(first);
  });

  it('makes the same loss and gradients however its rows are split into micro-batches', async () => {
    engine.restore(checkpoint);
    const samples = randomSamples(config, 12, 4);
    const values = samples.map(({ ids }) => [ids.length % 3]);
    const run = async (maxRows: number): Promise<[number, number, Map<string, Float32Array>]> => {
      const split = await Engine.create(engine.gpu, checkpoint, { maxSequences: 1, maxRows });
      const objective = await Objective.create(split, samples.length, 1);
      const batches = split.learner.pack(samples).length;
      const { loss } = await objective.update({ samples, rewards: { values, groupSize: G }, options, old: 'current', optimizer: null }); // prettier-ignore
      return [batches, loss, await readGradients(split)];
    };
    const [one, whole, gradients] = await run(256);
    const [many, parts, summed] = await run(13);
    expect(one).toBe(1);
    expect(many).toBeGreaterThan(5);
    measureClose('split into micro-batches', 'loss', [parts], [whole], { rtol: 1e-6, atol: 1e-7 });
    measureGradients(summed, gradients, { rtol: 5e-6 });
  });

  it('measures the KL from where the reference was last frozen', async () => {
    engine.restore(checkpoint);
    const objective = await Objective.create(engine, PROMPTS.length, 1);
    await train(engine, objective, 3);
    const samples = randomSamples(config, PROMPTS.length, 9);
    const measure = async (): Promise<number> =>
      (await objective.update({ samples, rewards: null, options, old: 'current', optimizer: null })).kl;
    expect(await measure()).toBeGreaterThan(1e-3);
    engine.learner.freezeReference();
    expect(await measure()).toBe(0);
  });
});

describe('a checkpoint', () => {
  it('comes back as it was given, with its own maximum, also from an engine for shorter sequences', async () => {
    const short = await Engine.create(engine.gpu, checkpoint, { maxSequences: 1, maxRows: 64, maxLength: 6 });
    expect(short.config.maxPositions).toBe(6);
    expect(await short.checkpoint()).toEqual(checkpoint);
  });

  const changed = (name: string, tensor: Float32Array | null): Checkpoint => {
    const tensors = new Map(checkpoint.tensors);
    tensors.delete(name);
    if (tensor) tensors.set(name, tensor);
    return { config, tensors };
  };
  it.each([
    ['a missing tensor', changed('model.norm.weight', null), /model.norm.weight must be \[16\], but nothing came/],
    ['a tensor of another size', changed('model.norm.weight', new Float32Array(15)), /\[16\], but 15 numbers came/],
    [
      'a weight that is NaN',
      changed('model.norm.weight', new Float32Array(16).fill(NaN)),
      /finite, but number 0 is NaN/,
    ],
  ])('with %s is refused with bad-checkpoint, and the weights stay', async (_, wrong, message) => {
    engine.restore(checkpoint);
    expect(() => { engine.restore(wrong); }).toThrow(message); // prettier-ignore
    await expect(Engine.create(engine.gpu, wrong, { maxSequences: 1 })).rejects.toMatchObject({
      name: 'bad-checkpoint',
    });
    expect((await engine.checkpoint()).tensors).toEqual(checkpoint.tensors);
  });

  it('of a size out of range is refused with bad-settings', async () => {
    const wrong = { ...initialize(config, 1), config: { ...config, hiddenSize: 24 } };
    await expect(Engine.create(engine.gpu, wrong, { maxSequences: 1 })).rejects.toMatchObject({ name: 'bad-settings' });
  });
});
