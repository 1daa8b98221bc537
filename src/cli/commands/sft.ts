// sft: trains a model on prompts with their completions, one pair as JSON a line, as `eval --completions` writes them
import { writeModelFolder } from '../../export/hugging-face.ts';
import { isObject } from '../../export/untrusted.ts';
import { sft } from '../../recipes/sft.ts';
import type { Demonstration } from '../../tasks/task.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { experimentEngine } from '../experiment.ts';
import { print, printJson, readJsonLines, readModel, requireFolder, tell, writeFiles } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

export async function fineTuneModel(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['model', 'data', 'out', 'epochs', 'batch-size', 'learning-rate', 'seed']);
  const { checkpoint, tokenizer } = readModel(given.required('model'));
  const data = given.required('data');
  const examples = readJsonLines(data).map((line, index): Demonstration => {
    if (isObject(line) && typeof line['prompt'] === 'string' && typeof line['completion'] === 'string')
      return { prompt: line['prompt'], completion: line['completion'] };
    throw new UsageError(`${data} must hold a prompt and a completion in every line, but line ${index + 1} does not`);
  });
  const settings = {
    seed: given.seed(),
    epochs: given.number('epochs', 3, { min: 1, max: 1000, integer: true }),
    batchSize: given.number('batch-size', 128, { min: 1, max: 1024, integer: true }),
    peakLearningRate: given.number('learning-rate', 5e-4, { min: 0, max: 0.1 }),
  };
  const out = given.required('out');
  requireFolder(out);
  await withGpu(async (gpu) => {
    const engine = await experimentEngine(gpu, checkpoint, checkpoint.config.maxPositions);
    await sft(engine, tokenizer, examples, settings, ({ step, loss, gradNorm }) => {
      if (given.json) printJson({ step, loss, grad_norm: gradNorm });
      else print(`step ${step} loss ${loss.toFixed(4)}`);
    });
    writeFiles(out, writeModelFolder(await engine.checkpoint(), tokenizer));
    tell(`${examples.length} examples, ${settings.epochs} times; wrote ${out}`);
  });
}
