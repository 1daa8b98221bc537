// Reinforcement learning as a stage of a longer recipe: GRPO on the engine's policy as it is, over one task or several at once.
import type { Engine } from '../engine/index.ts';
import type { Metrics } from '../grpo/metrics.ts';
import { resolveOptions, type GrpoOptions } from '../grpo/options.ts';
import { Trainer, type Rollout } from '../grpo/trainer.ts';
import { findTask } from '../tasks/registry.ts';
import type { TaskName } from '../tasks/task.ts';
import { ahaMetrics } from './aha.ts';
import { ownerOf, taskMix, type RewardWeights } from './rewards.ts';
import type { ExperimentSettings } from './score.ts';

export type ReinforceOptions = Omit<GrpoOptions, 'rewardWeights' | 'maxCompletionLength'>;

/** The defaults, and what differs from them. */
export function reinforceOptions(given: Partial<ReinforceOptions>): ReinforceOptions {
  const { rewardWeights: _weights, maxCompletionLength: _length, ...options } = resolveOptions(given);
  return options;
}

export interface ReinforceSettings {
  /** Problems are drawn from each alike, from one listed twice twice as often. The aha is measured on the first. */
  readonly tasks: readonly TaskName[];
  readonly steps: number;
  readonly rewards: RewardWeights;
  /** All but what `rewards` and the experiment say. */
  readonly options: ReinforceOptions;
}

export interface ReinforceStep {
  /** Counts from 1. */
  readonly step: number;
  /** The trainer's, and the `aha/` shares. */
  readonly metrics: Metrics;
  readonly rollouts: readonly Rollout[];
}

/** Step after step, until all are made or no more are asked for; the policy as it was before the first is the reference. Throws bad-settings, diverged. */
export async function* reinforce(
  engine: Engine,
  settings: ReinforceSettings,
  { seed, maxCompletionLength }: Pick<ExperimentSettings, 'seed' | 'maxCompletionLength'>,
): AsyncGenerator<ReinforceStep, void> {
  const tasks = settings.tasks.map(findTask);
  const [first] = tasks;
  const options = resolveOptions({ ...settings.options, maxCompletionLength });
  const { environment, rewardWeights } = taskMix(tasks, settings.rewards, maxCompletionLength);
  engine.restore(await engine.checkpoint());
  const trainer = await Trainer.create(engine, environment, { ...options, rewardWeights }, seed);
  for (let made = 0; made < settings.steps; made++) {
    const { step, rollouts, metrics } = await trainer.step();
    const texts = rollouts
      .map(({ prompt, ids }) => ({
        prompt: first!.tokenizer.decode(prompt.slice(1)),
        completion: first!.tokenizer.decode(ids),
      }))
      .filter(({ prompt }) => ownerOf(tasks, prompt) === first);
    yield { step, metrics: { ...metrics, ...ahaMetrics(first!, texts) }, rollouts };
  }
}
