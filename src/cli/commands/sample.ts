// sample: completions of a prompt, one a line
import { Engine } from '../../engine/index.ts';
import { promptIds } from '../../recipes/environment.ts';
import { Arguments } from '../arguments.ts';
import { print, printJson, readModel } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

export async function sample(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['model', 'prompt', 'temperature', 'count', 'seed']);
  const { checkpoint, tokenizer } = readModel(given.required('model'));
  const prompt = given.required('prompt');
  const ids = promptIds(tokenizer, prompt);
  const count = given.number('count', 1, { min: 1, max: 4096, integer: true });
  const settings = {
    temperature: given.number('temperature', 1, { min: 0, max: 100 }),
    topK: 0,
    topP: 1,
    minP: 0,
    forbidden: [],
    seed: given.seed(),
    step: 0,
    eos: tokenizer.id('<eos>'),
    maxNewTokens: checkpoint.config.maxPositions,
  };
  await withGpu(async (gpu) => {
    const engine = await Engine.create(gpu, checkpoint, { maxSequences: count });
    const prompts = Array.from({ length: count }, () => ids);
    for (const { ids: drawn, logProbs, truncated } of await engine.generate(prompts, settings)) {
      const completion = tokenizer.decode(drawn);
      if (given.json) printJson({ prompt, completion, truncated, logprobs: logProbs });
      else print(completion);
    }
  });
}
