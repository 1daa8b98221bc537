// Does it learn? A model of random weights is told nothing but two rewards: for saying the successor of the prompt's number, and
// for saying nothing after that.
import { expect, it } from 'vitest';
import { Engine, initialize } from '../../src/engine/index.ts';
import { mean } from '../../src/grpo/metrics.ts';
import { resolveOptions, type GrpoOptions } from '../../src/grpo/options.ts';
import { Trainer, type Environment, type TrainerStep } from '../../src/grpo/trainer.ts';
import { openGpu } from './open.ts';

const NUMBERS = 8;
const EOS = NUMBERS;

const successor: Environment = {
  eos: EOS,
  rewardNames: ['successor', 'stops'],
  samplePrompt: (random) => [random.integer(NUMBERS)],
  grade: ([number = 0], [first, ...rest]) => [
    first === (number + 1) % NUMBERS ? 1 : 0,
    rest.join() === `${EOS}` ? 1 : 0,
  ],
};

async function train(given: Partial<GrpoOptions>): Promise<TrainerStep['metrics'][]> {
  const config = {
    vocabSize: NUMBERS + 1,
    hiddenSize: 32,
    intermediateSize: 32,
    numLayers: 1,
    numHeads: 2,
    maxPositions: 5,
  };
  const engine = await Engine.create(await openGpu(), initialize(config, 1), { maxSequences: 64 });
  const sizes = { promptsPerStep: 8, numGenerations: 8, maxCompletionLength: 4 };
  const options = resolveOptions({ ...sizes, learningRate: 1e-2, beta: 0, ...given });
  const trainer = await Trainer.create(engine, successor, options, 1);
  const steps: TrainerStep['metrics'][] = [];
  while (steps.length < 80) steps.push((await trainer.step()).metrics);
  return steps;
}

function expectRise(rewards: readonly number[]): void {
  const [first, last] = [rewards.slice(0, 10), rewards.slice(-10)];
  const rise = mean(last) - mean(first);
  const variance = (values: readonly number[]): number => mean(values.map((value) => (value - mean(values)) ** 2));
  const standardError = Math.sqrt((variance(first) + variance(last)) / 9);
  expect(rise).toBeGreaterThan(0.5);
  expect(rise / standardError).toBeGreaterThan(5);
}

it('learns what is rewarded, by GRPO alone', { timeout: 120_000 }, async () => {
  expectRise((await train({})).map((metrics) => metrics['reward']!));
});

it('learns it by PPO too, whose critic comes to foretell the reward', { timeout: 120_000 }, async () => {
  const steps = await train({ advantageEstimator: 'ppo', criticLearningRate: 3e-3 });
  expectRise(steps.map((metrics) => metrics['reward']!));
  const explained = steps.map((metrics) => metrics['critic/explained_variance']!);
  expect(Math.abs(explained[0]!)).toBeLessThan(0.05);
  expect(mean(explained.slice(-10))).toBeGreaterThan(0.5);
});
