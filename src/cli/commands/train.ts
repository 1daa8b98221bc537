// train: GRPO from a preset. The logs are written as the run goes, the model at its end, whether the run finished or diverged.
import { appendFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeModelFolder } from '../../export/hugging-face.ts';
import { runCard } from '../../export/model-card.ts';
import { completionLine, RUN_FILES, settingsJson, stepLine } from '../../export/run-log.ts';
import type { RecordedRun, RunEvent, RunSettings } from '../../recipes/events.ts';
import { findPreset } from '../../recipes/presets.ts';
import { Run, type RunStep } from '../../recipes/run.ts';
import { findTask } from '../../tasks/registry.ts';
import { Arguments } from '../arguments.ts';
import { commandLine, MODELS, print, readModel, requireFolder, tell, writeFiles } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

export async function train(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['preset', 'model', 'seed', 'steps', 'set', 'out', 'record']);
  const preset = findPreset(given.required('preset'));
  const settings: RunSettings = {
    preset: preset.name,
    task: preset.task,
    seed: given.seed(),
    steps: given.number('steps', preset.steps, { min: 1, max: 100000, integer: true }),
    options: given.options(preset.options),
  };
  const model = given.text('model');
  const { checkpoint, tokenizer } = readModel(model ?? join(MODELS, preset.model), findTask(preset.task).tokenizer);
  const out = given.required('out');
  requireFolder(out);
  const record = given.text('record');
  if (record !== undefined) requireFolder(dirname(record));

  await withGpu(async (gpu) => {
    const run = await Run.create(gpu, checkpoint, settings, (what, done, total) => {
      if (done === 0) tell(`${what} (${done}/${total})`);
    });
    const log = startLogs(out, settings);
    const parameters = [...checkpoint.tensors.values()].reduce((sum, tensor) => sum + tensor.length, 0);
    const events: RunEvent[] = [{ type: 'started', settings, adapter: gpu.adapter, parameters }];
    const keep = (done: RunStep): RunStep => {
      log(done);
      const { step, metrics, group, stepMs, tokens } = done;
      if (record !== undefined) events.push({ type: 'step', step, metrics, group, stepMs, tokens });
      print(given.json ? stepLine(done).trimEnd() : summary(done));
      return done;
    };

    const begin = performance.now();
    let last = keep(await run.base());
    try {
      while (!run.finished) last = keep(await run.step());
      events.push({ type: 'finished' });
    } finally {
      const { task } = run;
      const base = model ?? preset.model;
      const card = runCard({ settings, base, config: checkpoint.config, task, command: commandLine(), step: last });
      writeFiles(out, writeModelFolder(await run.engine.checkpoint(), tokenizer, card));
      if (record !== undefined) writeFileSync(record, recording(events, gpu.adapter.name));
      const seconds = (performance.now() - begin) / 1000;
      tell(`${last.step} steps in ${seconds.toFixed(1)} s on ${gpu.adapter.name}; wrote ${out}`);
    }
  });
}

/** Empties the logs of a run that was there before; what is returned adds a step to them. */
function startLogs(out: string, settings: RunSettings): (done: RunStep) => void {
  const [log, completions] = [join(out, RUN_FILES.log), join(out, RUN_FILES.completions)];
  writeFiles(out, new Map([[RUN_FILES.settings, new TextEncoder().encode(settingsJson(settings))]]));
  writeFileSync(log, '');
  writeFileSync(completions, '');
  return (done) => {
    appendFileSync(log, stepLine(done));
    const lines = done.completions.map((completion) => completionLine({ step: done.step, ...completion }));
    appendFileSync(completions, lines.join(''));
  };
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

/** The first steps and then every tenth keep their group, with three digits a number: small enough to ship. */
function recording(events: readonly RunEvent[], adapter: string): string {
  const compact = events.map((event) =>
    event.type === 'step' && event.step > 5 && event.step % 10 !== 0 ? { ...event, group: null } : event,
  );
  const run: RecordedRun = { about: { adapter, command: commandLine() }, events: compact };
  const rounded = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(3)));
  return JSON.stringify(run, (_, value: unknown) => (typeof value === 'number' ? rounded(value) : value));
}
