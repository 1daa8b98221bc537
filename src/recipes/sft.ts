// Supervised training: every completion token is pushed up, which is the policy gradient with advantage 1 and ratio 1, so that the
// loss is the mean negative log-likelihood. Pretraining does it on a corpus without end, SFT on a data set, epoch after epoch.
import { PlaygroundError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import type { Engine } from '../engine/index.ts';
import { Objective, type Sample } from '../grpo/objective.ts';
import { resolveOptions } from '../grpo/options.ts';
import type { Demonstration } from '../tasks/task.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';
import { promptIds } from './environment.ts';

export interface Schedule {
  readonly steps: number;
  /** The learning rate rises to its peak over this many steps, then falls as a cosine to a tenth. */
  readonly warmupSteps: number;
  readonly peakLearningRate: number;
}

export interface SupervisedStep {
  readonly step: number;
  /** Mean negative log-likelihood of the completion tokens, nats. */
  readonly loss: number;
  readonly gradNorm: number;
}

export interface SftSettings {
  readonly epochs: number;
  readonly batchSize: number;
  readonly peakLearningRate: number;
}

const SFT_WARMUP_STEPS = 10;

/** Keeps an epoch's order apart from whatever else the seed decides. */
const SFT_STREAM = 0x5f70000;

/**
 * Trains the engine's policy on prompts with their completions, each once an epoch, in an order that the seed decides. Throws
 * bad-settings, or diverged where the loss is not finite.
 */
export async function sft(
  engine: Engine,
  tokenizer: Tokenizer,
  dataset: readonly Demonstration[],
  settings: SftSettings & { readonly seed: number },
  onStep: (step: SupervisedStep) => void,
): Promise<void> {
  const { epochs, batchSize, peakLearningRate, seed } = settings;
  if (dataset.length === 0)
    throw new PlaygroundError('bad-settings', 'SFT needs at least one example, but there is none');
  const samples = dataset.map((example) => sampleOf(tokenizer, example));
  const size = Math.min(batchSize, samples.length);
  const batches: Sample[][] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const shuffled = new Random(seed, SFT_STREAM + epoch).shuffle(samples);
    for (let first = 0; first < shuffled.length; first += size) batches.push(shuffled.slice(first, first + size));
  }
  const schedule = { steps: batches.length, warmupSteps: SFT_WARMUP_STEPS, peakLearningRate };
  await supervise(engine, schedule, size, (step) => batches[step - 1] as Sample[], onStep);
}

/** Steps of SFT on a data set of this size. */
export function sftSteps(examples: number, { epochs, batchSize }: SftSettings): number {
  return epochs * Math.ceil(examples / Math.min(batchSize, examples));
}

/** Trains the engine's policy on the batches that `draw` gives, each of at most `batchSize` samples; steps count from 1. */
export async function supervise(
  engine: Engine,
  schedule: Schedule,
  batchSize: number,
  draw: (step: number) => readonly Sample[],
  onStep: (step: SupervisedStep) => void,
): Promise<void> {
  const objective = await Objective.create(engine, batchSize, 1);
  const options = resolveOptions({ lossType: 'cispo', epsilonHigh: 1, beta: 0 });
  let samples = draw(1);
  for (let step = 1; step <= schedule.steps; step++) {
    const optimizer = {
      learningRate: learningRate(schedule, step),
      beta1: 0.9,
      beta2: 0.99,
      weightDecay: 0.01,
      maxGradNorm: 1,
    };
    const updating = objective.update({ samples, rewards: null, options, old: 'current', optimizer });
    if (step < schedule.steps) samples = draw(step + 1); // while the GPU works
    const { loss, gradNorm } = await updating;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      throw new PlaygroundError(
        'diverged',
        `the loss is ${loss} in step ${step}: lower the peak learning rate, ${schedule.peakLearningRate}`,
      );
    }
    onStep({ step, loss, gradNorm });
  }
}

/** Of a step, counted from 1. */
export function learningRate({ steps, warmupSteps, peakLearningRate }: Schedule, step: number): number {
  if (step <= warmupSteps) return (peakLearningRate * step) / warmupSteps;
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  return peakLearningRate * (0.1 + 0.45 * (1 + Math.cos(Math.PI * progress)));
}

/** A prompt with its completion as the loss takes it: the tokens of the completion count. */
export function sampleOf(tokenizer: Tokenizer, { prompt, completion }: Demonstration): Sample {
  const ids = promptIds(tokenizer, prompt);
  return { ids: [...ids, ...tokenizer.encode(completion)], promptLength: ids.length, truncated: false };
}
