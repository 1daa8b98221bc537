// Pretraining, evaluation, the trainer and a run on the real engine: what the same seed gives twice, and what a base model can do.
import { describe, expect, it } from 'vitest';
import { Engine, type Checkpoint } from '../../src/engine/index.ts';
import { Objective, type Sample } from '../../src/grpo/objective.ts';
import { resolveOptions, type GrpoOptions } from '../../src/grpo/options.ts';
import { Trainer, type Environment, type Rollout, type TrainerStep } from '../../src/grpo/trainer.ts';
import { environmentOf } from '../../src/recipes/environment.ts';
import { evaluate } from '../../src/recipes/evaluate.ts';
import type { GroupView } from '../../src/recipes/group-view.ts';
import { BASES, pretrain } from '../../src/recipes/pretrain.ts';
import { Run } from '../../src/recipes/run.ts';
import { WAITS } from '../../src/tasks/completion.ts';
import { countdownEasy } from '../../src/tasks/countdown-easy.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';
import { loadModel } from '../../src/worker/models.ts';
import { expectClose } from '../reference/compare.ts';
import { openGpu, roughModel } from './open.ts';

const TIMEOUT = { timeout: 60_000 };

const small: Checkpoint = roughModel(
  { vocabSize: VOCABULARY.length, hiddenSize: 16, intermediateSize: 16, numLayers: 1, numHeads: 2, maxPositions: 40 },
  1,
);

const openEngine = async (): Promise<Engine> => Engine.create(await openGpu(), small, { maxSequences: 32 });

describe('pretraining', TIMEOUT, () => {
  const settings = { ...BASES['countdown-easy'], hiddenSize: 16, intermediateSize: 32, numLayers: 1, numHeads: 2, steps: 2, peakLearningRate: 0.1 }; // prettier-ignore

  async function train(seed: number, steps: number): Promise<{ losses: number[]; checkpoint: Checkpoint }> {
    const losses: number[] = [];
    const engine = await pretrain(await openGpu(), { ...settings, seed, steps }, ({ loss }) => losses.push(loss));
    return { losses, checkpoint: await engine.checkpoint() };
  }

  it('begins at the loss of one who knows nothing, and learns', async () => {
    const { losses } = await train(1, 8);
    expect(losses).toHaveLength(8);
    expect(losses[0]).toBeCloseTo(Math.log(VOCABULARY.length), 1);
    expect(losses.at(-1)).toBeLessThan(Math.log(VOCABULARY.length) - 0.3);
  });

  it('gives the same weights bit for bit for the same seed, and others for another', async () => {
    const first = await train(2, 2);
    expect(await train(2, 2)).toEqual(first);
    expect((await train(3, 2)).checkpoint).not.toEqual(first.checkpoint);
  });

  it.each([1, -0.1, NaN])('refuses the wait prior %d', async (waitPrior) => {
    const refused = pretrain(await openGpu(), { ...settings, waitPrior }, () => undefined);
    await expect(refused).rejects.toMatchObject({ name: 'bad-settings' });
  });

  it('stops where the loss is no number', async () => {
    const wild = pretrain(await openGpu(), { ...settings, peakLearningRate: 1e38 }, () => undefined);
    await expect(wild).rejects.toMatchObject({ name: 'diverged' });
  });
});

describe('an evaluation', TIMEOUT, () => {
  const settings = { seed: 1, temperature: 1, problems: 16, maxNewTokens: 12 };

  it('is the same for the same seed, and another for another', async () => {
    const engine = await openEngine();
    const first = await evaluate(engine, countdownEasy, settings);
    expect(await evaluate(engine, countdownEasy, settings)).toEqual(first);
    const second = await evaluate(engine, countdownEasy, { ...settings, seed: 2 });
    expect(second.completions).not.toEqual(first.completions);
  });

  it('never draws a banned token, though the model would', async () => {
    const engine = await openEngine();
    const text = async (banned: readonly string[]): Promise<string> =>
      (await evaluate(engine, countdownEasy, { ...settings, banned })).completions
        .map(({ completion }) => completion)
        .join();
    const free = await text([]);
    const without = await text([...WAITS, '7']);
    for (const token of [...WAITS, '7']) {
      expect(free).toContain(token);
      expect(without).not.toContain(token);
    }
  });

  it('refuses to ban what is no token', async () => {
    const refused = evaluate(await openEngine(), countdownEasy, { ...settings, banned: ['maybe'] });
    await expect(refused).rejects.toMatchObject({ name: 'bad-settings' });
  });

  it('takes the first held-out problems, each as often as it is told', async () => {
    const { completions, meanLength } = await evaluate(await openEngine(), countdownEasy, {
      ...settings,
      problems: 3,
      samples: 2,
    });
    expect(completions.map(({ prompt }) => prompt)).toEqual(
      countdownEasy.heldOut.slice(0, 3).flatMap((prompt) => [prompt, prompt]),
    );
    const lengths = completions.map(({ completion }) => countdownEasy.tokenizer.encode(completion).length);
    expect(meanLength).toBeCloseTo(lengths.reduce((sum, length) => sum + length, 0) / 6, 12);
  });

  it('finds that a committed base model calculates and judges, and solves more problems in several tries', async () => {
    const { checkpoint } = await loadModel('countdown-easy');
    const engine = await Engine.create(await openGpu(), checkpoint, { maxSequences: 64, maxLength: 64 });
    const base = await evaluate(engine, countdownEasy, {
      seed: 1,
      temperature: 1,
      problems: 16,
      samples: 4,
      maxNewTokens: 48,
    });
    expect(base.aha['aha/arithmetic']).toBeGreaterThan(0.97);
    expect(base.aha['aha/verdict']).toBeGreaterThan(0.97);
    expect(base.format).toBeGreaterThan(0.9);
    const right = base.completions.filter(
      ({ prompt, completion }) => countdownEasy.rewards['accuracy']?.(prompt, completion) === 1,
    );
    expect(right.length).toBeGreaterThan(3);
    expect(base.accuracy).toBe(right.length / 64);
    expect(base.passAtK).toBe(new Set(right.map(({ prompt }) => prompt)).size / 16);
    expect(base.passAtK).toBeGreaterThan(base.accuracy);
  });
});

/** Rewards that a random model earns: small ids, and an early end. */
const lenient: Environment = {
  ...environmentOf(countdownEasy),
  grade: (_, ids) => [ids.filter((id) => id < 9).length / ids.length, ids.length < 8 ? 1 : 0],
};

const optionsOf = (options: Partial<GrpoOptions>): GrpoOptions =>
  resolveOptions({
    promptsPerStep: 4,
    numGenerations: 4,
    maxCompletionLength: 12,
    learningRate: 1e-2,
    warmupSteps: 0,
    ...options,
  });

describe('the trainer', TIMEOUT, () => {
  async function train(options: Partial<GrpoOptions>, seed: number, count: number) {
    const engine = await openEngine();
    const trainer = await Trainer.create(engine, lenient, optionsOf(options), seed);
    const steps: TrainerStep[] = [];
    while (steps.length < count) steps.push(await trainer.step());
    return { steps, engine, checkpoint: await engine.checkpoint() };
  }

  const drawn = ({ steps }: { steps: readonly TrainerStep[] }): unknown =>
    steps.map(({ rollouts }) => rollouts.map(({ prompt, ids, logProbs }) => ({ prompt, ids, logProbs })));

  it('draws the same rollouts and learns the same from the same seed', async () => {
    const first = await train({}, 1, 2);
    const second = await train({}, 1, 2);
    expect(drawn(second)).toEqual(drawn(first));
    expect(second.checkpoint).toEqual(first.checkpoint);
    const other = await train({}, 2, 1);
    expect(drawn(other)).not.toEqual(drawn({ steps: first.steps.slice(0, 1) }));
  });

  it('asks each prompt of a step G times in a row, and other prompts in the next step', async () => {
    const { steps } = await train({}, 1, 2);
    const prompts = steps.map(({ rollouts }) => rollouts.map(({ prompt }) => prompt.join()));
    for (const asked of prompts) {
      expect(asked).toHaveLength(16);
      asked.forEach((prompt, index) => expect(prompt).toBe(asked[index - (index % 4)]));
      expect(new Set(asked).size).toBeGreaterThan(1);
    }
    expect(prompts[1]).not.toEqual(prompts[0]);
  });

  it('warms up its learning rate, and counts the tokens of prompts and completions', async () => {
    const { steps } = await train({ warmupSteps: 4, learningRate: 0.008 }, 1, 2);
    expect(steps.map(({ step, metrics }) => [step, metrics['learning_rate']])).toEqual([[1, 0.002], [2, 0.004]]); // prettier-ignore
    const tokens = steps.map(({ rollouts }) =>
      rollouts.reduce((sum, { prompt, ids }) => sum + prompt.length + ids.length, 0),
    ) as [number, number];
    expect(steps.map(({ metrics }) => metrics['num_tokens'])).toEqual([tokens[0], tokens[0] + tokens[1]]);
  });

  it('makes a second update with ratios to the log-probs before the first', async () => {
    const once = await train({ numIterations: 1 }, 1, 1);
    const twice = await train({ numIterations: 2 }, 1, 1);
    expect(drawn(twice)).toEqual(drawn(once));
    expect(twice.checkpoint).not.toEqual(once.checkpoint);

    // The same by hand: score, update, and update again with the scores given as old log-probs.
    const engine = await openEngine();
    const options = optionsOf({});
    const objective = await Objective.create(engine, 16, 2);
    const { rollouts } = twice.steps[0] as TrainerStep;
    const samples = rollouts.map(({ prompt, ids, truncated }): Sample => ({
      ids: [...prompt, ...ids],
      promptLength: prompt.length,
      truncated,
    }));
    const rewards = { values: rollouts.map((rollout: Rollout) => rollout.rewards), groupSize: 4 };
    const { adamBeta1: beta1, adamBeta2: beta2, learningRate, weightDecay, maxGradNorm } = options;
    const optimizer = { learningRate, beta1, beta2, weightDecay, maxGradNorm };
    const old = (await objective.score(samples, options)).map((row) => Array.from(row));
    await objective.update({ samples, rewards, options, old: 'current', optimizer });
    expect(await engine.checkpoint()).toEqual(once.checkpoint);
    const report = await objective.update({ samples, rewards, options, old, optimizer });
    expect(await engine.checkpoint()).toEqual(twice.checkpoint);
    rollouts.forEach(({ slopes }, index) =>
      expectClose(`slopes of completion ${index}`, slopes, report.slopes[index] as Float32Array, {}),
    );
    expect(report.clippedLow + report.clippedHigh).toBeGreaterThan(0);
  });

  it('refuses an environment with more rewards than weights', async () => {
    const three = { ...lenient, rewardNames: ['a', 'b', 'c'], grade: () => [1, 0, 1] };
    const trainer = await Trainer.create(await openEngine(), three, optionsOf({}), 1);
    await expect(trainer.step()).rejects.toMatchObject({
      name: 'bad-settings',
      message: expect.stringContaining('3 reward functions') as string,
    });
  });

  it('stops with the weights as they were where the gradient is no number', async () => {
    const engine = await openEngine();
    const before = await engine.checkpoint();
    const huge = { ...lenient, grade: (_: unknown, ids: readonly number[]) => [ids.length < 8 ? 3e38 : 0, 0] };
    const trainer = await Trainer.create(engine, huge, optionsOf({ scaleRewards: 'none' }), 1);
    await expect(trainer.step()).rejects.toMatchObject({
      name: 'diverged',
      message: expect.stringContaining('in step 1;') as string,
    });
    expect(await engine.checkpoint()).toEqual(before);
  });

  it.each([NaN, Infinity])('refuses the reward %d', async (reward) => {
    const broken = { ...lenient, grade: () => [reward, 0] };
    const trainer = await Trainer.create(await openEngine(), broken, optionsOf({}), 1);
    await expect(trainer.step()).rejects.toMatchObject({ name: 'bad-settings' });
  });
});

describe('a run', TIMEOUT, () => {
  const request = {
    task: 'countdown-easy',
    seed: 1,
    steps: 27,
    options: optionsOf({ promptsPerStep: 1, numGenerations: 2, maxCompletionLength: 4 }),
  } as const;

  it('evaluates the base, every 25th step and the last, and tells the progress of that', async () => {
    const told: string[] = [];
    const run = await Run.create(await openGpu(), small, request, (what, done, total) =>
      told.push(`${what} ${done}/${total}`),
    );
    const steps = [await run.base()];
    while (!run.finished) steps.push(await run.step());
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 28 }, (_, step) => step));
    const evaluated = steps.filter(({ metrics }) => 'eval/accuracy' in metrics);
    expect(evaluated.map(({ step }) => step)).toEqual([0, 25, 27]);
    for (const { metrics } of evaluated)
      expect(Object.keys(metrics).filter((name) => name.startsWith('eval/'))).toEqual([
        'eval/accuracy',
        'eval/accuracy_without_wait',
        'eval/pass_at_k',
        'eval/mean_length',
        'eval/wait_given_wrong',
        'eval/wait_given_right',
        'eval/attempts',
        'eval/arithmetic',
        'eval/verdict',
        'eval/repeat',
        'eval/mixed',
      ]);
    expect(told).toEqual([
      ...[0, 1, 2].map((done) => `Preparing the GPU ${done}/2`),
      ...evaluated.flatMap(() => [0, 1, 2, 3].map((done) => `Evaluating on held-out problems ${done}/3`)),
    ]);
    const [base, first] = steps;
    expect(base).toMatchObject({ group: null, completions: [], tokens: 0 });
    expect(first?.group?.completions).toHaveLength(2);
    expect(first?.completions.map(({ completion }) => completion)).toEqual(
      first?.group?.completions.map(({ tokens }) => tokens.join('')),
    );
    expect(first?.tokens).toBe(2 * (first?.metrics['completions/mean_length'] ?? NaN));
  });

  it('shows the first group of step 1 before anything else, and is the same run for it', async () => {
    const options = optionsOf({ promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 12 });
    const train = async (looks: boolean) => {
      const settings = { ...request, steps: 2, options };
      const seen: GroupView[] = [];
      const preview = (group: GroupView): void => void seen.push(group);
      const run = await Run.create(await openGpu(), small, settings, () => undefined, looks ? { preview } : {});
      const steps = [await run.base(), await run.step(), await run.step()];
      const same = steps.map(({ step, metrics: { step_time: _, ...metrics }, group, completions, tokens }) => ({
        ...{ step, metrics, group, completions, tokens },
      }));
      return { seen, steps, same, checkpoint: await run.engine.checkpoint() };
    };
    const looked = await train(true);
    const blind = await train(false);
    expect(looked.same).toEqual(blind.same);
    expect(looked.checkpoint).toEqual(blind.checkpoint);
    const shown = looked.seen[0]!.completions.map(({ tokens }) => tokens.join(''));
    expect(shown).toEqual(looked.steps[1]?.completions.slice(0, 4).map(({ completion }) => completion));
    for (const { advantage, push } of looked.seen[0]!.completions) expect([advantage, push]).toEqual([0, []]);
  });

  it('begins with the weights that arrive while its kernels are compiled', async () => {
    const zeros = new Map([...small.tensors].map(([name, tensor]) => [name, tensor.map(() => 0)]));
    const sizes = { ...small, tensors: zeros };
    const weights = Promise.resolve(small);
    const run = await Run.create(await openGpu(), sizes, request, () => undefined, { weights });
    const { config, tensors } = await run.engine.checkpoint();
    expect({ config, tensors }).toEqual(small);
    const [step, usual] = [await run.step(), await Run.create(await openGpu(), small, request, () => undefined)];
    expect(step.completions).toEqual((await usual.step()).completions);
  });

  it('tells where the time of a step went, kernel by kernel where it is asked to', async () => {
    const run = await Run.create(await openGpu(), small, { ...request, steps: 3 }, () => undefined);
    const [base, first, second, last] = [await run.base(), await run.step(), await run.step(true), await run.step()];
    expect(base.timing).toBeNull();
    for (const { stepMs, timing } of [first, second, last]) {
      expect(timing!.samplingMs + timing!.gradingMs + timing!.trainingMs).toBeCloseTo(stepMs, 6);
      for (const part of [timing!.samplingMs, timing!.trainingMs, timing!.submits, timing!.allocatedBytes])
        expect(part).toBeGreaterThan(0);
    }
    expect([first, second, last].map(({ timing }) => timing!.evaluationMs > 0)).toEqual([false, false, true]);
    expect([first, second, last].map(({ timing }) => timing!.kernels !== null)).toEqual([false, true, false]);
    const { measurable, kernels, dispatches } = second.timing!;
    expect(measurable).toBe(true);
    const all = [...kernels!.sampling, ...kernels!.training];
    expect(all.reduce((sum, { count }) => sum + count, 0)).toBe(dispatches);
    expect(kernels!.sampling.map(({ label }) => label)).toContain('sample_token');
    expect(kernels!.training.map(({ label }) => label)).toContain('adamw_update');
  });

  it('refuses completions that do not fit the model, and a model of another vocabulary', async () => {
    const gpu = await openGpu();
    const create = (checkpoint: Checkpoint, maxCompletionLength: number): Promise<Run> =>
      Run.create(gpu, checkpoint, { ...request, options: optionsOf({ maxCompletionLength }) }, () => undefined);
    await expect(create(small, 25)).rejects.toMatchObject({
      name: 'bad-settings',
      message: 'maxCompletionLength must be at most 24 for this model, but it is 25',
    });
    const other = roughModel({ ...small.config, vocabSize: 20 }, 1);
    await expect(create(other, 24)).rejects.toMatchObject({
      name: 'bad-settings',
      message: 'task countdown-easy has 28 tokens, but the model has 20',
    });
  });
});
