// A base model: supervised training on a task's corpus, which teaches to calculate and to judge, and says "wait" at random.
import { PlaygroundError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import { Engine, initialize, type Gpu, type ModelConfig } from '../engine/index.ts';
import { Objective, type Sample } from '../grpo/objective.ts';
import { resolveOptions } from '../grpo/options.ts';
import { findTask } from '../tasks/registry.ts';
import type { Task, TaskName } from '../tasks/task.ts';
import { VOCABULARY } from '../tasks/tokenizer.ts';
import { promptIds } from './environment.ts';

export interface PretrainSettings {
  readonly task: TaskName;
  readonly seed: number;
  /** Probability of "wait" after a verdict in the corpus. */
  readonly waitPrior: number;
  readonly steps: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** At the end of the warm-up; then a cosine down to a tenth. */
  readonly peakLearningRate: number;
}

const SEQUENCES = 256;
const WARMUP_STEPS = 50;
const MAX_POSITIONS = 256;

const base = (
  task: TaskName,
  hiddenSize: number,
  numLayers: number,
  waitPrior: number,
  steps: number,
): PretrainSettings => ({
  task,
  seed: 1,
  waitPrior,
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

export interface PretrainStep {
  readonly step: number;
  /** Mean negative log-likelihood of the completion tokens, nats. */
  readonly loss: number;
  readonly gradNorm: number;
}

/** Trains and returns the engine that holds the model. Throws bad-settings, or diverged where the loss is not finite. */
export async function pretrain(
  gpu: Gpu,
  settings: PretrainSettings,
  onStep: (step: PretrainStep) => void,
): Promise<Engine> {
  if (!(settings.waitPrior >= 0 && settings.waitPrior < 1)) {
    throw new PlaygroundError(
      'bad-settings',
      `the wait prior must be from 0 to below 1, but it is ${settings.waitPrior}`,
    );
  }
  const task = findTask(settings.task);
  const { hiddenSize, intermediateSize, numLayers, numHeads } = settings;
  const config: ModelConfig = {
    vocabSize: VOCABULARY.length,
    hiddenSize,
    intermediateSize,
    numLayers,
    numHeads,
    maxPositions: MAX_POSITIONS,
  };
  const engine = await Engine.create(gpu, initialize(config, settings.seed), { maxSequences: task.heldOut.length });
  const objective = await Objective.create(engine, SEQUENCES, 1);
  const options = resolveOptions({ lossType: 'cispo', epsilonHigh: 1, beta: 0 });
  const random = new Random(settings.seed, 1);

  let samples = drawSamples(task, random, settings.waitPrior);
  for (let step = 1; step <= settings.steps; step++) {
    const optimizer = {
      learningRate: learningRate(settings, step),
      beta1: 0.9,
      beta2: 0.99,
      weightDecay: 0.01,
      maxGradNorm: 1,
    };
    const updating = objective.update({ samples, rewards: null, options, old: 'current', optimizer });
    samples = drawSamples(task, random, settings.waitPrior); // while the GPU works
    const { loss, gradNorm } = await updating;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      throw new PlaygroundError(
        'diverged',
        `the loss is ${loss} in step ${step}: lower the peak learning rate, ${settings.peakLearningRate}`,
      );
    }
    onStep({ step, loss, gradNorm });
  }
  return engine;
}

/** Of a step, counted from 1. */
export function learningRate({ steps, peakLearningRate }: PretrainSettings, step: number): number {
  if (step <= WARMUP_STEPS) return (peakLearningRate * step) / WARMUP_STEPS;
  const progress = (step - WARMUP_STEPS) / Math.max(1, steps - WARMUP_STEPS);
  return peakLearningRate * (0.1 + 0.45 * (1 + Math.cos(Math.PI * progress)));
}

function drawSamples(task: Task, random: Random, waitPrior: number): Sample[] {
  return Array.from({ length: SEQUENCES }, () => {
    const { prompt, completion } = task.sampleDemonstration(random, waitPrior);
    const ids = promptIds(task.tokenizer, prompt);
    return { ids: [...ids, ...task.tokenizer.encode(completion)], promptLength: ids.length, truncated: false };
  });
}
