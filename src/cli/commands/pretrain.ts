// pretrain: a base model from random weights, evaluated and written as a Hugging Face folder
import { basename } from 'node:path';
import { writeModelFolder } from '../../export/hugging-face.ts';
import { modelCard } from '../../export/model-card.ts';
import { evaluate } from '../../recipes/evaluate.ts';
import { BASES, pretrain } from '../../recipes/pretrain.ts';
import type { SupervisedStep } from '../../recipes/sft.ts';
import { findTask } from '../../tasks/registry.ts';
import { Arguments } from '../arguments.ts';
import { commandLine, print, printJson, requireFolder, tell, writeFiles } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

export async function pretrainBase(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['task', 'wait-prior', 'language-switching', 'seed', 'steps', 'hidden-size', 'layers', 'heads', 'out']); // prettier-ignore
  const tasks = given.required('task').split(',').map(findTask);
  const task = tasks[0]!;
  const usual = BASES[task.name];
  const hiddenSize = given.number('hidden-size', usual.hiddenSize, { min: 16, max: 256, integer: true });
  const settings = {
    ...usual,
    tasks: tasks.map(({ name }) => name),
    languageSwitching:
      given.text('language-switching') === undefined ? null : given.number('language-switching', 0, { min: 0, max: 1 }),
    hiddenSize,
    intermediateSize: 3 * hiddenSize,
    seed: given.seed(usual.seed),
    waitPrior: given.number('wait-prior', usual.waitPrior, { min: 0, max: 0.99 }),
    steps: given.number('steps', usual.steps, { min: 1, max: 1e6, integer: true }),
    numLayers: given.number('layers', usual.numLayers, { min: 1, max: 8, integer: true }),
    numHeads: given.number('heads', usual.numHeads, { min: 1, max: 8, integer: true }),
  };
  const out = given.required('out');
  requireFolder(out);
  const show = ({ step, loss, gradNorm }: SupervisedStep): void => {
    if (given.json) printJson({ step, loss, grad_norm: gradNorm });
    else if (step % 100 === 0) print(`step ${step} loss ${loss.toFixed(4)}`);
  };
  await withGpu(async (gpu) => {
    const begin = performance.now();
    const engine = await pretrain(gpu, settings, show);
    const seconds = (performance.now() - begin) / 1000;
    const metrics: Record<string, number> = {};
    for (const each of tasks) {
      const { accuracy, format, meanLength, aha } = await evaluate(engine, each, {
        seed: settings.seed,
        temperature: 1,
      });
      const figures = { 'eval/accuracy': accuracy, 'eval/format': format, 'eval/mean_length': meanLength, ...aha };
      const prefix = each === task ? '' : `${each.name}/`; // the first task's figures have their usual names
      for (const [name, value] of Object.entries(figures)) metrics[prefix + name] = value;
    }
    const card = modelCard({
      name: basename(out),
      config: engine.config,
      task: {
        title: tasks.map(({ title }) => title).join(' and '),
        asks: tasks.map(({ asks }) => asks).join(' Or: '),
        examplePrompt: task.heldOut[0] as string,
      },
      training: { kind: 'pretraining', ...settings },
      command: commandLine(),
      seed: settings.seed,
      metrics,
    });
    writeFiles(out, writeModelFolder(await engine.checkpoint(), task.tokenizer, card));
    printJson(metrics);
    tell(`${settings.steps} steps in ${seconds.toFixed(1)} s on ${gpu.adapter.name}; wrote ${out}`);
  });
}
