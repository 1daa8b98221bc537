// loss: one step's loss, metrics, advantages and gradient norms on given completions; nothing is updated. With the estimator ppo the
// critic is the one that a run begins with: a copy of the model whose values are all 0.
import { PlaygroundError } from '../../base/errors.ts';
import { Engine, type Checkpoint } from '../../engine/index.ts';
import { splitTensors } from '../../engine/parameters.ts';
import { updateMetrics } from '../../grpo/metrics.ts';
import { Objective } from '../../grpo/objective.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { printJson, readFile, readModel } from '../files.ts';
import { withGpu } from '../node-gpu.ts';
import { readRollout } from '../rollout-file.ts';

export async function loss(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['model', 'rollout', 'ref', 'set']);
  const { checkpoint, tokenizer } = readModel(given.required('model'));
  const ref = given.text('ref');
  const reference = ref === undefined ? checkpoint : readModel(ref, tokenizer).checkpoint;
  requireSameSizes(reference, checkpoint);
  const file = given.required('rollout');
  const { samples, rewards, groupSize, oldLogProbs } = readRollout(
    new TextDecoder().decode(readFile(file)),
    file,
    tokenizer,
  );
  const options = given.options({ numGenerations: groupSize });
  if (options.numGenerations !== groupSize) {
    throw new UsageError(`${file} has groups of ${groupSize}, but numGenerations is set to ${options.numGenerations}`);
  }

  await withGpu(async (gpu) => {
    const engine = await Engine.create(gpu, checkpoint, { maxSequences: 1 });
    engine.learner.reference.write(reference);
    const objective = await Objective.create(engine, samples.length, 1, options.advantageEstimator);
    const report = await objective.update({
      samples,
      rewards: { values: rewards.map((reward) => [reward]), groupSize },
      options: { ...options, rewardWeights: [1] },
      old: oldLogProbs ?? 'current',
      optimizer: null,
    });
    if (!Number.isFinite(report.loss) || !Number.isFinite(report.gradNorm)) {
      throw new PlaygroundError('diverged', `the loss is ${report.loss} and the gradient's norm ${report.gradNorm}`);
    }
    const { buffer, layout } = engine.learner.gradients;
    const [bytes] = await gpu.read([{ buffer, bytes: layout.floats * 4 }]);
    const gradients = splitTensors(layout, new Float32Array(bytes as ArrayBuffer));
    const groups = <Item>(items: readonly Item[]): Item[][] =>
      Array.from({ length: samples.length / groupSize }, (_, group) =>
        items.slice(group * groupSize, (group + 1) * groupSize),
      );
    const ofTokens = report.critic?.advantages.map((row) => Array.from(row));
    printJson({
      loss: report.loss,
      metrics: { ...updateMetrics(report), num_tokens: report.tokens },
      advantages: groups(report.outcomes.map(({ advantage }) => advantage)),
      ...(ofTokens && { token_advantages: groups(ofTokens) }),
      grad_norm: report.gradNorm,
      grad_norms: Object.fromEntries([...gradients].map(([name, gradient]) => [name, norm(gradient)])),
    });
  });
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

/** The reference runs on the model's own kernels; how long a text it could take does not matter. */
function requireSameSizes(reference: Checkpoint, model: Checkpoint): void {
  const sizes = ({ config }: Checkpoint): string => {
    const { vocabSize, hiddenSize, intermediateSize, numLayers, numHeads } = config;
    return JSON.stringify({ vocabSize, hiddenSize, intermediateSize, numLayers, numHeads });
  };
  if (sizes(reference) !== sizes(model)) {
    const message = `the reference must have the sizes of the model, ${sizes(model)}, but it has ${sizes(reference)}`;
    throw new PlaygroundError('bad-checkpoint', message);
  }
}
