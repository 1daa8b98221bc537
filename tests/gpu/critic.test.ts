// PPO on the GPU against the f64 reference: values, advantages, the value loss and every gradient of critic and policy.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { Checkpoint, ModelConfig } from '../../src/engine/config.ts';
import { Engine } from '../../src/engine/index.ts';
import { splitTensors } from '../../src/engine/parameters.ts';
import { type Critic } from '../../src/grpo/critic.ts';
import { Objective, type Update, type UpdateReport } from '../../src/grpo/objective.ts';
import { resolveOptions, type GrpoOptions } from '../../src/grpo/options.ts';
import { normals } from '../reference/compare.ts';
import { grpoLoss } from '../reference/grpo.ts';
import { logProbs, logProbsBackward } from '../reference/layers.ts';
import { backward, forward } from '../reference/model.ts';
import { estimates, valueLoss } from '../reference/ppo.ts';
import { openGpu, randomSamples, readGradients, roughModel } from './open.ts';
import { measureClose, measureGradients } from './worst-errors.ts';

const config: ModelConfig = {
  vocabSize: 23,
  hiddenSize: 32,
  intermediateSize: 48,
  numLayers: 2,
  numHeads: 4,
  maxPositions: 24,
};
const policy = roughModel(config, 3);
const samples = randomSamples(config, 8, 6);
const random = new Random(21);
const rewards = samples.map(() => [random.integer(2), 0.25 * random.integer(3)]);
const sums = rewards.map(([accuracy, format]) => accuracy! + 0.5 * format!);
const critic: Checkpoint = {
  config,
  tensors: new Map(roughModel(config, 4).tensors).set('score.weight', Float32Array.from(normals(random, config.hiddenSize, 0.1))), // prettier-ignore
};
const optimizer = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, weightDecay: 0, maxGradNorm: 1 };
const ppo = (given: Partial<GrpoOptions> = {}): GrpoOptions =>
  resolveOptions({ advantageEstimator: 'ppo', rewardWeights: [1, 0.5], beta: 0, gamma: 0.98, lam: 0.9, ...given });

const flat = (rows: readonly ArrayLike<number>[]): number[] => rows.flatMap((row) => Array.from(row));

/** The values of the completions' tokens by the f64 reference. */
const valuesBy = ({ tensors }: Checkpoint): Float64Array[] =>
  samples.map(({ ids, promptLength }) => forward(config, tensors, ids.slice(0, -1)).slice(promptLength - 1));

/** The gradient of every tensor, summed over the samples, from d loss / d output of a completion's tokens. */
function gradientsOf(
  { tensors }: Checkpoint,
  dOutput: (sample: number, logits: Float64Array, ofPrompt: number[]) => ArrayLike<number>,
): Map<string, Float64Array> {
  const total = new Map<string, Float64Array>();
  samples.forEach(({ ids, promptLength }, i) => {
    const inputs = ids.slice(0, -1);
    const d = dOutput(i, forward(config, tensors, inputs), new Array<number>(promptLength - 1).fill(0));
    for (const [name, gradient] of backward(config, tensors, inputs, d))
      total.set(name, gradient.map((value, at) => value + (total.get(name)?.[at] ?? 0))); // prettier-ignore
  });
  return total;
}

let engine: Engine;
let objective: Objective;
beforeAll(async () => {
  engine = await Engine.create(await openGpu(), policy, { maxSequences: 2, maxRows: 60 });
  objective = await Objective.create(engine, samples.length, 2, 'ppo');
  expect(engine.learner.pack(samples).length).toBeGreaterThan(1);
});
beforeEach(() => {
  engine.restore(policy);
  objective.critic?.model.parameters.write(critic);
  objective.critic?.model.optimizer.reset();
});

const update = (options: GrpoOptions, changed: Partial<Update> = {}): Promise<UpdateReport> =>
  objective.update({ samples, rewards: { values: rewards, groupSize: 4 }, options, old: 'current', optimizer: null, ...changed }); // prettier-ignore

async function readCritic(): Promise<{ weights: Checkpoint; gradients: Map<string, Float32Array> }> {
  const { parameters, gradients } = (objective.critic as Critic).model;
  const [bytes] = await engine.gpu.read([{ buffer: gradients.buffer, bytes: gradients.layout.floats * 4 }]);
  return { weights: await parameters.read(), gradients: splitTensors(gradients.layout, new Float32Array(bytes!)) };
}

describe('an update of PPO', () => {
  it('has the reference advantages, value loss and explained variance, and the gradient of every weight of the critic', async () => {
    const options = ppo({ vfCoef: 0.3 });
    const { critic: report, outcomes } = await update(options);
    const values = valuesBy(critic);
    const { advantages, returns, explainedVariance } = estimates(values, sums, options);
    const { loss, dValues } = valueLoss(values, values, returns, options);
    measureClose('critic: advantages', '', flat(report!.advantages), flat(advantages), { rtol: 2e-5 });
    measureClose('critic: value loss', '', [report!.valueLoss], [loss], { rtol: 1e-5 });
    measureClose('critic: explained variance', '', [report!.explainedVariance], [explainedVariance], { rtol: 1e-5 });
    expect(report!.clipped).toBe(0);
    const means = advantages.map((row) => row.reduce((sum, value) => sum + value, 0) / row.length);
    measureClose('critic: advantage of a completion', '', outcomes.map(({ advantage }) => advantage), means, { rtol: 2e-5 }); // prettier-ignore

    const expected = gradientsOf(critic, (i, _, ofPrompt) => [...ofPrompt, ...dValues[i]!.map((d) => 0.3 * d)]);
    measureGradients((await readCritic()).gradients, expected, { rtol: 5e-5 });
    const squares = flat([...expected.values()]).reduce((sum, value) => sum + value * value, 0);
    measureClose('critic: gradNorm', '', [report!.gradNorm], [Math.sqrt(squares)], { rtol: 1e-5 });
  });

  it.each(['token', 'sequence'] as const)(
    'pushes every token of the policy by its own advantage, ratios of a %s',
    async (importanceSamplingLevel) => {
      const options = ppo({ importanceSamplingLevel, lossType: 'grpo' });
      const rows = samples.map(({ ids, promptLength }) => {
        const all = logProbs(forward(config, policy.tensors, ids.slice(0, -1)), ids.slice(1), config.vocabSize, 1);
        return { logProbs: all.logProbs.slice(promptLength - 1), entropies: all.entropies.slice(promptLength - 1) };
      });
      const old = rows.map((row) => Array.from(normals(random, row.logProbs.length, 0.3), (noise, t) => row.logProbs[t]! + noise)); // prettier-ignore
      const report = await update(options, { old });
      const expected = grpoLoss(
        {
          logProbs: rows.map((row) => row.logProbs),
          entropies: rows.map((row) => row.entropies),
          oldLogProbs: old,
          refLogProbs: null,
          advantages: estimates(valuesBy(critic), sums, options).advantages,
          truncated: samples.map(() => false),
        },
        options,
      );
      measureClose('ppo: loss', '', [report.loss], [expected.loss], { atol: 5e-6, rtol: 1e-5 });
      measureClose('ppo: slopes', '', flat(report.slopes), flat(expected.dLogProbs), { rtol: 1e-4 });
      const gradients = gradientsOf(policy, (i, logits, ofPrompt) => {
        const d = [...ofPrompt, ...expected.dLogProbs[i]!];
        return logProbsBackward(logits, samples[i]!.ids.slice(1), config.vocabSize, 1, d);
      });
      measureGradients(await readGradients(engine), gradients, { rtol: 1e-4 });
    },
  );

  it('keeps the advantages of the rollout in later updates on it, and clips how far values move from those before the first', async () => {
    const options = ppo({ criticLearningRate: 3e-2, cliprangeValue: 0.05 });
    const first = await update(options, { optimizer });
    const { weights } = await readCritic();
    expect(weights.tensors.get('score.weight')).not.toEqual(critic.tensors.get('score.weight'));
    const kept = await update(options, { old: 'kept' });
    expect(kept.critic!.advantages).toEqual(first.critic!.advantages);
    expect(kept.critic!.explainedVariance).toBe(first.critic!.explainedVariance);
    const values = valuesBy(critic);
    const { returns } = estimates(values, sums, options);
    const expected = valueLoss(valuesBy(weights), values, returns, options);
    expect(expected.clipped).toBeGreaterThan(0.1);
    expect(kept.critic!.clipped).toBeCloseTo(expected.clipped, 5);
    measureClose('critic: clipped value loss', '', [kept.critic!.valueLoss], [expected.loss], { rtol: 1e-5 });
  });

  it('learns the values of a rollout that stays the same', async () => {
    const options = ppo({ criticLearningRate: 3e-3, gamma: 1, lam: 1, cliprangeValue: 100 });
    const losses: number[] = [];
    for (let step = 0; step < 12; step++) losses.push((await update(options, { optimizer })).critic!.valueLoss);
    expect(losses.at(-1)).toBeLessThan(0.3 * losses[0]!);
  });

  it('is repeated to the bit', async () => {
    const twice: (UpdateReport | Checkpoint)[][] = [];
    for (let run = 0; run < 2; run++) {
      engine.restore(policy);
      objective.critic!.model.parameters.write(critic);
      objective.critic!.model.optimizer.reset();
      const reports = [];
      for (let step = 0; step < 3; step++) {
        const { critic: report, ...others } = await update(ppo(), { optimizer });
        reports.push({ ...others, critic: { ...report!, updateMs: 0 } });
      }
      twice.push([...reports, (await readCritic()).weights, await engine.checkpoint()]);
    }
    expect(twice[1]).toEqual(twice[0]);
  });

  it('leaves truncated completions to neither critic nor policy where they are masked', async () => {
    const report = await update(ppo({ maskTruncatedCompletions: true }));
    samples.forEach(({ truncated }, i) => {
      const untouched = report.critic!.advantages[i]!.every((advantage) => advantage === 0);
      expect(untouched).toBe(truncated);
    });
    const none = await update(ppo({ maskTruncatedCompletions: true }), {
      samples: samples.map((sample) => ({ ...sample, truncated: true })),
    });
    expect(none).toMatchObject({ loss: 0, gradNorm: 0, critic: { valueLoss: 0, explainedVariance: 0, gradNorm: 0 } });
  });

  it('counts what the critic takes: weights, gradient and two moments at the least', async () => {
    const { memoryBytes, updateMs } = (await update(ppo())).critic!;
    expect(memoryBytes).toBeGreaterThan(4 * engine.learner.policy.buffer.size);
    expect(updateMs).toBeGreaterThan(0);
  });

  it('is refused with bad-settings by an objective without a critic', async () => {
    const without = await Objective.create(engine, samples.length, 2);
    await expect(
      without.update({ samples, rewards: { values: rewards, groupSize: 4 }, options: ppo(), old: 'current', optimizer: null }), // prettier-ignore
    ).rejects.toMatchObject({ name: 'bad-settings', message: expect.stringContaining('created for it') as string });
  });
});
