// The trainer with a reference that follows the policy.
import { expect, it } from 'vitest';
import { Engine } from '../../src/engine/index.ts';
import { resolveOptions, type GrpoOptions } from '../../src/grpo/options.ts';
import { Trainer, type Environment } from '../../src/grpo/trainer.ts';
import { expectClose } from '../reference/compare.ts';
import { openGpu, roughModel } from './open.ts';

const config = { vocabSize: 23, hiddenSize: 16, intermediateSize: 32, numLayers: 1, numHeads: 2, maxPositions: 14 };
const base = roughModel(config, 8);
const environment: Environment = {
  eos: 0,
  rewardNames: ['even'],
  samplePrompt: (random) => [1 + random.integer(20)],
  grade: (_, ids) => [ids.filter((id) => id % 2 === 0).length],
};

/** The KL of every step, and where policy and reference are after them. */
async function train(given: Partial<GrpoOptions>, steps: number) {
  const engine = await Engine.create(await openGpu(), base, { maxSequences: 8 });
  const small = { promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 8, learningRate: 3e-3, warmupSteps: 0 };
  const trainer = await Trainer.create(engine, environment, resolveOptions({ ...small, ...given }), 1);
  const kls: number[] = [];
  while (kls.length < steps) kls.push((await trainer.step()).metrics['kl'] as number);
  const { policy, reference } = engine.learner;
  return { kls, policy: (await policy.read()).tensors, reference: (await reference.read()).tensors };
}

it('a reference that does not follow stays the base', async () => {
  const { kls, reference } = await train({}, 3);
  expect(reference).toEqual(base.tensors);
  expect(kls[0]).toBe(0);
  expect(Math.min(kls[1]!, kls[2]!)).toBeGreaterThan(1e-6);
});

it('goes its share of the way to the policy every so many steps, and not in between', async () => {
  const moved = await train({ syncRefModel: true, refModelMixupAlpha: 0.6, refModelSyncSteps: 2 }, 2);
  const later = await train({ syncRefModel: true, refModelMixupAlpha: 0.6, refModelSyncSteps: 2 }, 3);
  for (const [name, tensor] of moved.reference) {
    const expected = tensor.map((_, i) => 0.6 * moved.policy.get(name)![i]! + 0.4 * base.tensors.get(name)![i]!);
    expectClose(name, tensor, expected, { rtol: 1e-6 });
    expect(tensor, name).not.toEqual(base.tensors.get(name));
    expect(later.reference.get(name), name).toEqual(tensor);
  }
});

it('is the policy after every step with share 1, so that a step begins without KL', async () => {
  const { kls, policy, reference } = await train(
    { syncRefModel: true, refModelMixupAlpha: 1, refModelSyncSteps: 1 },
    3,
  );
  expect(reference).toEqual(policy);
  expect(kls).toEqual([0, 0, 0]);
});
