// R1-Zero against R1: reinforcement learning alone, for accuracy and format, against a cold start and the stages after it, from the
// same base. With the stages cold-start and reasoning-rl it is the comparison of the paper's section 2; with all four, the whole story.
import type { Checkpoint, Engine } from '../engine/index.ts';
import type { OnEvent, Row } from './experiment.ts';
import { PIPELINE, runPipeline, type PipelineSettings } from './pipeline.ts';
import { reinforce, type ReinforceSettings } from './reinforce.ts';
import { TASK_REWARDS } from './rewards.ts';
import { score } from './score.ts';

export interface ZeroSettings extends PipelineSettings {
  readonly 'r1-zero': ReinforceSettings;
}

export const R1_ZERO: ZeroSettings = {
  ...PIPELINE,
  'r1-zero': {
    ...PIPELINE['reasoning-rl'],
    rewards: TASK_REWARDS,
  },
};

/** Yields `base`, `r1-zero` and the model that each stage of the pipeline leaves. Throws as `runPipeline`. */
export async function* compareWithZero(
  engine: Engine,
  base: Checkpoint,
  settings: ZeroSettings,
  onEvent: OnEvent,
): AsyncGenerator<Row, void> {
  const { scoredTasks, 'r1-zero': zero } = settings;
  engine.restore(base);
  yield { model: 'base', ...(await score(engine, scoredTasks, settings)) };
  for await (const { step: done, metrics } of reinforce(engine, zero, settings))
    onEvent({ type: 'progress', stage: 'r1-zero', part: 'training', done, total: zero.steps, metrics });
  yield { model: 'r1-zero', ...(await score(engine, scoredTasks, settings)) };
  yield* runPipeline(engine, base, settings, onEvent);
}
