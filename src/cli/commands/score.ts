// score: the log-prob of every token of a text, given those before it
import { Engine } from '../../engine/index.ts';
import { Objective } from '../../grpo/objective.ts';
import { DEFAULT_OPTIONS } from '../../grpo/options.ts';
import { promptIds } from '../../recipes/environment.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { printJson, readModel } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

export async function score(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['model', 'text']);
  const { checkpoint, tokenizer } = readModel(given.required('model'));
  const ids = promptIds(tokenizer, given.required('text'));
  if (ids.length < 2) throw new UsageError('--text needs at least one token beside <bos>');
  await withGpu(async (gpu) => {
    const engine = await Engine.create(gpu, checkpoint, { maxSequences: 1 });
    const objective = await Objective.create(engine, 1, 1);
    const [logProbs = []] = await objective.score([{ ids, promptLength: 1, truncated: false }], DEFAULT_OPTIONS);
    printJson({ ids, logprobs: Array.from(logProbs) });
  });
}
