// A base model: supervised training on tasks' corpora, which teaches to calculate and to judge, and says "wait" at random.
import { PlaygroundError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import { Engine, initialize, type Checkpoint, type Gpu, type ModelConfig } from '../engine/index.ts';
import type { Sample } from '../grpo/objective.ts';
import { inTwoLanguages } from '../tasks/language.ts';
import { findTask } from '../tasks/registry.ts';
import type { TaskName } from '../tasks/task.ts';
import { VOCABULARY } from '../tasks/tokenizer.ts';
import { sampleOf, supervise, type SupervisedStep } from './sft.ts';

export interface PretrainSettings {
  /** The corpus takes as many texts from each. A prompt must tell which task it is of. */
  readonly tasks: readonly TaskName[];
  readonly seed: number;
  /** Probability of "wait" after a verdict in the corpus. */
  readonly waitPrior: number;
  /** Null: one language. Else two, and before each word the writer changes to the other with this probability. */
  readonly languageSwitching: number | null;
  readonly steps: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** At the end of the warm-up; then a cosine down to a tenth. */
  readonly peakLearningRate: number;
}

const SEQUENCES = 256;
export const PRETRAIN_WARMUP_STEPS = 50;
const MAX_POSITIONS = 256;

const base = (
  task: TaskName,
  hiddenSize: number,
  numLayers: number,
  waitPrior: number,
  steps: number,
): PretrainSettings => ({
  tasks: [task],
  seed: 1,
  waitPrior,
  languageSwitching: null,
  steps,
  hiddenSize,
  intermediateSize: 3 * hiddenSize,
  numLayers,
  numHeads: 4,
  peakLearningRate: 1e-3,
});

/** The settings of the models in models/. */
export const BASES: Readonly<Record<TaskName, PretrainSettings>> = {
  countdown: base('countdown', 128, 3, 0.2, 12000),
  'countdown-easy': base('countdown-easy', 64, 3, 0.1, 12000),
  addition: base('addition', 96, 3, 0.1, 8000),
};

/** Trains and returns the engine that holds the model. Throws bad-settings, or diverged where the loss is not finite. */
export async function pretrain(
  gpu: Gpu,
  settings: PretrainSettings,
  onStep: (step: SupervisedStep) => void,
): Promise<Engine> {
  const maxSequences = Math.max(...settings.tasks.map((task) => findTask(task).heldOut.length));
  const engine = await Engine.create(gpu, untrained(settings), { maxSequences });
  await pretrainOn(engine, settings, onStep);
  return engine;
}

/** The same on an engine of the model's size, whatever it held before. */
export async function pretrainOn(
  engine: Engine,
  settings: PretrainSettings,
  onStep: (step: SupervisedStep) => void,
): Promise<void> {
  const { waitPrior, languageSwitching, steps, peakLearningRate } = settings;
  requireProbability('the wait prior', waitPrior, 0.99);
  requireProbability('the language switching', languageSwitching ?? 0, 1);
  const tasks = settings.tasks.map(findTask);
  const random = new Random(settings.seed, 1);
  const draw = (): Sample[] =>
    Array.from({ length: SEQUENCES }, (_, index) => {
      const task = tasks[index % tasks.length]!;
      const { prompt, completion } = task.sampleDemonstration(random, waitPrior);
      const said = languageSwitching === null ? completion : inTwoLanguages(random, completion, languageSwitching);
      return sampleOf(task.tokenizer, { prompt, completion: said });
    });
  engine.restore(untrained(settings));
  const schedule = { steps, warmupSteps: PRETRAIN_WARMUP_STEPS, peakLearningRate };
  await supervise(engine, schedule, SEQUENCES, draw, onStep);
}

/** Random weights. */
export function untrained(
  settings: Pick<PretrainSettings, 'hiddenSize' | 'intermediateSize' | 'numLayers' | 'numHeads' | 'seed'>,
): Checkpoint {
  const { hiddenSize, intermediateSize, numLayers, numHeads, seed } = settings;
  const config: ModelConfig = {
    vocabSize: VOCABULARY.length,
    hiddenSize,
    intermediateSize,
    numLayers,
    numHeads,
    maxPositions: MAX_POSITIONS,
  };
  return initialize(config, seed);
}

function requireProbability(what: string, value: number, most: number): void {
  if (!(value >= 0 && value <= most))
    throw new PlaygroundError('bad-settings', `${what} must be from 0 to ${most}, but it is ${value}`);
}
