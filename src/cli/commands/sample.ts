// sample --model DIR --prompt TEXT [--temperature t] [--count N] [--seed N]
import { Engine } from '../../engine/index.ts';
import { Arguments } from '../arguments.ts';
import { printJson, readModel } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

export async function sample(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['model', 'prompt', 'temperature', 'count', 'seed']);
  const { checkpoint, tokenizer } = readModel(given.required('model'));
  const prompt = given.required('prompt');
  const ids = [tokenizer.id('<bos>'), ...tokenizer.encode(prompt.replace(/^<bos>/, ''))];
  const count = given.number('count', 1, { min: 1, max: 4096, integer: true });
  const temperature = given.number('temperature', 1, { min: 0, max: 100 });
  await withGpu(async (gpu) => {
    const engine = await Engine.create(gpu, checkpoint, { maxSequences: count });
    const completions = await engine.generate(
      Array.from({ length: count }, () => ids),
      {
        temperature,
        topK: 0,
        topP: 1,
        minP: 0,
        forbidden: [],
        seed: given.seed(),
        step: 0,
        eos: tokenizer.id('<eos>'),
        maxNewTokens: checkpoint.config.maxPositions - ids.length,
      },
    );
    for (const completion of completions) {
      const text = tokenizer.decode(completion.ids);
      if (given.flag('json'))
        printJson({ prompt, completion: text, truncated: completion.truncated, logprobs: completion.logProbs });
      else process.stdout.write(`${text}\n`);
    }
  });
}
