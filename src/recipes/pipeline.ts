// The four stages that made DeepSeek-R1 (arXiv:2501.12948, section 2.3), in small:
//
//   cold-start           SFT of the base on a few clean traces: one language, "wait" after a wrong attempt, a search in order
//   reasoning-rl         GRPO on one task for accuracy, format and language consistency
//   rejection-sampling   SFT of the *base* again, on what the model so far says that is right and readable
//   all-tasks-rl         GRPO over all tasks at once for accuracy, format, language, brevity and few repeats
//
// Stages may be left out, repeated and put in any order: each begins with the model that the one before it left.
import { pcg4d, Random } from '../base/random.ts';
import type { Checkpoint, Engine } from '../engine/index.ts';
import { findTask } from '../tasks/registry.ts';
import type { Demonstration, TaskName } from '../tasks/task.ts';
import { fineTune, rejectionSample, type OnEvent, type Row } from './experiment.ts';
import { reinforce, reinforceOptions, type ReinforceSettings } from './reinforce.ts';
import type { SamplingPlan } from './rejection-sampling.ts';
import { TASK_REWARDS } from './rewards.ts';
import { score, type ExperimentSettings } from './score.ts';
import type { SftSettings } from './sft.ts';

export const STAGE_NAMES = ['cold-start', 'reasoning-rl', 'rejection-sampling', 'all-tasks-rl'] as const;
export type StageName = (typeof STAGE_NAMES)[number];

export interface ColdStartSettings extends SftSettings {
  /** Traces are taken from each in turn. */
  readonly tasks: readonly TaskName[];
  /** With 0 the stage leaves the model as it is. */
  readonly traces: number;
}

export interface StageSettings {
  readonly 'cold-start': ColdStartSettings;
  readonly 'reasoning-rl': ReinforceSettings;
  readonly 'rejection-sampling': SamplingPlan & SftSettings;
  readonly 'all-tasks-rl': ReinforceSettings;
}

export interface PipelineSettings extends StageSettings, ExperimentSettings {
  readonly stages: readonly StageName[];
  /** On which every model is scored. */
  readonly scoredTasks: readonly TaskName[];
}

/** The task to reason about, and another. Their prompts differ: nothing in one of countdown-easy says that it forbids to multiply. */
const STORY_TASKS: readonly TaskName[] = ['countdown', 'addition'];
/** Three to one, about as the paper's 600k samples for reasoning and 200k others. */
const TASK_MIX: readonly TaskName[] = ['countdown', 'countdown', 'countdown', 'addition'];
/** Room for three additions, or for twelve attempts at countdown. */
export const STORY_LENGTH = 128;
export const STORY_OPTIONS = reinforceOptions({ learningRate: 1.5e-4, beta: 0.03, numIterations: 2 });

/** Keeps the traces apart from whatever else the seed decides. */
const TRACE_STREAM = 0x7ace0000;

export const PIPELINE: PipelineSettings = {
  seed: 1,
  stages: STAGE_NAMES,
  maxCompletionLength: STORY_LENGTH,
  problems: 512,
  scoredTasks: STORY_TASKS,
  'cold-start': {
    tasks: TASK_MIX,
    traces: 4000,
    epochs: 10,
    batchSize: 128,
    peakLearningRate: 5e-4,
  },
  'reasoning-rl': {
    tasks: ['countdown'],
    steps: 200,
    rewards: { ...TASK_REWARDS, language: 0.2 },
    options: STORY_OPTIONS,
  },
  'rejection-sampling': {
    tasks: TASK_MIX,
    prompts: 8000,
    samplesPerPrompt: 4,
    temperature: 1,
    epochs: 10,
    batchSize: 128,
    peakLearningRate: 5e-4,
  },
  'all-tasks-rl': {
    tasks: TASK_MIX,
    steps: 200,
    rewards: { ...TASK_REWARDS, language: 0.2, brevity: 0.05, repeats: 1 },
    // The stage before leaves a model that is good at this: larger steps cost it more arithmetic than they gain.
    options: { ...STORY_OPTIONS, learningRate: 5e-5 },
  },
};

/**
 * Runs the stages on the engine, beginning with the base, and yields the model that each of them leaves. Throws bad-settings,
 * diverged, and whatever `onEvent` throws.
 */
export async function* runPipeline(
  engine: Engine,
  base: Checkpoint,
  settings: PipelineSettings,
  onEvent: OnEvent,
): AsyncGenerator<Row, void> {
  engine.restore(base);
  for (const [index, stage] of settings.stages.entries()) {
    // Two stages of one kind draw different problems.
    const [seed] = pcg4d(settings.seed, index, 0, 0);
    await stageRunners(engine, base, { ...settings, seed }, onEvent)[stage]();
    yield { model: stage, ...(await score(engine, settings.scoredTasks, settings)) };
  }
}

function stageRunners(
  engine: Engine,
  base: Checkpoint,
  settings: PipelineSettings,
  onEvent: OnEvent,
): Record<StageName, () => Promise<void>> {
  const { seed } = settings;
  const learn = async (stage: 'reasoning-rl' | 'all-tasks-rl'): Promise<void> => {
    const total = settings[stage].steps;
    for await (const { step: done, metrics } of reinforce(engine, settings[stage], settings))
      onEvent({ type: 'progress', stage, part: 'training', done, total, metrics });
  };
  const imitate = (stage: 'cold-start' | 'rejection-sampling', dataset: readonly Demonstration[]): Promise<void> =>
    fineTune(engine, dataset, { ...settings[stage], seed }, stage, onEvent);
  return {
    'cold-start': async () => {
      const traces = coldStartTraces(settings['cold-start'], settings);
      if (traces.length > 0) await imitate('cold-start', traces);
    },
    'reasoning-rl': () => learn('reasoning-rl'),
    'rejection-sampling': async () => {
      const plan = settings['rejection-sampling'];
      const { kept } = await rejectionSample(engine, plan, settings, 'rejection-sampling', onEvent);
      engine.restore(base);
      await imitate('rejection-sampling', kept);
    },
    'all-tasks-rl': () => learn('all-tasks-rl'),
  };
}

/** Clean traces of training problems, in the target language; the seed decides which. */
export function coldStartTraces(
  { tasks, traces }: Pick<ColdStartSettings, 'tasks' | 'traces'>,
  { seed, maxCompletionLength }: Pick<ExperimentSettings, 'seed' | 'maxCompletionLength'>,
): Demonstration[] {
  const random = new Random(seed, TRACE_STREAM);
  return Array.from({ length: traces }, (_, index) =>
    findTask(tasks[index % tasks.length]!).sampleTrace(random, maxCompletionLength),
  );
}
