// train: GRPO from a preset, or on from where a run stopped. The logs are written as the run goes, the model and what the run needs to
// go on at its end, also where it is interrupted by Ctrl-C.
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../../engine/index.ts';
import { writeModelFolder } from '../../export/hugging-face.ts';
import { readImport, type ImportedRun } from '../../export/import.ts';
import { runCard } from '../../export/model-card.ts';
import { writeState } from '../../export/optimizer-state.ts';
import { completionLine, modelName, RUN_FILES, settingsJson, stepLine, type LoggedStep } from '../../export/run-log.ts';
import { EventLog } from '../../export/tensorboard.ts';
import type { RecordedRun, RunEvent, RunSettings } from '../../recipes/events.ts';
import { findPreset, PRESETS, type PresetName } from '../../recipes/presets.ts';
import { Run, type RunStep } from '../../recipes/run.ts';
import { findTask } from '../../tasks/registry.ts';
import type { Tokenizer } from '../../tasks/tokenizer.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { commandLine, MODELS, print, readFolder, readModel, requireFolder, tell, writeFiles } from '../files.ts';
import { withGpu } from '../node-gpu.ts';

const STEPS = { min: 1, max: 100_000, integer: true } as const;

export async function train(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['preset', 'model', 'resume', 'seed', 'steps', 'set', 'out', 'record']);
  const { settings, checkpoint, tokenizer, before } = given.has('resume') ? resumed(given) : begun(given);
  const out = given.required('out');
  requireFolder(out);
  const record = given.text('record');
  if (record !== undefined) requireFolder(dirname(record));
  let interrupted = false;
  process.once('SIGINT', () => {
    interrupted = true;
    tell('This step is the last one');
  });

  await withGpu(async (gpu) => {
    const progress = (what: string, done: number, total: number): void => {
      if (done === 0) tell(`${what} (${done}/${total})`);
    };
    const run = await Run.create(gpu, checkpoint, settings, progress, { state: before?.state });
    const log = startLogs(out, settings, before);
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
    let last: LoggedStep = before?.log.at(-1) ?? keep(await run.base());
    const first = last.step;
    let diverged = true;
    try {
      while (!run.finished && !interrupted) last = keep(await run.step());
      diverged = false;
      if (run.finished) events.push({ type: 'finished' });
    } finally {
      const { task } = run;
      const base = given.text('model') ?? settings.base ?? findPreset(settings.preset).model;
      const card = runCard({ settings, base, config: checkpoint.config, task, command: commandLine(), step: last });
      const { checkpoint: trained, state } = await run.snapshot();
      writeFiles(out, writeModelFolder(trained, tokenizer, card));
      if (!diverged) writeFiles(out, writeState(trained.config, state)); // to go on would be to diverge again
      if (record !== undefined) writeFileSync(record, recording(events, gpu.adapter.name));
      const seconds = (performance.now() - begin) / 1000;
      tell(`${last.step - first} steps in ${seconds.toFixed(1)} s on ${gpu.adapter.name}; wrote ${out}`);
    }
  });
}

/** What a run begins with; `before` is what it did so far, null for a new one. */
interface Start {
  readonly settings: RunSettings;
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
  readonly before: ImportedRun<PresetName> | null;
}

function begun(given: Arguments): Start {
  const preset = findPreset(given.required('preset'));
  const model = given.text('model');
  const settings: RunSettings = {
    preset: preset.name,
    task: preset.task,
    seed: given.seed(),
    steps: given.number('steps', preset.steps, STEPS),
    options: given.options(preset.options),
    ...(model !== undefined && { base: modelName(basename(model)) }),
  };
  const path = model ?? join(MODELS, preset.model);
  return { settings, ...readModel(path, findTask(preset.task).tokenizer), before: null };
}

/** Everything is as it was, except for the steps, which may be more or fewer. */
function resumed(given: Arguments): Start {
  const others = ['preset', 'model', 'seed', 'set'].filter((name) => given.has(name));
  if (others.length > 0)
    throw new UsageError(`--resume goes on with the run's own settings: leave out --${others.join(', --')}`);
  const path = given.required('resume');
  const { checkpoint, tokenizer, run } = readImport(readFolder(path), PRESETS);
  if (!run)
    throw new UsageError(`${path} holds no run that can go on, only a model: begin a new run with --model ${path}`);
  const steps = given.number('steps', run.settings.steps, STEPS);
  if (steps <= run.state.step) {
    throw new UsageError(`${path} has done ${run.state.step} steps: ask for more with --steps`);
  }
  return { settings: { ...run.settings, steps }, checkpoint, tokenizer, before: run };
}

/** Replaces the logs of a run that was there before by what this one did so far; what is returned adds a step to them. */
function startLogs(
  out: string,
  settings: RunSettings,
  before: ImportedRun<PresetName> | null,
): (done: RunStep) => void {
  const at = (file: keyof typeof RUN_FILES): string => join(out, RUN_FILES[file]);
  const events = new EventLog();
  for (const stale of [at('state'), at('optimizer')]) rmSync(stale, { force: true });
  writeFiles(out, new Map([[RUN_FILES.settings, new TextEncoder().encode(settingsJson(settings))]]));
  writeFileSync(at('log'), (before?.log ?? []).map(stepLine).join(''));
  writeFileSync(at('completions'), (before?.completions ?? []).map(completionLine).join(''));
  writeFileSync(at('events'), events.header());
  for (const step of before?.log ?? []) appendFileSync(at('events'), events.step(step));
  return (done) => {
    appendFileSync(at('log'), stepLine(done));
    appendFileSync(at('events'), events.step(done));
    const lines = done.completions.map((completion) => completionLine({ step: done.step, ...completion }));
    appendFileSync(at('completions'), lines.join(''));
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
