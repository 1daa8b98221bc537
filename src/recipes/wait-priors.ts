// How often must the base say "wait" by itself before GRPO can teach it when? For each wait prior: a base is pretrained in view,
// then learns by GRPO, and the outcomes stand side by side.
import { Engine, type Gpu } from '../engine/index.ts';
import type { OnEvent, Row } from './experiment.ts';
import { BASES, pretrainOn, untrained, type PretrainSettings } from './pretrain.ts';
import { reinforce, reinforceOptions, type ReinforceSettings } from './reinforce.ts';
import { TASK_REWARDS } from './rewards.ts';
import { score, type ExperimentSettings } from './score.ts';

export interface WaitPriorSettings extends ExperimentSettings {
  readonly waitPriors: readonly number[];
  readonly base: Omit<PretrainSettings, 'seed' | 'waitPrior'>;
  readonly reinforcement: ReinforceSettings;
}

/** The same model before and after GRPO. */
export interface WaitPriorRow extends Row {
  readonly model: 'base' | 'trained';
  readonly waitPrior: number;
}

export const WAIT_PRIORS: WaitPriorSettings = {
  seed: 1,
  maxCompletionLength: 100,
  problems: 512,
  waitPriors: [0, 0.02, 0.1, 0.2],
  base: { ...BASES['countdown-easy'], steps: 6000 },
  reinforcement: {
    tasks: ['countdown-easy'],
    steps: 120,
    rewards: TASK_REWARDS,
    options: reinforceOptions({ learningRate: 3e-4, numIterations: 2 }),
  },
};

/** Yields two rows for each prior; stages are called `base 0.1` and `trained 0.1`. Throws bad-settings, diverged, and whatever `onEvent` throws. */
export async function* compareWaitPriors(
  gpu: Gpu,
  settings: WaitPriorSettings,
  onEvent: OnEvent,
): AsyncGenerator<WaitPriorRow, void> {
  const { seed, reinforcement } = settings;
  const { promptsPerStep, numGenerations } = reinforcement.options;
  const maxSequences = Math.max(promptsPerStep * numGenerations, settings.problems);
  const engine = await Engine.create(gpu, untrained({ ...settings.base, seed }), { maxSequences });
  for (const waitPrior of settings.waitPriors) {
    const measure = async (model: WaitPriorRow['model']): Promise<WaitPriorRow> => {
      const measured = await score(engine, reinforcement.tasks, settings);
      return { model, waitPrior, ...measured };
    };
    const tell = (
      model: WaitPriorRow['model'],
      done: number,
      total: number,
      metrics: Readonly<Record<string, number>>,
    ) => onEvent({ type: 'progress', stage: `${model} ${waitPrior}`, part: 'training', done, total, metrics });

    await pretrainOn(engine, { ...settings.base, seed, waitPrior }, ({ step, loss, gradNorm }) =>
      tell('base', step, settings.base.steps, { loss, grad_norm: gradNorm }),
    );
    yield await measure('base');
    for await (const { step, metrics } of reinforce(engine, reinforcement, settings))
      tell('trained', step, reinforcement.steps, metrics);
    yield await measure('trained');
  }
}
