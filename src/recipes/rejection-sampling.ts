// Rejection sampling: a model's own completions, of which only the right and readable ones are kept, as data for SFT.
import { Random } from '../base/random.ts';
import type { Engine } from '../engine/index.ts';
import { targetLanguageShare } from '../tasks/language.ts';
import { findTask } from '../tasks/registry.ts';
import type { Demonstration, Task, TaskName } from '../tasks/task.ts';
import { promptIds } from './environment.ts';
import { ownerOf } from './rewards.ts';
import type { ExperimentSettings } from './score.ts';

export interface SamplingPlan {
  /** Problems are taken from each in turn. */
  readonly tasks: readonly TaskName[];
  readonly prompts: number;
  readonly samplesPerPrompt: number;
  readonly temperature: number;
}

/** Why a completion is not kept: the first of these that holds. */
export const DROP_REASONS = ['wrong', 'language', 'repeats', 'duplicate'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface Selection {
  readonly kept: readonly Demonstration[];
  /** How many were dropped for each reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** Keeps apart the prompts drawn here, and the random numbers of what is sampled, from those of training and evaluation. */
const PROMPT_STREAM = 0x5a3e0000;
const SAMPLING_STEP = 0x40000000;
const PROMPTS_A_ROUND = 128;

/** Completions of training prompts from the engine's policy, in as many rounds as its room for sequences asks for. */
export async function sampleCompletions(
  engine: Engine,
  plan: SamplingPlan,
  { seed, maxCompletionLength }: Pick<ExperimentSettings, 'seed' | 'maxCompletionLength'>,
  onProgress: (done: number, total: number) => void,
): Promise<Demonstration[]> {
  const tasks = plan.tasks.map(findTask);
  const random = new Random(seed, PROMPT_STREAM);
  const prompts = Array.from({ length: plan.prompts }, (_, index) => tasks[index % tasks.length]!.samplePrompt(random));
  const { tokenizer } = tasks[0]!;
  const examples: Demonstration[] = [];
  const total = plan.prompts * plan.samplesPerPrompt;
  for (let first = 0, round = 0; first < prompts.length; first += PROMPTS_A_ROUND, round++) {
    const asked = prompts
      .slice(first, first + PROMPTS_A_ROUND)
      .flatMap((prompt) => Array.from({ length: plan.samplesPerPrompt }, () => prompt));
    const completions = await engine.generate(
      asked.map((prompt) => promptIds(tokenizer, prompt)),
      {
        temperature: plan.temperature,
        topK: 0,
        topP: 1,
        minP: 0,
        forbidden: [],
        seed,
        step: SAMPLING_STEP + round,
        eos: tokenizer.id('<eos>'),
        maxNewTokens: maxCompletionLength,
      },
    );
    completions.forEach(({ ids }, index) =>
      examples.push({ prompt: asked[index] as string, completion: tokenizer.decode(ids) }),
    );
    onProgress(examples.length, total);
  }
  return examples;
}

/** Keeps the right, readable and new ones, in their order. */
export function select(tasks: readonly TaskName[], examples: readonly Demonstration[]): Selection {
  const owners = tasks.map(findTask);
  const dropped: Record<DropReason, number> = { wrong: 0, language: 0, repeats: 0, duplicate: 0 };
  const seen = new Set<string>();
  const kept = examples.filter((example) => {
    const text = example.prompt + example.completion;
    const reason = whyNot(ownerOf(owners, example.prompt), example) ?? (seen.has(text) ? 'duplicate' : null);
    if (reason) dropped[reason] += 1;
    seen.add(text);
    return reason === null;
  });
  return { kept, dropped };
}

function whyNot(task: Task, { prompt, completion }: Demonstration): DropReason | null {
  if (task.rewards['accuracy']?.(prompt, completion) !== 1) return 'wrong';
  if (targetLanguageShare(completion) < 1) return 'language';
  return task.attempts(prompt, completion).some(({ repeated }) => repeated) ? 'repeats' : null;
}
