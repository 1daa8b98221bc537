// The kernels between logits and their gradient: softmax statistics, log-probs, advantages and the policy gradient; the critic's
// between values and theirs.
import { describe, expect, it } from 'vitest';
import advantageSource from '../../shaders/advantage.wgsl?raw';
import criticSource from '../../shaders/critic.wgsl?raw';
import logProbSource from '../../shaders/log-prob.wgsl?raw';
import objectiveSource from '../../shaders/objective.wgsl?raw';
import policyGradientSource from '../../shaders/policy-gradient.wgsl?raw';
import referenceSource from '../../shaders/reference.wgsl?raw';
import softmaxSource from '../../shaders/softmax.wgsl?raw';
import tokenAdvantageSource from '../../shaders/token-advantage.wgsl?raw';
import { Random } from '../../src/base/random.ts';
import { NO_TARGET, packBatches, rowTables } from '../../src/engine/batch.ts';
import { paddedVocabulary } from '../../src/engine/config.ts';
import { uniformStruct } from '../../src/engine/gpu/gpu.ts';
import { aggregationWeights } from '../../src/grpo/aggregation.ts';
import { ADVANTAGE_ESTIMATORS, SCALE_REWARDS, type GrpoOptions } from '../../src/grpo/options.ts';
import { advantageFixtures, lossFixture, ppoFixture } from '../reference/fixtures.ts';
import { advantages, highestEntropies, standardDeviation } from '../reference/grpo.ts';
import { entropiesBackward, logProbs, logProbsBackward, logSoftmax, type Numbers } from '../reference/layers.ts';
import { openGpu } from './open.ts';
import { floats, runKernel, unwritten } from './run-kernel.ts';
import { measureClose } from './worst-errors.ts';

const withObjective = (source: string): string => `${objectiveSource}\n${source}`;

function objective(changed: Readonly<Record<string, number>>): ArrayBuffer {
  const plain = { rows: 0, row_offset: 0, temperature: 1, beta: 0, entropy_coef: 0, epsilon: 0.2, epsilon_high: 0.28 };
  const values = { ...plain, delta: 3e38, loss_type: 0, sequence_level: 0, old_is_current: 0, ...changed };
  return uniformStruct(objectiveSource, 'Objective', values);
}

describe('log-probs from logits', () => {
  it.each([
    { V: 23, temperature: 0.8, scale: 3 },
    { V: 64, temperature: 3, scale: 30 },
    { V: 28, temperature: 0.05, scale: 1 },
    { V: 2, temperature: 1, scale: 100 },
  ])('and their gradient are the reference for $V tokens at temperature $temperature', async (size) => {
    const { V, temperature, scale } = size;
    const gpu = await openGpu();
    const random = new Random(V);
    const VP = paddedVocabulary(V);
    const rows = 67;
    const row_offset = 5;
    const plain = floats(random, rows * V, scale);
    /** Rows of V widened to VP; what is in the padding must not matter. */
    const padded = (values: Numbers, padding: number): Float32Array =>
      Float32Array.from({ length: rows * VP }, (_, at) =>
        at % VP < V ? values[Math.floor(at / VP) * V + (at % VP)]! : padding,
      );
    const logits = padded(plain, 1000);
    const targets = Array.from({ length: rows }, (_, n) => (n % 5 === 2 ? null : random.integer(V)));
    const labels = Uint32Array.from(targets.flatMap((target) => [target ?? NO_TARGET, 0]));
    const constants = { V, VP, NO_TARGET };
    const entropy_coef = 0.3;
    const settings = objective({ rows, row_offset, temperature, entropy_coef });
    const grid = [Math.ceil(rows / 64)] as const;
    const some = targets.map((target) => target ?? 0);
    const reference = logProbs(plain, some, V, temperature);
    const logSums = Float64Array.from(
      { length: rows },
      (_, n) =>
        plain[n * V]! / temperature - logSoftmax(plain.subarray(n * V, n * V + V).map((z) => z / temperature))[0]!,
    );

    const { lse, entropies } = await runKernel(gpu, {
      source: withObjective(softmaxSource),
      entry: 'softmax_statistics',
      constants,
      reads: { objective: settings, logits, labels },
      writes: { lse: unwritten(rows), entropies: unwritten(row_offset + rows) },
      grid,
    });
    measureClose('softmax_statistics', 'lse', lse, logSums, { rtol: 5e-7 });
    const entropy = targets.map((target, n) => (target === null ? -1 : reference.entropies[n]!));
    measureClose('softmax_statistics', 'entropy', entropies.subarray(row_offset), entropy, { rtol: 2e-6, atol: 1e-6 });
    expect(entropies.subarray(0, row_offset)).toEqual(unwritten(row_offset));

    const { log_probs } = await runKernel(gpu, {
      source: withObjective(logProbSource),
      entry: 'log_prob_gather',
      constants,
      reads: { objective: settings, logits, lse, labels },
      writes: { log_probs: unwritten(row_offset + rows) },
      grid,
    });
    const expected = targets.map((target, n) => (target === null ? 0 : reference.logProbs[n]!));
    measureClose('log_prob_gather', 'log_probs', log_probs.subarray(row_offset), expected, { rtol: 2e-6 });

    const slopes = Float32Array.from(targets, (target) => (target === null ? 0 : random.normal()));
    const row_terms = unwritten((row_offset + rows) * 4);
    slopes.forEach((slope, n) => (row_terms[(row_offset + n) * 4 + 3] = slope));
    const weight = 0.7;
    const gradient = await runKernel(gpu, {
      source: withObjective(policyGradientSource),
      entry: 'policy_gradient_logits',
      constants,
      reads: { objective: settings, labels, row_terms, weights: Float32Array.of(weight), lse, entropies },
      writes: { logits, slopes: unwritten(row_offset + rows) },
      grid,
    });
    expect(gradient.slopes.subarray(row_offset)).toEqual(slopes);
    const bonus = targets.map((target) => (target === null ? 0 : -weight * entropy_coef));
    const ofBonus = entropiesBackward(plain, V, temperature, bonus);
    const dLogits = padded(logProbsBackward(plain, some, V, temperature, slopes).map((d, at) => d + ofBonus[at]!), 0); // prettier-ignore
    // exp(z - lse) carries the rounding of z, which is as large as z is
    measureClose('policy_gradient_logits', 'logits', gradient.logits, dLogits, {
      rtol: 1e-6 * Math.max(1, scale / temperature),
    });
  });
});

describe('advantages', () => {
  const run = async (
    rewards: readonly (readonly number[])[],
    weights: readonly number[],
    fixture: Pick<GrpoOptions, 'numGenerations' | 'advantageEstimator' | 'scaleRewards'>,
  ): Promise<{ readonly reward: number[]; readonly advantage: number[]; readonly groupStd: number[] }> => {
    const grouping = uniformStruct(advantageSource, 'Grouping', {
      count: rewards.length,
      group_size: fixture.numGenerations,
      functions: weights.length,
      estimator: ADVANTAGE_ESTIMATORS.indexOf(fixture.advantageEstimator),
      scale: SCALE_REWARDS.indexOf(fixture.scaleRewards),
    });
    const { outcomes } = await runKernel(await openGpu(), {
      source: advantageSource,
      entry: 'advantage_normalize',
      reads: { grouping, rewards: Float32Array.from(rewards.flat()), weights: Float32Array.from(weights) },
      writes: { outcomes: unwritten(rewards.length * 4) },
      grid: [Math.ceil(rewards.length / 64)],
    });
    const column = (which: number): number[] => rewards.map((_, i) => outcomes[i * 4 + which]!);
    return { reward: column(0), advantage: column(1), groupStd: column(2) };
  };

  it.each(advantageFixtures)(
    "are PyTorch's: $advantageEstimator, scaled by $scaleRewards, in groups of $numGenerations",
    async (fixture) => {
      const { advantage } = await run(fixture.rewards.map((reward) => [reward]), [1], fixture); // prettier-ignore
      measureClose('advantage_normalize', 'advantages', advantage, fixture.advantages, { rtol: 2e-6 });
    },
  );

  it('weigh several rewards, and come with the std of their group, for more than a workgroup of completions', async () => {
    const random = new Random(3);
    const G = 7;
    const rewards = Array.from({ length: 11 * G }, () => [random.integer(2), 0.25 * random.integer(3), 1]);
    const weights = [1, 0.5, -2];
    const sums = rewards.map((row) => row.reduce((sum, value, f) => sum + value * weights[f]!, 0));
    const grpo = { numGenerations: G, advantageEstimator: 'grpo', scaleRewards: 'batch' } as const;
    const { reward, advantage, groupStd } = await run(rewards, weights, grpo);
    measureClose('advantage_normalize', 'rewards', reward, sums, { rtol: 1e-7 });
    measureClose('advantage_normalize', 'advantages', advantage, advantages(sums, G, grpo), { rtol: 2e-6 });
    const stds = sums.map((_, i) => standardDeviation(sums.slice(i - (i % G), i - (i % G) + G)));
    measureClose('advantage_normalize', 'stds', groupStd, stds, { rtol: 1e-6 });
  });
});

describe('the policy gradient', () => {
  const { truncated } = lossFixture;
  const promptLengths = [1, 3, 2, 1, 4, 2, 1, 5];

  it.each(lossFixture.cases)(
    "is PyTorch's: $options.lossType, $options.importanceSamplingLevel, delta $options.delta, beta $options.beta, mask $options.maskTruncatedCompletions, old $old, quantile $options.topEntropyQuantile, entropy $options.entropyCoef, advantages of tokens $ofTokens",
    async ({ options, old, ofTokens, loss, policyLoss, metrics, dLogProbs }) => {
      const gpu = await openGpu();
      const inLoss = truncated.map((cut) => !(cut && options.maskTruncatedCompletions));
      const samples = lossFixture.logProbs.map((row, i) => ({
        ids: new Array<number>(promptLengths[i]! + row.length).fill(1),
        promptLength: promptLengths[i]!,
        truncated: truncated[i]!,
      }));
      const counted = samples.map((sample, i) => (inLoss[i] ? sample : { ids: [], promptLength: 0 }));
      const batches = packBatches(counted, 17);
      expect(batches.length).toBeGreaterThan(2);
      /** One value a row of the step; a prompt's rows hold NaN, which must go nowhere. */
      const byRow = (values: readonly Numbers[]): Float32Array =>
        Float32Array.from(
          values.flatMap((row, i) =>
            inLoss[i] ? [...new Array<number>(promptLengths[i]! - 1).fill(NaN), ...Array.from(row)] : [],
          ),
        );
      const log_probs = byRow(lossFixture.logProbs);
      const entropies = byRow(lossFixture.entropies);
      const chosen = highestEntropies(lossFixture.entropies.map((row, i) => (inLoss[i] ? row : [])), options.topEntropyQuantile); // prettier-ignore
      const advantages = byRow(
        lossFixture.logProbs.map((row, i) =>
          Array.from(row, (_, t) => {
            const advantage = ofTokens ? lossFixture.tokenAdvantages[i]![t]! : lossFixture.advantages[i]!;
            return chosen[i]![t] ? advantage : 0;
          }),
        ),
      );
      const weights = aggregationWeights(samples, inLoss, options);
      const constants = { V: 23, VP: 24, NO_TARGET };
      let terms = unwritten(log_probs.length * 4);
      let sums = new Float32Array(8);
      for (const batch of batches) {
        const { rows, rowOffset } = batch;
        const { spans, labels } = rowTables(batch);
        const settings = objective({
          rows,
          row_offset: rowOffset,
          beta: options.beta,
          entropy_coef: options.entropyCoef,
          epsilon: options.epsilon,
          epsilon_high: options.epsilonHigh,
          ...(options.delta !== null && { delta: options.delta }),
          loss_type: { grpo: 0, bnpo: 0, dapo: 0, dr_grpo: 0, cispo: 1, sapo: 2 }[options.lossType],
          sequence_level: options.importanceSamplingLevel === 'sequence' ? 1 : 0,
          old_is_current: old ? 0 : 1,
        });
        const call = { source: withObjective(policyGradientSource), constants };
        ({ terms } = await runKernel(gpu, {
          ...call,
          entry: 'policy_gradient_loss',
          reads: {
            objective: settings,
            spans,
            labels,
            log_probs,
            old_log_probs: byRow(lossFixture.oldLogProbs!),
            reference_log_probs: byRow(lossFixture.refLogProbs!),
            advantages,
            weights,
          },
          writes: { terms },
          grid: [Math.ceil(rows / 64)],
        }));
        ({ metrics: sums } = await runKernel(gpu, {
          ...call,
          entry: 'policy_gradient_metrics',
          reads: { objective: settings, labels, log_probs, row_terms: terms, weights, entropies },
          writes: { metrics: sums },
          grid: [1],
        }));
      }

      const slopes = Float64Array.from(log_probs, (_, row) => terms[row * 4 + 3]!);
      const expected = byRow(dLogProbs).map((slope) => (Number.isNaN(slope) ? 0 : slope));
      measureClose('policy_gradient_loss', 'slopes', slopes, expected, { rtol: 2e-6 });

      const completions = samples.flatMap((_, i) => (inLoss[i] ? Array.from(lossFixture.logProbs[i]!) : []));
      const tokens = completions.length;
      const ratios = options.importanceSamplingLevel === 'sequence' ? samples.length : tokens;
      const [lossSum, policyLossSum, kl, entropy, low, high, count, negativeLogProb] = sums;
      expect(count).toBe(tokens);
      measureClose('policy_gradient_metrics', 'loss', [lossSum!], [loss], { rtol: 1e-6, atol: 1e-6 });
      measureClose('policy_gradient_metrics', 'policy loss', [policyLossSum!], [policyLoss], { rtol: 1e-6, atol: 1e-6 }); // prettier-ignore
      const klSum = options.beta > 0 ? metrics.kl! * tokens : 0;
      measureClose('policy_gradient_metrics', 'KL', [kl!], [klSum], { rtol: 1e-5 });
      measureClose('policy_gradient_metrics', 'entropy', [entropy!], [metrics.entropy! * tokens], { rtol: 1e-6 });
      measureClose('policy_gradient_metrics', '-log-prob', [negativeLogProb!], [-completions.reduce((a, b) => a + b)], { rtol: 1e-6 }); // prettier-ignore
      expect(low).toBeCloseTo((metrics['clip_ratio/low_mean'] ?? 0) * ratios, 4);
      expect(high).toBeCloseTo((metrics['clip_ratio/high_mean'] ?? 0) * ratios, 4);
    },
  );

  it('has a KL that stays exact as the policy nears the reference', async () => {
    const gaps = [0, 1e-6, -1e-4, 1e-3, -0.01, 0.199, -0.199, 0.201, -3];
    const rows = gaps.length;
    const log_probs = Float32Array.from(gaps, () => -1);
    const reference_log_probs = Float32Array.from(gaps, (gap) => -1 + gap);
    const { terms } = await runKernel(await openGpu(), {
      source: withObjective(policyGradientSource),
      entry: 'policy_gradient_loss',
      constants: { V: 23, VP: 24, NO_TARGET },
      reads: {
        objective: objective({ rows, beta: 1, old_is_current: 1 }),
        spans: Uint32Array.from(gaps.flatMap((_, n) => [n, n + 1])),
        labels: Uint32Array.from(gaps.flatMap(() => [1, 0])),
        log_probs,
        old_log_probs: log_probs,
        reference_log_probs,
        advantages: new Float32Array(rows),
        weights: Float32Array.of(1),
      },
      writes: { terms: unwritten(rows * 4) },
      grid: [1],
    });
    gaps.forEach((_, n) => {
      const gap = reference_log_probs[n]! - log_probs[n]!;
      const expected = Math.expm1(gap) - gap;
      measureClose('policy_gradient_loss, KL of one token', `at ${gap}`, [terms[n * 4 + 1]!], [expected], {
        rtol: 1e-4,
      });
    });
  });
});

describe('the advantages of tokens', () => {
  it('are those of their completion', async () => {
    const rows = 70;
    const { advantages: written } = await runKernel(await openGpu(), {
      source: withObjective(tokenAdvantageSource),
      entry: 'token_advantage_spread',
      reads: {
        objective: objective({ rows, row_offset: 3 }),
        labels: Uint32Array.from({ length: rows * 2 }, (_, at) => (at % 2 === 0 ? 1 : Math.floor(at / 20))),
        outcomes: Float32Array.from({ length: 28 }, (_, at) => (at % 4 === 1 ? at : NaN)),
      },
      writes: { advantages: unwritten(3 + rows) },
      grid: [2],
    });
    const expected = Array.from({ length: rows }, (_, n) => Math.floor(n / 10) * 4 + 1);
    expect(written).toEqual(Float32Array.from([7, 7, 7, ...expected]));
  });

  /** A step of entropies, some of them of rows without a target. */
  const entropiesOf = (tokens: number): Float32Array => {
    const random = new Random(tokens);
    const drawn = Array.from({ length: tokens }, () => (random.integer(4) === 0 ? 0 : 3 * random.unit()));
    return Float32Array.from(drawn.flatMap((entropy, t) => (t % 3 === 0 ? [-1, entropy] : [entropy])));
  };

  it.each([
    { tokens: 1, quantile: 0.3 },
    { tokens: 11, quantile: 0.3 },
    { tokens: 1000, quantile: 0.2 },
    { tokens: 1000, quantile: 0.9 },
    { tokens: 1000, quantile: 0 },
    { tokens: 257, quantile: 1 },
  ])('are cleared below the quantile that torch takes: $quantile of $tokens tokens', async ({ tokens, quantile }) => {
    const gpu = await openGpu();
    const entropies = entropiesOf(tokens);
    const rows = entropies.length;
    const rank = Math.ceil(Math.fround((1 - quantile) * (tokens - 1)));
    const { threshold } = await runKernel(gpu, {
      source: withObjective(tokenAdvantageSource),
      entry: 'token_advantage_threshold',
      reads: { ranking: uniformStruct(tokenAdvantageSource, 'Ranking', { rows, rank }), entropies },
      writes: { threshold: unwritten(1) },
      grid: [1],
    });
    const sorted = entropies.filter((entropy) => entropy >= 0).sort();
    expect(threshold[0]).toBe(sorted[rank]);

    const { advantages: masked } = await runKernel(gpu, {
      source: withObjective(tokenAdvantageSource),
      entry: 'token_advantage_mask',
      reads: { objective: objective({ rows }), entropies, lowest: threshold },
      writes: { advantages: unwritten(rows) },
      grid: [Math.ceil(rows / 64)],
    });
    const [chosen] = highestEntropies([Array.from(entropies).filter((entropy) => entropy >= 0)], quantile);
    expect(Array.from(masked).filter((_, row) => entropies[row]! >= 0)).toEqual(chosen!.map((each) => (each ? 7 : 0)));
  });
});

describe('the critic', () => {
  const { rewards, oldValues, values } = ppoFixture;
  const promptLengths = [3, 1, 2, 4, 1];
  const samples = values.map((row, i) => ({
    ids: new Array<number>(promptLengths[i]! + row.length).fill(1),
    promptLength: promptLengths[i]!,
  }));
  const batches = packBatches(samples, 13);
  /** One value a row of the step; a prompt's rows hold `padding`. */
  const byRow = (rows: readonly Numbers[], padding: number): Float32Array =>
    Float32Array.from(rows.flatMap((row, i) => [...new Array<number>(promptLengths[i]! - 1).fill(padding), ...Array.from(row)])); // prettier-ignore
  const columnOf = (rows: Float32Array, width: number, at: number): number[] =>
    Array.from(rows).filter((_, index) => index % width === at);
  const outcomes = Float32Array.from(rewards.flatMap((reward) => [reward, NaN, NaN, NaN]));
  const tokens = values.flat().length;
  const stepRows = byRow(values, 0).length;
  const VF_COEF = 0.3;

  it.each(ppoFixture.cases)("has PyTorch's estimates, loss and gradient: $options", async (fixture) => {
    expect(batches.length).toBeGreaterThan(2);
    const gpu = await openGpu();
    const { gamma, lam, cliprangeValue: cliprange } = fixture.options;
    const call = { source: criticSource, constants: { NO_TARGET } };
    /** The values' part of a batch, in the first of four columns. */
    const inFirstColumn = (all: Float32Array, rows: number, first: number): Float32Array =>
      Float32Array.from({ length: rows * 4 }, (_, at) => (at % 4 === 0 ? all[first + at / 4]! : NaN));
    let estimates = unwritten(stepRows * 4);
    let losses = unwritten(stepRows * 2);
    const gradients: number[] = [];
    for (const batch of batches) {
      const { rows, rowOffset } = batch;
      const { spans, labels } = rowTables(batch);
      const settings = { rows, row_offset: rowOffset, step_rows: stepRows, gamma, lam, gradient_scale: VF_COEF / tokens, cliprange }; // prettier-ignore
      const critic = uniformStruct(criticSource, 'Critic', settings);
      const grid = [Math.ceil(rows / 64)] as const;
      const before = inFirstColumn(byRow(oldValues, NaN), rows, rowOffset);
      ({ estimates } = await runKernel(gpu, {
        ...call,
        entry: 'critic_advantage',
        reads: { critic, spans, labels, outcomes },
        writes: { values: before, estimates },
        grid,
      }));
      const after = await runKernel(gpu, {
        ...call,
        entry: 'critic_loss',
        reads: { critic },
        writes: { values: inFirstColumn(byRow(values, 3), rows, rowOffset), estimates, losses },
        grid,
      });
      losses = after.losses;
      gradients.push(...columnOf(after.values, 4, 0));
      for (const column of [1, 2, 3])
        expect(columnOf(after.values, 4, column).every((value) => value === 0)).toBe(true);
    }
    measureClose('critic_advantage', 'values', columnOf(estimates, 4, 0), byRow(oldValues, 0), { rtol: 1e-7 });
    measureClose('critic_advantage', 'returns', columnOf(estimates, 4, 1), byRow(fixture.returns, 0), { rtol: 1e-6 });
    const dValues = byRow(fixture.dValues, 0).map((value) => VF_COEF * value);
    measureClose('critic_loss', 'gradient', gradients, dValues, { rtol: 1e-6 });

    const settings = { rows: 0, row_offset: 0, step_rows: stepRows, gamma, lam, gradient_scale: 0, cliprange };
    const { advantages: whitened, statistics } = await runKernel(gpu, {
      ...call,
      entry: 'critic_whiten',
      reads: { critic: uniformStruct(criticSource, 'Critic', settings) },
      writes: { estimates, losses, advantages: unwritten(stepRows), statistics: unwritten(5) },
      grid: [1],
    });
    measureClose('critic_whiten', 'advantages', whitened, byRow(fixture.advantages, 0), { rtol: 2e-6 });
    const [loss, clipped, count, variance, returnVariance] = statistics;
    expect(count).toBe(tokens);
    expect(clipped! / tokens).toBeCloseTo(fixture.clipped, 6);
    measureClose('critic_whiten', 'loss', [loss! / tokens], [fixture.valueLoss], { rtol: 1e-6 });
    measureClose('critic_whiten', 'explained variance', [1 - variance! / returnVariance!], [fixture.explainedVariance], { rtol: 5e-6 }); // prettier-ignore
  });

  it('whitens more tokens than a workgroup has threads', async () => {
    const random = new Random(5);
    const rows = 3000;
    const advantages = floats(random, rows, 0.4, 2);
    const inStep = Array.from({ length: rows }, () => random.integer(4) > 0);
    const estimates = Float32Array.from(inStep.flatMap((counts, n) => (counts ? [0, 1, advantages[n]!, 1] : [0, 0, 0, 0]))); // prettier-ignore
    const settings = { rows: 0, row_offset: 0, step_rows: rows, gamma: 1, lam: 1, gradient_scale: 0, cliprange: 1 };
    const { advantages: whitened } = await runKernel(await openGpu(), {
      source: criticSource,
      entry: 'critic_whiten',
      constants: { NO_TARGET },
      reads: { critic: uniformStruct(criticSource, 'Critic', settings) },
      writes: { estimates, losses: unwritten(rows * 2), advantages: unwritten(rows), statistics: unwritten(5) },
      grid: [1],
    });
    const counted = Array.from(advantages).filter((_, n) => inStep[n]);
    const mean = counted.reduce((sum, value) => sum + value, 0) / counted.length;
    const std = standardDeviation(counted);
    const expected = Array.from(advantages, (value, n) => (inStep[n] ? (value - mean) / std : 0));
    measureClose('critic_whiten', 'many advantages', whitened, expected, { rtol: 2e-6 });
  });
});

it('the moving reference goes its share of the way to the policy', async () => {
  const random = new Random(6);
  const ELEMENTS = 700;
  const policy = floats(random, ELEMENTS);
  const before = floats(random, ELEMENTS);
  const { reference } = await runKernel(await openGpu(), {
    source: referenceSource,
    entry: 'reference_mix',
    constants: { ELEMENTS, ALPHA: '0.6' },
    reads: { policy },
    writes: { reference: before },
    grid: [3],
  });
  const expected = Float64Array.from(before, (value, e) => 0.6 * policy[e]! + 0.4 * value);
  measureClose('reference_mix', 'reference', reference, expected, { rtol: 1e-6 });
});
