// A step of GRPO and an evaluation on the task that the README adds.
import { expect, it } from 'vitest';
import { Engine } from '../../src/engine/index.ts';
import { resolveOptions } from '../../src/grpo/options.ts';
import { Trainer } from '../../src/grpo/trainer.ts';
import { environmentOf } from '../../src/recipes/environment.ts';
import { evaluate } from '../../src/recipes/evaluate.ts';
import { gap } from '../docs/added-task.ts';
import { openGpu, roughModel } from './open.ts';

it("the README's task can be trained on and evaluated", { timeout: 60_000 }, async () => {
  const { length: vocabSize } = gap.tokenizer.symbols;
  const sizes = { vocabSize, hiddenSize: 16, intermediateSize: 16, numLayers: 1, numHeads: 2, maxPositions: 40 };
  const engine = await Engine.create(await openGpu(), roughModel(sizes, 1), { maxSequences: 8 });
  const options = resolveOptions({ promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 16 });
  const trainer = await Trainer.create(engine, environmentOf(gap), options, 1);
  const { step, metrics, rollouts } = await trainer.step();
  expect({ step, rollouts: rollouts.length }).toEqual({ step: 1, rollouts: 8 });
  for (const name of ['reward', 'grad_norm', 'entropy']) expect(metrics[name], name).toSatisfy(Number.isFinite);
  const { completions, accuracy } = await evaluate(engine, gap, {
    seed: 1,
    temperature: 1,
    problems: 8,
    maxNewTokens: 16,
  });
  expect(completions).toHaveLength(8);
  expect(accuracy).toBeGreaterThanOrEqual(0);
});
