// loss --model DIR --rollout FILE [--ref DIR] [--set name=value ...]: one step's loss, metrics, advantages and gradient norms;
// nothing is updated
import { readFileSync } from 'node:fs';
import { PlaygroundError } from '../../base/errors.ts';
import { Engine, type Checkpoint } from '../../engine/index.ts';
import { splitTensors } from '../../engine/parameters.ts';
import { Objective, type Sample, type UpdateReport } from '../../grpo/objective.ts';
import type { Tokenizer } from '../../tasks/tokenizer.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { printJson, readModel } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

/** What FILE holds: P prompts with G completions each. A completion ends in `<eos>` unless it was truncated. */
interface RolloutFile {
  readonly prompts: readonly string[];
  readonly completions: readonly (readonly string[])[];
  readonly rewards: readonly (readonly number[])[];
  readonly oldLogprobs?: readonly (readonly (readonly number[])[])[];
}

export async function loss(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['model', 'rollout', 'ref']);
  const { checkpoint, tokenizer } = readModel(given.required('model'));
  const ref = given.text('ref');
  const reference = ref === undefined ? null : readModel(ref).checkpoint;
  const rollout = readRollout(given.required('rollout'));
  const options = { ...given.options(), rewardWeights: [1] };
  const samples = rollout.prompts.flatMap((prompt, at) =>
    (rollout.completions[at] ?? []).map((completion) => sampleOf(tokenizer, prompt, completion)),
  );
  const groupSize = rollout.completions[0]?.length ?? 0;

  await withGpu(async (gpu) => {
    const engine = await Engine.create(gpu, checkpoint, { maxSequences: 1 });
    if (reference) writeReference(engine, reference);
    const objective = await Objective.create(engine, samples.length, 1);
    const report = await objective.update({
      samples,
      rewards: { values: rollout.rewards.flat().map((value) => [value]), groupSize },
      options,
      old: rollout.oldLogprobs?.flat() ?? 'current',
      optimizer: null,
    });
    const { buffer, layout } = engine.learner.gradients;
    const [bytes] = await gpu.read([{ buffer, bytes: layout.floats * 4 }]);
    const norms = [...splitTensors(layout, new Float32Array(bytes as ArrayBuffer))].map(([name, gradient]) => [
      name,
      norm(gradient),
    ]);
    const advantages = report.outcomes.map(({ advantage }) => advantage);
    printJson({
      loss: report.loss,
      metrics: metricsOf(report),
      advantages: rollout.completions.map((_, group) => advantages.slice(group * groupSize, (group + 1) * groupSize)),
      grad_norm: report.gradNorm,
      grad_norms: Object.fromEntries(norms),
    });
  });
}

function metricsOf(report: UpdateReport): Record<string, number> {
  return {
    policy_loss: report.loss,
    entropy: report.entropy,
    kl: report.kl,
    'clip_ratio/low_mean': report.clippedLow,
    'clip_ratio/high_mean': report.clippedHigh,
    'clip_ratio/region_mean': report.clippedLow + report.clippedHigh,
    grad_norm: report.gradNorm,
    num_tokens: report.tokens,
  };
}

function writeReference(engine: Engine, reference: Checkpoint): void {
  const sizes = (checkpoint: Pick<Checkpoint, 'config'>): string =>
    JSON.stringify({ ...checkpoint.config, maxPositions: undefined });
  if (sizes(reference) !== sizes(engine)) {
    throw new PlaygroundError(
      'bad-checkpoint',
      `the reference must have the model's sizes ${sizes(engine)}, but it has ${sizes(reference)}`,
    );
  }
  engine.learner.reference.write(reference);
}

function sampleOf(tokenizer: Tokenizer, prompt: string, completion: string): Sample {
  const ids = [tokenizer.id('<bos>'), ...tokenizer.encode(prompt.replace(/^<bos>/, ''))];
  return {
    ids: [...ids, ...tokenizer.encode(completion)],
    promptLength: ids.length,
    truncated: !completion.endsWith('<eos>'),
  };
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function readRollout(file: string): RolloutFile {
  let rollout: Partial<RolloutFile>;
  try {
    rollout = JSON.parse(readFileSync(file, 'utf8')) as Partial<RolloutFile>;
  } catch (cause) {
    throw new UsageError(`--rollout must name a JSON file, but ${file} cannot be read: ${(cause as Error).message}`);
  }
  const { prompts, completions, rewards, oldLogprobs } = rollout;
  const lists = (value: unknown, holds: (item: unknown) => boolean): boolean =>
    Array.isArray(value) && value.every((list) => Array.isArray(list) && list.every(holds));
  const isNumber = (item: unknown): boolean => typeof item === 'number';
  const isText = (item: unknown): boolean => typeof item === 'string';
  const complain = (expected: string): never => {
    throw new UsageError(`${file} must hold ${expected}`);
  };
  if (!Array.isArray(prompts) || prompts.length === 0 || !prompts.every(isText))
    return complain('"prompts", a list of texts');
  if (!lists(completions, isText) || completions?.length !== prompts.length)
    return complain('"completions", a list of texts for every prompt');
  const G = completions[0]?.length ?? 0;
  if (G === 0 || completions.some((group) => group.length !== G))
    return complain('the same number of completions, at least one, for every prompt');
  if (!lists(rewards, isNumber) || rewards?.length !== prompts.length || rewards.some((group) => group.length !== G)) {
    return complain(`"rewards", ${G} numbers for every prompt`);
  }
  if (
    oldLogprobs !== undefined &&
    !(
      Array.isArray(oldLogprobs) &&
      oldLogprobs.length === prompts.length &&
      oldLogprobs.every((group) => lists(group, isNumber) && group.length === G)
    )
  ) {
    return complain(`"oldLogprobs", ${G} lists of numbers for every prompt`);
  }
  return { prompts, completions, rewards, ...(oldLogprobs && { oldLogprobs }) };
}
