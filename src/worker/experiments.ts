// The experiments that the Learn page offers, at the size that an adapter can carry: a recipe each, with its settings.
import { Engine, type Checkpoint, type Gpu } from '../engine/index.ts';
import {
  COMPARE_ESTIMATORS,
  compareEstimators,
  type CompareEstimatorsSettings,
} from '../recipes/compare-estimators.ts';
import { DISTILL, distill } from '../recipes/distill.ts';
import { MAX_PROMPT_TOKENS } from '../recipes/environment.ts';
import type { OnEvent, Row } from '../recipes/experiment.ts';
import { PIPELINE, runPipeline, type PipelineSettings } from '../recipes/pipeline.ts';
import { PRESETS } from '../recipes/presets.ts';
import { compareWithZero, R1_ZERO } from '../recipes/r1-zero.ts';
import type { ReinforceSettings } from '../recipes/reinforce.ts';
import { score } from '../recipes/score.ts';
import { compareWaitPriors, WAIT_PRIORS, type WaitPriorSettings } from '../recipes/wait-priors.ts';
import { TASK_NAMES } from '../tasks/task.ts';
import type { ExperimentRequest, ExperimentRow } from './experiment-client.ts';

export interface Surroundings {
  readonly gpu: Gpu;
  /** A base model by its folder's name. */
  readonly load: (name: string) => Promise<Checkpoint>;
  /** The folders in models/. */
  readonly models: readonly string[];
}

/** The base of the R1 story, which speaks two languages, and the student's. */
const STORY_BASE = 'two-languages';
const STUDENT_BASE = 'two-languages-small';
/** The base of the preset that the estimators are compared on. */
const ESTIMATORS_BASE = PRESETS['first-lesson'].model;

/** Rows as they are measured. Throws what the recipes throw, and bad-checkpoint for a model that cannot be loaded. */
export async function* runExperiment(
  request: ExperimentRequest,
  surroundings: Surroundings,
  onEvent: OnEvent,
): AsyncGenerator<ExperimentRow, void> {
  const { gpu, load } = surroundings;
  const { seed, reduced } = request;
  switch (request.name) {
    case 'scoreboard':
      return yield* scoreboard(surroundings, request, onEvent);
    case 'wait-priors': {
      const settings = { ...(reduced ? LIGHT_WAIT_PRIORS : WAIT_PRIORS), seed, waitPriors: request.waitPriors };
      return yield* compareWaitPriors(gpu, settings, onEvent);
    }
    case 'zero': {
      const pipeline = { ...pipelineFor(reduced), seed };
      const { traces } = request;
      const settings = {
        ...pipeline,
        stages: ['cold-start', 'reasoning-rl'] as const,
        'cold-start': { ...pipeline['cold-start'], traces: reduced ? Math.min(traces, LIGHT_TRACES) : traces },
        'r1-zero': { ...pipeline['reasoning-rl'], rewards: R1_ZERO['r1-zero'].rewards },
      };
      const base = await load(STORY_BASE);
      return yield* compareWithZero(await engineFor(gpu, base, settings), base, settings, onEvent);
    }
    case 'pipeline': {
      const settings = { ...pipelineFor(reduced), seed, stages: request.stages };
      const base = await load(STORY_BASE);
      return yield* runPipeline(await engineFor(gpu, base, settings), base, settings, onEvent);
    }
    case 'distill': {
      const pipeline: PipelineSettings = { ...pipelineFor(reduced), seed, stages: ['cold-start', 'reasoning-rl'] };
      const [large, small] = await Promise.all([load(STORY_BASE), load(STUDENT_BASE)]);
      const teacher = await engineFor(gpu, large, pipeline);
      const student = await engineFor(gpu, small, pipeline);
      // The teacher is made first, in view; its rows are of no concern here.
      const stages = runPipeline(teacher, large, pipeline, onEvent);
      while (!(await stages.next()).done);
      const { problems, maxCompletionLength } = pipeline;
      const settings = {
        ...DISTILL,
        seed,
        problems,
        maxCompletionLength,
        teacher: {
          ...DISTILL.teacher,
          prompts: reduced ? Math.min(request.problems, LIGHT_PROBLEMS) : request.problems,
        },
        student: reduced ? { ...DISTILL.student, epochs: 1 } : DISTILL.student,
        alone: { ...DISTILL.alone, options: pipeline['reasoning-rl'].options },
      };
      return yield* distill(teacher, student, small, settings, onEvent);
    }
    case 'estimators': {
      const settings = { ...COMPARE_ESTIMATORS, ...(reduced && LIGHT_ESTIMATORS), seed };
      return yield* compareEstimators(gpu, await load(ESTIMATORS_BASE), settings, onEvent);
    }
  }
}

/** Every model on every task, on as many held-out problems as the adapter does in a few seconds. */
async function* scoreboard(
  { gpu, load, models }: Surroundings,
  { seed, reduced }: Pick<ExperimentRequest, 'seed' | 'reduced'>,
  onEvent: OnEvent,
): AsyncGenerator<Row, void> {
  const problems = reduced ? LIGHT_PROBLEMS : 512;
  for (const [index, model] of models.entries()) {
    onEvent({ type: 'progress', stage: model, part: 'sampling', done: index, total: models.length, metrics: {} });
    const engine = await Engine.create(gpu, await load(model), { maxSequences: problems });
    const measured = await score(engine, TASK_NAMES, { seed, problems, maxCompletionLength: 128 });
    gpu.freeAll();
    yield { model, ...measured };
  }
}

async function engineFor(gpu: Gpu, checkpoint: Checkpoint, settings: PipelineSettings): Promise<Engine> {
  const { promptsPerStep, numGenerations } = settings['reasoning-rl'].options;
  const maxSequences = Math.max(promptsPerStep * numGenerations, settings.problems);
  return Engine.create(gpu, checkpoint, { maxSequences, maxLength: MAX_PROMPT_TOKENS + settings.maxCompletionLength });
}

const LIGHT_PROBLEMS = 16;
const LIGHT_TRACES = 32;
const LIGHT_STEPS = 3;
const LIGHT_LENGTH = 48;

function pipelineFor(reduced: boolean): PipelineSettings {
  return reduced ? LIGHT_PIPELINE : PIPELINE;
}

const light = <Settings extends Pick<ReinforceSettings, 'options'>>(settings: Settings): Settings => ({
  ...settings,
  steps: LIGHT_STEPS,
  options: { ...settings.options, promptsPerStep: 4, numGenerations: 4 },
});

const LIGHT_PIPELINE: PipelineSettings = {
  ...PIPELINE,
  problems: LIGHT_PROBLEMS,
  maxCompletionLength: LIGHT_LENGTH,
  'cold-start': { ...PIPELINE['cold-start'], epochs: 1, batchSize: 16, traces: LIGHT_TRACES },
  'reasoning-rl': light(PIPELINE['reasoning-rl']),
  'rejection-sampling': { ...PIPELINE['rejection-sampling'], epochs: 1, batchSize: 16, prompts: LIGHT_PROBLEMS },
  'all-tasks-rl': light(PIPELINE['all-tasks-rl']),
};

const LIGHT_WAIT_PRIORS: WaitPriorSettings = {
  ...WAIT_PRIORS,
  problems: LIGHT_PROBLEMS,
  maxCompletionLength: LIGHT_LENGTH,
  base: { ...WAIT_PRIORS.base, steps: 12, hiddenSize: 16, intermediateSize: 48, numLayers: 1 },
  reinforcement: light(WAIT_PRIORS.reinforcement),
};

const LIGHT_ESTIMATORS: Pick<CompareEstimatorsSettings, 'steps' | 'options'> = {
  steps: LIGHT_STEPS,
  options: {
    ...COMPARE_ESTIMATORS.options,
    promptsPerStep: 2,
    numGenerations: 4,
    maxCompletionLength: LIGHT_LENGTH,
  },
};
