// The kernels between logits and their gradient: softmax statistics, log-probs, advantages and the policy gradient.
import { describe, expect, it } from 'vitest';
import advantageSource from '../../shaders/advantage.wgsl?raw';
import logProbSource from '../../shaders/log-prob.wgsl?raw';
import objectiveSource from '../../shaders/objective.wgsl?raw';
import policyGradientSource from '../../shaders/policy-gradient.wgsl?raw';
import softmaxSource from '../../shaders/softmax.wgsl?raw';
import { Random } from '../../src/base/random.ts';
import { NO_TARGET, packBatches } from '../../src/engine/batch.ts';
import { paddedVocabulary } from '../../src/engine/config.ts';
import { uniformStruct } from '../../src/engine/gpu/gpu.ts';
import { aggregationWeights } from '../../src/grpo/aggregation.ts';
import { ADVANTAGE_ESTIMATORS, SCALE_REWARDS, type GrpoOptions } from '../../src/grpo/options.ts';
import { advantageFixtures, lossFixture } from '../reference/fixtures.ts';
import { advantages, standardDeviation } from '../reference/grpo.ts';
import { logProbs, logProbsBackward, logSoftmax, type Numbers } from '../reference/layers.ts';
import { openGpu } from './open.ts';
import { floats, runKernel, unwritten } from './run-kernel.ts';
import { measureClose } from './worst-errors.ts';

const withObjective = (source: string): string => `${objectiveSource}\n${source}`;

function objective(changed: Readonly<Record<string, number>>): ArrayBuffer {
  const plain = { rows: 0, row_offset: 0, temperature: 1, beta: 0, epsilon: 0.2, epsilon_high: 0.28, delta: 3e38 };
  const values = { ...plain, loss_type: 0, sequence_level: 0, old_is_current: 0, ...changed };
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
    const settings = objective({ rows, row_offset, temperature });
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
      reads: { objective: settings, logits },
      writes: { lse: unwritten(rows), entropies: unwritten(row_offset + rows) },
      grid,
    });
    measureClose('softmax_statistics', 'lse', lse, logSums, { rtol: 5e-7 });
    const entropy = entropies.subarray(row_offset);
    measureClose('softmax_statistics', 'entropy', entropy, reference.entropies, { rtol: 2e-6, atol: 1e-6 });
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
    const gradient = await runKernel(gpu, {
      source: withObjective(policyGradientSource),
      entry: 'policy_gradient_logits',
      constants,
      reads: { objective: settings, labels, row_terms, lse },
      writes: { logits },
      grid,
    });
    const dLogits = padded(logProbsBackward(plain, some, V, temperature, slopes), 0);
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
    "is PyTorch's: $options.lossType, $options.importanceSamplingLevel, delta $options.delta, beta $options.beta, mask $options.maskTruncatedCompletions, old $old",
    async ({ options, old, loss, metrics, dLogProbs }) => {
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
      const outcomes = Float32Array.from(Array.from(lossFixture.advantages).flatMap((a) => [NaN, a, NaN, NaN]));
      const weights = aggregationWeights(samples, inLoss, options);
      const constants = { V: 23, VP: 24, NO_TARGET };
      let terms = unwritten(log_probs.length * 4);
      let sums = new Float32Array(7);
      for (const { rows, rowOffset, spans, labels } of batches) {
        const settings = objective({
          rows,
          row_offset: rowOffset,
          beta: options.beta,
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
            outcomes,
            weights,
          },
          writes: { terms },
          grid: [Math.ceil(rows / 64)],
        }));
        ({ metrics: sums } = await runKernel(gpu, {
          ...call,
          entry: 'policy_gradient_metrics',
          reads: { objective: settings, labels, log_probs, row_terms: terms, entropies },
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
      const [lossSum, kl, entropy, low, high, count, negativeLogProb] = sums;
      expect(count).toBe(tokens);
      measureClose('policy_gradient_metrics', 'loss', [lossSum!], [loss], { rtol: 1e-6, atol: 1e-6 });
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
        outcomes: new Float32Array(4),
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
