// train --preset P [--model DIR] [--seed N] [--steps N] [--set name=value ...] --out DIR [--record FILE]
import { writeFileSync } from 'node:fs';
import { exportRun, readZip } from '../../export/zip.ts';
import { modelCard } from '../../export/model-card.ts';
import { stepLine, type LoggedCompletion, type LoggedStep } from '../../export/run-log.ts';
import { findPreset } from '../../recipes/presets.ts';
import { Run, type RunStep } from '../../recipes/run.ts';
import type { RecordedRun, RunEvent } from '../../recipes/events.ts';
import { Arguments } from '../arguments.ts';
import { commandLine, readModel, tell, writeFiles } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

export async function train(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['preset', 'model', 'seed', 'steps', 'out', 'record']);
  const preset = findPreset(given.required('preset'));
  const out = given.required('out');
  const steps = given.number('steps', preset.steps, { min: 1, max: 100000, integer: true });
  const settings = {
    preset: preset.name,
    task: preset.task,
    seed: given.seed(),
    steps,
    options: given.options(preset.options),
  };
  const { checkpoint, tokenizer } = readModel(given.text('model') ?? `models/${preset.model}`);

  await withGpu(async (gpu) => {
    const run = await Run.create(gpu, checkpoint, settings, (what, done, total) => {
      if (done === 0) tell(`${what} (${done}/${total})`);
    });
    const parameters = [...checkpoint.tensors.values()].reduce((sum, tensor) => sum + tensor.length, 0);
    const events: RunEvent[] = [{ type: 'started', settings, adapter: gpu.adapter, parameters }];
    const log: LoggedStep[] = [];
    const completions: LoggedCompletion[] = [];
    const keep = (step: RunStep): void => {
      log.push(step);
      completions.push(...step.completions.map((completion) => ({ step: step.step, ...completion })));
      const { metrics, group, stepMs, tokens } = step;
      events.push({ type: 'step', step: step.step, metrics, group, stepMs, tokens });
      if (given.flag('json')) process.stdout.write(stepLine(step));
      else process.stdout.write(`${summary(step)}\n`);
    };
    const begin = performance.now();
    keep(await run.base());
    let failure: unknown;
    try {
      while (!run.finished) keep(await run.step());
    } catch (error) {
      failure = error; // what was trained until then is written all the same
    }
    const seconds = (performance.now() - begin) / 1000;
    const last = log.at(-1) as LoggedStep;
    const card = modelCard({
      name: `grpo-${settings.task}-${settings.preset}-seed${settings.seed}-step${last.step}`,
      config: checkpoint.config,
      task: { title: run.task.title, asks: run.task.asks, examplePrompt: run.task.heldOut[0] as string },
      training: { kind: 'grpo', base: preset.model, steps: last.step, options: settings.options },
      command: commandLine(),
      seed: settings.seed,
      metrics: last.metrics,
    });
    const zip = exportRun({
      checkpoint: await run.engine.checkpoint(),
      tokenizer,
      settings,
      step: last.step,
      log,
      completions,
      card,
    });
    writeFiles(out, readZip(zip));
    const record = given.text('record');
    if (record) writeFileSync(record, JSON.stringify(recording(events, gpu.adapter.name)));
    tell(`${last.step} steps in ${seconds.toFixed(1)} s on ${gpu.adapter.name}; wrote ${out}`);
    if (failure !== undefined) throw failure;
  });
}

function summary({ step, metrics, stepMs }: RunStep): string {
  const show = (name: string): string => (metrics[name] === undefined ? '' : ` ${name} ${metrics[name].toFixed(3)}`);
  const shown = [
    'reward',
    'aha/wait_given_wrong',
    'aha/wait_given_right',
    'completions/mean_length',
    'kl',
    'eval/accuracy',
    'eval/accuracy_without_wait',
  ];
  return `step ${step} (${stepMs.toFixed(0)} ms)${shown.map(show).join('')}`;
}

/** Steps near the beginning and then every fifth keep their group, with four digits a number: small enough to ship. */
function recording(events: readonly RunEvent[], adapter: string): RecordedRun {
  const compact = events.map((event) =>
    event.type === 'step' && event.step > 5 && event.step % 5 !== 0 ? { ...event, group: null } : event,
  );
  const rounded = JSON.parse(
    JSON.stringify(compact, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)),
  ) as RunEvent[];
  return { about: { adapter, command: commandLine() }, events: rounded };
}
