// Accuracy on held-out problems.
import type { Engine } from '../engine/index.ts';
import { mean } from '../grpo/metrics.ts';
import type { Task } from '../tasks/task.ts';
import { ahaMetrics } from './aha.ts';
import { promptIds } from './environment.ts';

export interface EvaluationSettings {
  readonly seed: number;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** Held-out problems, the first ones; all 512 if not given. */
  readonly problems?: number;
  /** Completions for each problem; 1 if not given. */
  readonly samples?: number;
  /** Token texts that are never drawn, such as ` wait `. */
  readonly banned?: readonly string[];
  /** The task's maxCompletionLength if not given. */
  readonly maxNewTokens?: number;
}

export interface Evaluation {
  /** Share of completions that are right. */
  readonly accuracy: number;
  /** Share of problems with at least one right completion among its samples. */
  readonly passAtK: number;
  /** Share of completions whose answer is well formed. */
  readonly format: number;
  /** Tokens, eos included. */
  readonly meanLength: number;
  /** The `aha/` shares. */
  readonly aha: Readonly<Record<string, number>>;
  /** Problem after problem. */
  readonly completions: readonly { readonly prompt: string; readonly completion: string }[];
}

/** Keeps the random numbers of an evaluation apart from those of training steps, which count from 1. */
const EVALUATION_STEP = 0x80000000;

/** Samples completions of held-out problems and judges them. Throws bad-settings, as for a banned text that is no token. */
export async function evaluate(engine: Engine, task: Task, settings: EvaluationSettings): Promise<Evaluation> {
  const { tokenizer } = task;
  const samples = settings.samples ?? 1;
  const prompts = task.heldOut.slice(0, settings.problems ?? task.heldOut.length);
  const repeated = prompts.flatMap((prompt) => Array.from({ length: samples }, () => prompt));
  const completions = await engine.generate(
    repeated.map((prompt) => promptIds(tokenizer, prompt)),
    {
      temperature: settings.temperature,
      topK: 0,
      topP: 1,
      minP: 0,
      forbidden: (settings.banned ?? []).map((symbol) => tokenizer.id(symbol)),
      seed: settings.seed,
      step: EVALUATION_STEP,
      eos: tokenizer.id('<eos>'),
      maxNewTokens: settings.maxNewTokens ?? task.maxCompletionLength,
    },
  );
  const texts = completions.map(({ ids }) => tokenizer.decode(ids));
  const graded = (name: string): number[] =>
    texts.map((text, index) => task.rewards[name]?.(repeated[index] as string, text) ?? 0);
  const right = graded('accuracy');
  const solved = prompts.map((_, problem) =>
    right.slice(problem * samples, (problem + 1) * samples).some((value) => value === 1) ? 1 : 0,
  );
  const answered = texts.map((completion, index) => ({ prompt: repeated[index] as string, completion }));
  return {
    accuracy: mean(right),
    passAtK: mean(solved),
    format: mean(graded('format').map((value) => (value > 0 ? 1 : 0))),
    meanLength: mean(completions.map(({ ids }) => ids.length)),
    aha: ahaMetrics(task, answered),
    completions: answered,
  };
}
