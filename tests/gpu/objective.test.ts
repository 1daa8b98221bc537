// One GRPO update on the GPU against the f64 reference: rewards to advantages to the loss, its metrics and every gradient.
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import type { Checkpoint, ModelConfig } from '../../src/engine/config.ts';
import { Engine } from '../../src/engine/index.ts';
import { Objective, type Update, type UpdateReport } from '../../src/grpo/objective.ts';
import {
  ADVANTAGE_ESTIMATORS,
  IMPORTANCE_SAMPLING_LEVELS,
  LOSS_TYPES,
  resolveOptions,
  SCALE_REWARDS,
  type GrpoOptions,
} from '../../src/grpo/options.ts';
import { expectClose, normals } from '../reference/compare.ts';
import { advantages, grpoLoss, standardDeviation, type Loss } from '../reference/grpo.ts';
import { entropiesBackward, logProbs, logProbsBackward } from '../reference/layers.ts';
import { backward, forward } from '../reference/model.ts';
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
const G = 4;
const samples = randomSamples(config, 3 * G, 6);
const random = new Random(21);
const rewards = samples.map(() => [random.integer(2), 0.5 * random.integer(2)]);
const rewardWeights = [1, 0.3];
const optimizer = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, weightDecay: 0.1, maxGradNorm: 1 };

/** `model` with every weight moved a little. */
function moved(model: Checkpoint, seed: number, by: number): Checkpoint {
  const noise = new Random(seed);
  const tensors = [...model.tensors].map(([name, tensor]): [string, Float32Array] => [
    name,
    tensor.map((value) => value + by * noise.normal()),
  ]);
  return { ...model, tensors: new Map(tensors) };
}

const policy = roughModel(config, 3);
const reference = moved(policy, 4, 0.02);

/** Log-probs and entropies of the completions under a model, in f64. */
function evaluate(model: Checkpoint, temperature: number): { logProbs: Float64Array[]; entropies: Float64Array[] } {
  const rows = samples.map(({ ids, promptLength }) => {
    const logits = forward(config, model.tensors, ids.slice(0, -1));
    const all = logProbs(logits, ids.slice(1), config.vocabSize, temperature);
    return [all.logProbs.slice(promptLength - 1), all.entropies.slice(promptLength - 1)] as const;
  });
  return { logProbs: rows.map(([row]) => row), entropies: rows.map(([, row]) => row) };
}

describe('an update', () => {
  let engine: Engine;
  let objective: Objective;
  const temperature = 0.9;
  const policyRows = evaluate(policy, temperature);
  const referenceRows = evaluate(reference, temperature);
  const old = policyRows.logProbs.map((row) =>
    Array.from(normals(random, row.length, 0.3), (noise, t) => row[t]! + noise),
  );

  beforeAll(async () => {
    engine = await Engine.create(await openGpu(), policy, { maxSequences: 2, maxRows: 100 });
    engine.learner.reference.write(reference);
    objective = await Objective.create(engine, samples.length, 2);
  });

  const update = (options: GrpoOptions, changed: Partial<Update> = {}): Promise<UpdateReport> =>
    objective.update({
      samples,
      rewards: { values: rewards, groupSize: G },
      options,
      old,
      optimizer: null,
      ...changed,
    });

  const sums = rewards.map((row) => row.reduce((sum, value, f) => sum + value * rewardWeights[f]!, 0));
  const expectedLoss = (options: GrpoOptions, oldLogProbs: readonly number[][] | null): Loss =>
    grpoLoss(
      {
        ...policyRows,
        oldLogProbs,
        refLogProbs: referenceRows.logProbs,
        advantages: advantages(sums, G, options),
        truncated: samples.map(({ truncated }) => truncated),
      },
      options,
    );

  const variants: readonly (Partial<GrpoOptions> & { readonly old: 'given' | 'current' })[] = [
    { old: 'given', beta: 0, epsilon: 0.2, epsilonHigh: 0.28, delta: null, maskTruncatedCompletions: false },
    { old: 'given', beta: 0.1, epsilon: 0.1, epsilonHigh: 1.1, delta: 1.3, maskTruncatedCompletions: true },
    { old: 'current', beta: 0.04, epsilon: 0.2, epsilonHigh: 0.28, delta: null, maskTruncatedCompletions: false },
    { old: 'given', beta: 0.04, maskTruncatedCompletions: true, topEntropyQuantile: 0.37, entropyCoef: 0.02 },
  ];
  const cases = LOSS_TYPES.flatMap((lossType) =>
    IMPORTANCE_SAMPLING_LEVELS.flatMap((importanceSamplingLevel) =>
      variants.map((variant) => ({ lossType, importanceSamplingLevel, ...variant })),
    ),
  );

  it.each(cases)(
    'has the reference loss, metrics and slopes: $lossType, $importanceSamplingLevel, old $old, beta $beta, delta $delta, mask $maskTruncatedCompletions, quantile $topEntropyQuantile, entropy $entropyCoef',
    async ({ old: oldFrom, ...given }) => {
      const options = resolveOptions({ ...given, temperature, rewardWeights, maxCompletionLength: 30 });
      const report = await update(options, oldFrom === 'current' ? { old: 'current' } : {});
      const expected = expectedLoss(options, oldFrom === 'current' ? null : old);
      const counted = samples.map(({ truncated }) => !(truncated && options.maskTruncatedCompletions));
      const tokens = policyRows.logProbs.filter((_, i) => counted[i]).flatMap((row) => Array.from(row));

      measureClose('update: loss', '', [report.loss], [expected.loss], { atol: 5e-6, rtol: 1e-5 });
      expectClose('policy loss', [report.policyLoss], [expected.policyLoss], { atol: 5e-6, rtol: 1e-5 });
      measureClose('update: KL', '', [report.kl], [options.beta > 0 ? expected.kl : 0], { rtol: 1e-4 });
      measureClose('update: entropy', '', [report.entropy], [expected.entropy], { rtol: 1e-5 });
      expect(report.tokens).toBe(tokens.length);
      expect(report.negativeLogProb).toBeCloseTo(-tokens.reduce((sum, value) => sum + value, 0) / tokens.length, 4);
      expect(report.clippedLow).toBeCloseTo(expected.clipRatio?.low ?? 0, 6);
      expect(report.clippedHigh).toBeCloseTo(expected.clipRatio?.high ?? 0, 6);
      expect(report.slopes.map((row) => row.length)).toEqual(expected.dLogProbs.map((row) => row.length));
      const flat = (rows: readonly ArrayLike<number>[]): number[] => rows.flatMap((row) => Array.from(row));
      measureClose('update: slopes', '', flat(report.slopes), flat(expected.dLogProbs), { rtol: 5e-5 });
    },
  );

  it('clips on both sides in these cases, so that both are tested', () => {
    const options = resolveOptions({ temperature, rewardWeights });
    const { low, high } = expectedLoss(options, old).clipRatio!;
    expect(low).toBeGreaterThan(0.05);
    expect(high).toBeGreaterThan(0.05);
  });

  it.each(
    ADVANTAGE_ESTIMATORS.filter((estimator) => estimator !== 'ppo').flatMap((advantageEstimator) =>
      SCALE_REWARDS.map((scaleRewards) => ({ advantageEstimator, scaleRewards })),
    ),
  )(
    // prettier-ignore
    'has the reference advantages: $advantageEstimator, scaled by $scaleRewards',
    async (given) => {
      const options = resolveOptions({ ...given, temperature, rewardWeights });
      const { outcomes, loss } = await update(options);
      const expected = advantages(sums, G, options);
      measureClose('update: advantages', '', outcomes.map(({ advantage }) => advantage), expected, { rtol: 1e-6 }); // prettier-ignore
      measureClose('update: rewards', '', outcomes.map(({ reward }) => reward), sums, { rtol: 1e-6 }); // prettier-ignore
      const stds = sums.map((_, i) => standardDeviation(sums.slice(i - (i % G), i - (i % G) + G)));
      measureClose('update: stds', '', outcomes.map(({ groupStd }) => groupStd), stds, { rtol: 1e-6 }); // prettier-ignore
      measureClose('update: loss', '', [loss], [expectedLoss(options, old).loss], { atol: 5e-6, rtol: 1e-5 });
    },
  );

  it.each([
    { lossType: 'grpo', importanceSamplingLevel: 'sequence', beta: 0.1, maskTruncatedCompletions: true },
    { lossType: 'sapo', importanceSamplingLevel: 'token', beta: 0.04, maskTruncatedCompletions: false },
    { lossType: 'dapo', importanceSamplingLevel: 'sequence', beta: 0, entropyCoef: 0.3, topEntropyQuantile: 0.4 },
  ] as const)(
    "has every parameter's gradient, KL and entropy bonus included: $lossType, $importanceSamplingLevel",
    async (given) => {
      const options = resolveOptions({ ...given, temperature, rewardWeights });
      const { gradNorm } = await update(options);
      const { dLogProbs, dEntropies } = expectedLoss(options, old);
      const expected = new Map<string, Float64Array>();
      samples.forEach(({ ids, promptLength }, i) => {
        const inputs = ids.slice(0, -1);
        const logits = forward(config, policy.tensors, inputs);
        const ofPrompt = new Array<number>(promptLength - 1).fill(0);
        const { vocabSize } = config;
        const ofEntropies = entropiesBackward(logits, vocabSize, temperature, [...ofPrompt, ...dEntropies[i]!]);
        const dLogits = logProbsBackward(logits, ids.slice(1), vocabSize, temperature, [...ofPrompt, ...dLogProbs[i]!])
        .map((d, at) => d + ofEntropies[at]!); // prettier-ignore
        for (const [name, gradient] of backward(config, policy.tensors, inputs, dLogits)) {
          expected.set(name, gradient.map((value, at) => value + (expected.get(name)?.[at] ?? 0))); // prettier-ignore
        }
      });
      measureGradients(await readGradients(engine), expected, { rtol: 5e-5 });
      let squares = 0;
      for (const gradient of expected.values()) squares += gradient.reduce((sum, value) => sum + value * value, 0);
      measureClose('update: gradNorm', '', [gradNorm], [Math.sqrt(squares)], { rtol: 1e-5 });
    },
  );

  it('changes no weight without an optimizer', async () => {
    await update(resolveOptions({ temperature, rewardWeights }));
    expect((await engine.checkpoint()).tensors).toEqual(policy.tensors);
  });

  it('compares later updates on the same samples with the log-probs from before the first', async () => {
    const options = resolveOptions({ temperature, rewardWeights, beta: 0.04 });
    const before = await objective.score(samples, options);
    await update(options, { old: 'current', optimizer });
    const kept = await update(options, { old: 'kept' });
    const given = await update(options, { old: before.map((row) => Array.from(row)) });
    expect(kept).toEqual(given);
    const current = await update(options, { old: 'current' });
    expect(kept.slopes).not.toEqual(current.slopes);
    engine.restore(policy);
    engine.learner.reference.write(reference);
  });

  it('makes a gradient of zero where every completion is left out, and reports zeros, not NaN', async () => {
    const options = resolveOptions({ temperature, rewardWeights, maskTruncatedCompletions: true });
    const report = await update(options, { samples: samples.map((sample) => ({ ...sample, truncated: true })) });
    expect(report).toMatchObject({ loss: 0, kl: 0, entropy: 0, negativeLogProb: 0, gradNorm: 0, tokens: 0 });
    expect(report.slopes.flatMap((row) => [...row]).every((slope) => slope === 0)).toBe(true);
  });

  const [first] = samples;
  it.each([
    ['more samples than it was made for', { samples: [...samples, first!] }, /at most 12 completions, but 13/],
    ['a token outside the vocabulary', { samples: [{ ids: [1, 23], promptLength: 1, truncated: false }] }, /0 to 22/],
    [
      'a sequence too long',
      { samples: [{ ids: new Array<number>(25).fill(1), promptLength: 1, truncated: false }] },
      /1 to 24 tokens/,
    ],
    ['a sample without a prompt', { samples: [{ ids: [1, 2], promptLength: 0, truncated: false }] }, /prompt/],
    ['a missing reward', { rewards: { values: rewards.slice(1), groupSize: G } }, /11 lists/],
    ['groups that do not fill the samples', { rewards: { values: rewards, groupSize: 5 } }, /groups of 5/],
    [
      'a reward that is not finite',
      { rewards: { values: [[NaN, 0], ...rewards.slice(1)], groupSize: G } },
      /finite number, but one is NaN/,
    ],
    ['old log-probs of another length', { old: [[0], ...old.slice(1)] }, /old log-probs/],
  ] as [string, Partial<Update>, RegExp][])('refuses %s with bad-settings', async (_, wrong, message) => {
    await expect(update(resolveOptions({ temperature, rewardWeights }), wrong)).rejects.toMatchObject({
      name: 'bad-settings',
      message: expect.stringMatching(message) as string,
    });
  });
});
