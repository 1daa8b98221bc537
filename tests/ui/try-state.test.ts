import { readdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { Completion, GenerationRequest, InferenceApi, ModelSource, Tokens } from '../../src/inference/client.ts';
import { TASKS } from '../../src/tasks/registry.ts';
import { TASK_NAMES } from '../../src/tasks/task.ts';
import { Run } from '../../src/ui/state/run.svelte.ts';
import { ModelShelf, runModel, SHIPPED_MODELS, type TryModel } from '../../src/ui/state/try-models.svelte.ts';
import { TryOut } from '../../src/ui/state/try.svelte.ts';
import { figureTable } from '../../src/ui/learn/parts/figure.ts';
import { studyFigure, studyNote } from '../../src/ui/try/study-figure.ts';
import { SETTINGS, SimulatedSession } from './simulated-run.ts';

/** Answers with what it is given, one token at a time, until it is stopped. */
class SimulatedInference implements InferenceApi {
  readonly loaded: string[] = [];
  readonly requests: GenerationRequest[] = [];
  answers: readonly string[] = ['3+5+7=15 no</think>3+5+7<eos>'];
  /** Called after every token of a batch. */
  onToken: () => void = () => undefined;
  /** Thrown by the next call. */
  fault: Error | null = null;
  #interruption = new AbortController();

  load(slot: string, source: ModelSource): Promise<void> {
    this.#throw();
    this.loaded.push(`${slot}: ${source.kind === 'shipped' ? source.name : source.kind}`);
    return Promise.resolve();
  }

  async generate(_: string, request: GenerationRequest, listener: (gained: readonly Tokens[]) => void) {
    this.#throw();
    this.requests.push(request);
    const { signal } = this.#interruption;
    const { tokenizer } = TASKS.countdown;
    const rows = Array.from({ length: request.count }, (__, row) =>
      tokenizer.encode(this.answers[row % this.answers.length] ?? '').map((id) => tokenizer.decode([id])),
    );
    let length = 0;
    while (!signal.aborted && rows.some((row) => row.length > length)) {
      listener(rows.map((row) => row.slice(length, length + 1)));
      length += 1;
      this.onToken();
      await Promise.resolve();
    }
    const completions = rows.map((row): Completion => ({
      tokens: row.slice(0, length),
      finished: length >= row.length,
    }));
    queueMicrotask(() => {
      listener(rows.map(() => ['late'])); // what is gained comes another way than the result
    });
    return completions;
  }

  stop(): Promise<void> {
    this.#interruption.abort();
    this.#interruption = new AbortController();
    return Promise.resolve();
  }

  #throw(): void {
    const { fault } = this;
    this.fault = null;
    if (fault) throw fault;
  }
}

function open(models: readonly TryModel[] = SHIPPED_MODELS) {
  const inference = new SimulatedInference();
  const tryOut = new TryOut(inference, () => models, 'countdown');
  tryOut.text = '3,5,7>22';
  return { inference, tryOut, first: tryOut.sides[0], second: tryOut.sides[1] };
}

describe('the models to try', () => {
  it('are all folders of models/', () => {
    const folders = readdirSync(new URL('../../models', import.meta.url)).sort();
    expect(SHIPPED_MODELS.map(({ key }) => key).sort()).toEqual(folders);
  });

  it('are those that know the task, and the choice falls to one that does', () => {
    const { tryOut } = open();
    tryOut.chooseModel(0, 'countdown');
    tryOut.chooseModel(1, 'two-languages');
    tryOut.chooseTask('addition');
    expect(tryOut.models.map(({ key }) => key)).toEqual(['addition', 'two-languages']);
    expect(tryOut.chosen.map((model) => model?.key)).toEqual(['addition', 'two-languages']);
    expect(TASKS.addition.heldOut).toContain(`${tryOut.text}<think>`);
  });

  it('may be added, the latest first and in place of one with the same key', async () => {
    const shelf = new ModelShelf();
    const files = new Map([['config.json', new Uint8Array()]]);
    shelf.addFolder('mine', files, ['addition']);
    shelf.addFolder('other', files);
    shelf.addFolder('mine', files);
    expect(shelf.added.map(({ title, tasks }) => [title, tasks.length])).toEqual([['mine', TASK_NAMES.length], ['other', TASK_NAMES.length]]); // prettier-ignore
    const versions = [shelf.added[0]?.version];
    for (let again = 0; again < 2; again++) {
      shelf.addFolder('mine', files);
      versions.push(shelf.added[0]?.version);
    }
    expect(new Set(versions).size).toBe(3);
    expect(await shelf.added[0]?.source()).toEqual({ kind: 'folder', files });
  });

  it('hold the weights of the run, as they are exported, once it has any', async () => {
    vi.useFakeTimers();
    const run = new Run(new SimulatedSession(100));
    expect(runModel(run)).toBeNull();
    await run.start(SETTINGS);
    await vi.advanceTimersByTimeAsync(1000);
    const before = runModel(run);
    expect(before).toMatchObject({ key: 'run', tasks: [SETTINGS.task] });
    expect(await before?.source()).toMatchObject({ kind: 'zip' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(runModel(run)?.version).not.toBe(before?.version);
    vi.useRealTimers();
  });
});

describe('an answer', () => {
  it('grows token by token and keeps to what came in the end', async () => {
    const { tryOut, inference, first } = open();
    const seen: unknown[] = [];
    inference.onToken = () => seen.push([first.phase, tryOut.busy, first.completions[0]?.tokens.length]);
    await tryOut.ask();
    expect(seen).toEqual(Array.from({ length: 16 }, (_, index) => ['answering', true, index + 1]));
    expect([first.phase, tryOut.busy]).toEqual(['answered', false]);
    await new Promise((resolve) => setTimeout(resolve));
    expect(first.completions.map(({ tokens }) => tokens.join(''))).toEqual(['3+5+7=15 no</think>3+5+7<eos>']);
  });

  it('comes from both models, for the same problem and settings', async () => {
    const { tryOut, inference, second } = open();
    tryOut.chooseModel(1, 'two-languages');
    tryOut.temperature = 0.5;
    tryOut.count = 4;
    await tryOut.ask();
    expect(inference.loaded).toEqual(['first: countdown', 'second: two-languages']);
    expect(inference.requests[0]).toEqual(inference.requests[1]);
    expect(inference.requests[0]).toMatchObject({ prompt: '3,5,7>22<think>', count: 4, temperature: 0.5 });
    expect(second.completions).toHaveLength(4);
  });

  it('opens a model once, and again when its weights are others', async () => {
    let version = 1;
    const changing = { ...SHIPPED_MODELS[0]!, get version() { return String(version); } }; // prettier-ignore
    const { tryOut, inference } = open([changing]);
    await tryOut.ask();
    await tryOut.ask();
    expect(inference.loaded).toHaveLength(1);
    version = 2;
    await tryOut.ask();
    expect(inference.loaded).toHaveLength(2);
  });

  it('is not asked of a problem that cannot be read', async () => {
    const { tryOut, inference } = open();
    tryOut.text = '3,5,7>x';
    await tryOut.ask();
    expect([inference.requests, tryOut.question]).toEqual([[], null]);
  });

  it('is stopped where it is', async () => {
    const { tryOut, inference, first } = open();
    inference.onToken = () => void tryOut.stop();
    await tryOut.ask();
    expect([tryOut.stopped, first.phase, first.completions[0]?.finished]).toEqual([true, 'answered', false]);
    expect(first.completions[0]?.tokens).toEqual(['3']);
    inference.onToken = () => undefined;
    await tryOut.ask();
    expect([tryOut.stopped, first.completions[0]?.finished]).toEqual([false, true]);
  });

  it('says what went wrong, and opens the model anew afterwards', async () => {
    const { tryOut, inference, first } = open();
    await tryOut.ask();
    inference.fault = new Error('The worker of ONNX Runtime stopped.');
    await tryOut.ask();
    expect([first.phase, first.failure]).toEqual(['failed', 'The worker of ONNX Runtime stopped.']);
    await tryOut.ask();
    expect([first.phase, first.failure, inference.loaded.length]).toEqual(['answered', null, 2]);
  });

  it('is taken away with the task or the model that it belongs to', async () => {
    const { tryOut, first } = open();
    await tryOut.ask();
    tryOut.chooseModel(0, 'two-languages');
    expect([first.phase, first.completions]).toEqual(['empty', []]);
    await tryOut.ask();
    tryOut.chooseTask('addition');
    expect([first.phase, tryOut.question]).toEqual(['empty', null]);
  });
});

describe('a study of many answers', () => {
  it('asks every model the first held-out problems, and draws both curves with their errors', async () => {
    const { tryOut, inference } = open();
    const { study } = tryOut;
    tryOut.chooseModel(1, 'two-languages');
    [study.problems, study.answers] = [8, 4];
    await tryOut.measure();
    expect(inference.requests.map(({ prompt }) => prompt)).toEqual(
      TASKS.countdown.heldOut.slice(0, 8).flatMap((prompt) => [prompt, prompt]),
    );
    expect([study.progress, study.running]).toEqual([{ done: 16, total: 16 }, false]);
    expect(study.rows.map(({ title, problems, tokens }) => [title, problems, tokens])).toEqual(
      ['countdown', 'two-languages'].map((key) => [SHIPPED_MODELS.find((model) => model.key === key)?.title, 8, 8 * 4 * 16]),
    ); // prettier-ignore
    const figure = studyFigure(study.rows, study.plan!);
    expect(figure.series.map(({ dashed }) => dashed)).toEqual([false, true, false, true]);
    const { rows } = figureTable(figure);
    expect(rows.map(([n]) => n)).toEqual(['1', '2', '4']);
    expect(rows[0]?.[1]).toMatch(/^\d+% ± \d+%$/);
    expect(studyNote(study.rows, study.plan!)).toMatch(/8 held-out problems, 32 answers of 16\.0 tokens on average/);
  });

  it('keeps what was measured when it is stopped', async () => {
    const { tryOut, inference } = open();
    const { study } = tryOut;
    inference.onToken = () => {
      if (inference.requests.length === 3) void tryOut.stop();
    };
    await tryOut.measure();
    expect([study.running, study.failure]).toEqual([false, null]);
    expect(study.rows.map(({ problems }) => problems)).toEqual([2]);
    expect(study.progress).toEqual({ done: 2, total: 32 });
  });

  it('says what went wrong, and does not run beside answers', async () => {
    const { tryOut, inference } = open();
    inference.fault = new Error('out of memory');
    await tryOut.measure();
    expect(tryOut.study.failure).toBe('out of memory');
    const asked = tryOut.ask();
    await tryOut.measure();
    expect(tryOut.study.failure).toBe('out of memory');
    await asked;
    expect(inference.requests).toHaveLength(1);
  });
});
