// The recorded runs that the page plays before anyone presses Start: whole, true to what made them, and what the README tells.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MODELS, readModel } from '../../src/cli/files.ts';
import { resolveOptions } from '../../src/grpo/options.ts';
import type { RecordedRun, RunEvent } from '../../src/recipes/events.ts';
import { findPreset, PRESETS } from '../../src/recipes/presets.ts';
import { findTask } from '../../src/tasks/registry.ts';

type Started = Extract<RunEvent, { type: 'started' }>;
type Step = Extract<RunEvent, { type: 'step' }>;

const ROOT = join(import.meta.dirname, '../..');
const PUBLIC = join(ROOT, 'public');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

function read(file: string) {
  const text = readFileSync(join(PUBLIC, file), 'utf8');
  const { about, events } = JSON.parse(text) as RecordedRun;
  const started = events[0] as Started;
  const steps = events.filter((event): event is Step => event.type === 'step');
  const evaluated = steps.filter(({ metrics }) => 'eval/accuracy' in metrics);
  return { file, text, about, events, started, steps, evaluated };
}

const runs = readdirSync(PUBLIC).filter((file) => /^recorded-.*\.json$/u.test(file)).map(read); // prettier-ignore

it('there is one of the first preset', () => {
  expect(runs.map(({ file }) => file)).toContain(`recorded-${Object.keys(PRESETS)[0] as string}.json`);
});

describe.each(runs)('$file', ({ file, text, about, events, started, steps, evaluated }) => {
  const { settings } = started;
  const task = findTask(settings.task);

  it('is small enough to load at once, and names no folder of the machine that made it', () => {
    expect(statSync(join(PUBLIC, file)).size).toBeLessThan(1e6);
    JSON.parse(text, (_, value: unknown) => {
      if (typeof value === 'string') expect(value).not.toMatch(/(?:^|[\s='"])(?:~|\.\.|[A-Za-z]:)?[/\\]\w/u);
      return value;
    });
  });

  it('begins, goes step by step from the base to the last, and is finished', () => {
    expect(events.map(({ type }) => type)).toEqual(['started', ...steps.map(() => 'step'), 'finished']);
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: settings.steps + 1 }, (_, step) => step));
  });

  it('is of its preset as it is now, by the command that it tells, on the model that is here', () => {
    const preset = findPreset(settings.preset);
    expect(file).toBe(`recorded-${preset.name}.json`);
    // An option that came after the run was recorded was at its default.
    expect({ ...settings, options: resolveOptions({ ...settings.options }) }).toEqual({
      preset: preset.name,
      task: preset.task,
      steps: preset.steps,
      options: preset.options,
      seed: settings.seed,
    });
    expect(about.command).toContain(`train --preset ${preset.name} --seed ${settings.seed} `);
    expect(about.command).toContain(`--record public/${file}`);
    expect(about.adapter).toBe(started.adapter.name);
    const { checkpoint } = readModel(join(MODELS, preset.model));
    expect(started.parameters).toBe([...checkpoint.tensors.values()].reduce((sum, { length }) => sum + length, 0));
  });

  it('has a number for every metric, the same ones at every step', () => {
    const [, first] = steps;
    const trained = Object.keys(first?.metrics ?? {});
    expect(trained).toEqual(expect.arrayContaining(['reward', 'policy_loss', 'kl', 'entropy', 'aha/wait_given_wrong']));
    for (const { step, metrics } of steps) {
      for (const [name, value] of Object.entries(metrics))
        expect(value, `${name} in step ${step}`).toSatisfy(Number.isFinite);
      if (step > 0) expect(Object.keys(metrics).filter((name) => !name.startsWith('eval/'))).toEqual(trained);
    }
  });

  it('was evaluated before it began, every 25 steps, and at its end', () => {
    const due = steps.map(({ step }) => step).filter((step) => step % 25 === 0 || step === settings.steps);
    expect(evaluated.map(({ step }) => step)).toEqual(due);
  });

  it('shows groups whose answers are judged as the task judges them', () => {
    const groups = steps.flatMap(({ group }) => group ?? []);
    expect(groups.length).toBeGreaterThan(10);
    expect(steps[1]?.group).not.toBeNull();
    for (const { prompt, title, completions } of groups) {
      expect(title).toBe(task.describe(prompt));
      expect(completions).toHaveLength(settings.options.numGenerations);
      for (const { tokens, push, logProbs, rewards, attempts, truncated } of completions) {
        const completion = tokens.join('');
        expect(task.tokenizer.encode(completion).map((id) => task.tokenizer.decode([id]))).toEqual(tokens);
        expect([push.length, logProbs.length]).toEqual([tokens.length, tokens.length]);
        expect(truncated).toBe(tokens.at(-1) !== '<eos>');
        for (const [name, value] of Object.entries(rewards))
          expect(task.rewards[name]?.(prompt, completion), completion).toBe(value);
        expect(attempts.map(({ start, end }) => tokens.slice(start, end).join(''))).toEqual(
          task.attempts(prompt, completion).map((attempt) => attempt.text),
        );
      }
    }
  });

  it('shows the aha: wait after a wrong try and not after a right one, worth nothing once forbidden', () => {
    const [base, last] = [evaluated[0], evaluated.at(-1)].map((step) => step?.metrics ?? {});
    const rise = (name: string): number => (last?.[name] ?? NaN) - (base?.[name] ?? NaN);
    expect(rise('eval/wait_given_wrong')).toBeGreaterThan(0.4);
    expect(last?.['eval/wait_given_right']).toBeLessThan(0.1);
    expect(rise('eval/accuracy')).toBeGreaterThan(0.3);
    expect(rise('eval/accuracy_without_wait')).toBeLessThan(rise('eval/accuracy') / 3);
  });
});

describe('the README', () => {
  const told = [...README.matchAll(/^\| +(\d+) \|(.*)\|$/gmu)].map(([, step = '', cells = '']) => [
    Number(step),
    ...cells.split('|').map((cell) => cell.trim()),
  ]);
  const { evaluated, started } = runs.find(({ file }) => README.includes(`(\`public/${file}\``)) as (typeof runs)[number]; // prettier-ignore

  it('tells the figures of the recorded run', () => {
    expect(told.length).toBeGreaterThan(1);
    const percent = (value = NaN): string => `${Math.round(value * 100)}%`;
    const rows = told.map(([step]) => {
      const metrics = evaluated.find((each) => each.step === step)?.metrics ?? {};
      return [
        step,
        percent(metrics['eval/wait_given_wrong']),
        percent(metrics['eval/wait_given_right']),
        String(Math.round(metrics['eval/mean_length'] ?? NaN)),
        percent(metrics['eval/accuracy']),
        percent(metrics['eval/accuracy_without_wait']),
      ];
    });
    expect(told).toEqual(rows);
    expect([told[0]?.[0], told.at(-1)?.[0]]).toEqual([0, started.settings.steps]);
  });

  it('tells the size of its model and the number of its problems', () => {
    expect(README).toContain(`${started.parameters.toLocaleString('en-US')} parameters`);
    const { numGenerations, promptsPerStep } = started.settings.options;
    expect(README).toContain(`on ${numGenerations * promptsPerStep} problems that no training ever sees`);
  });
});
