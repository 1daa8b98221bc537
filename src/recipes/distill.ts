// Distillation: a small model learns from what a large one says, against the same small model learning by GRPO alone with as many
// floating-point operations. The distilled one pays for the teacher's sampling, what was thrown away included, and for its own SFT;
// making the teacher is not counted, as in the paper's comparison (arXiv:2501.12948, section 4.1).
import type { Checkpoint, Engine } from '../engine/index.ts';
import type { Demonstration } from '../tasks/task.ts';
import { Tokenizer } from '../tasks/tokenizer.ts';
import { fineTune, rejectionSample, type OnEvent, type Row } from './experiment.ts';
import { forwardFlops, grpoFlops, trainingFlops } from './flops.ts';
import { STORY_LENGTH, STORY_OPTIONS } from './pipeline.ts';
import { reinforce, type ReinforceSettings } from './reinforce.ts';
import type { SamplingPlan } from './rejection-sampling.ts';
import { TASK_REWARDS } from './rewards.ts';
import { score, type ExperimentSettings } from './score.ts';
import { sampleOf, type SftSettings } from './sft.ts';

export interface DistillSettings extends ExperimentSettings {
  /** How the teacher is asked; what is right and readable is kept. */
  readonly teacher: SamplingPlan;
  readonly student: SftSettings;
  /** GRPO alone; it makes as many steps as the compute of the distilled student allows. */
  readonly alone: Omit<ReinforceSettings, 'steps'>;
}

export interface DistillRow extends Row {
  readonly model: 'student-base' | 'student-distilled' | 'student-alone';
  /** Floating-point operations that made it out of the student's base. */
  readonly flops: number;
}

export const DISTILL: DistillSettings = {
  seed: 1,
  maxCompletionLength: STORY_LENGTH,
  problems: 512,
  teacher: { tasks: ['countdown'], prompts: 2500, samplesPerPrompt: 4, temperature: 1 },
  student: { epochs: 6, batchSize: 128, peakLearningRate: 1e-3 },
  alone: {
    tasks: ['countdown'],
    rewards: TASK_REWARDS,
    options: STORY_OPTIONS,
  },
};

/**
 * `teacher` holds the large model and only samples; `student` is an engine of the base's size. Yields the base, the distilled student
 * and the one that learnt alone. Throws bad-settings, diverged, and whatever `onEvent` throws.
 */
export async function* distill(
  teacher: Engine,
  student: Engine,
  base: Checkpoint,
  settings: DistillSettings,
  onEvent: OnEvent,
): AsyncGenerator<DistillRow, void> {
  const measure = async (model: DistillRow['model'], flops: number): Promise<DistillRow> => {
    const measured = await score(student, settings.alone.tasks, settings);
    return { model, ...measured, flops };
  };
  student.restore(base);
  yield await measure('student-base', 0);

  const { sampled, kept } = await rejectionSample(teacher, settings.teacher, settings, 'student-distilled', onEvent);
  await fineTune(student, kept, { ...settings.student, seed: settings.seed }, 'student-distilled', onEvent);
  const budget =
    total(sampled, (sample) => forwardFlops(teacher.config, sample)) +
    settings.student.epochs * total(kept, (sample) => trainingFlops(student.config, sample));
  yield await measure('student-distilled', budget);

  student.restore(base);
  const { options } = settings.alone;
  let spent = 0;
  for await (const { rollouts, metrics } of reinforce(student, { ...settings.alone, steps: Infinity }, settings)) {
    for (const { prompt, ids } of rollouts) spent += grpoFlops(student.config, { ids: [...prompt, ...ids] }, options);
    const done = Math.min(spent, budget);
    onEvent({ type: 'progress', stage: 'student-alone', part: 'training', done, total: budget, metrics });
    if (spent >= budget) break;
  }
  yield await measure('student-alone', spent);
}

function total(
  examples: readonly Demonstration[],
  flops: (sample: { readonly ids: readonly number[] }) => number,
): number {
  const tokenizer = new Tokenizer();
  return examples.reduce((sum, example) => sum + flops(sampleOf(tokenizer, example)), 0);
}
