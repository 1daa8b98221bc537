// What a task is. One file a task implements this; registry.ts lists them.
import type { Random } from '../base/random.ts';
import type { Tokenizer } from './tokenizer.ts';

export const TASK_NAMES = ['countdown', 'countdown-easy', 'addition'] as const;
export type TaskName = (typeof TASK_NAMES)[number];

/** Text forms never hold `<bos>`; a prompt ends in `<think>`, a completion in `<eos>` unless it was truncated. */
export interface Demonstration {
  readonly prompt: string;
  readonly completion: string;
}

/** One attempt inside a thought, judged by the truth and not by what the model claims. */
export interface Attempt {
  /** The attempt as written, verdict and wait not included: `3+5*7=38`. */
  readonly text: string;
  /** It is a valid solution of the problem. */
  readonly right: boolean;
  /** Every calculation in it is correct. */
  readonly arithmetic: boolean;
  /** The model's own verdict: yes, no, or none given. */
  readonly verdict: 'yes' | 'no' | null;
  /** The verdict agrees with what is written: yes exactly if the stated result is what was asked and the attempt is well formed and calculated right. */
  readonly verdictRight: boolean;
  /** The next token after the verdict is "wait". Null where the completion was cut off before it could be. */
  readonly waited: boolean | null;
  /** The same attempt was already written in this thought. */
  readonly repeated: boolean;
}

/** Reward functions by name, each from a prompt and a completion text to a number; pure, total, never throwing on any completion. */
export type RewardFunctions = Readonly<Record<string, (prompt: string, completion: string) => number>>;

export interface Task {
  readonly name: TaskName;
  /** As shown to a person: "Countdown". */
  readonly title: string;
  /** One sentence: what it asks. */
  readonly asks: string;
  /** One sentence: what may emerge. */
  readonly emerges: string;
  readonly tokenizer: Tokenizer;
  /** Longest completion worth sampling, in tokens. */
  readonly maxCompletionLength: number;
  /** A training prompt (ends in `<think>`); never one of `heldOut`. */
  samplePrompt(random: Random): string;
  /** 512 prompts that `samplePrompt` and `sampleDemonstration` never draw. */
  readonly heldOut: readonly string[];
  /** A pretraining text: random attempts with right verdicts; after every verdict "wait" follows with probability waitPrior, right or wrong. */
  sampleDemonstration(random: Random, waitPrior: number): Demonstration;
  /**
   * A cold-start text of at most `maxLength` tokens: waits after every wrong attempt, comes to no result twice, searches in order
   * where the task has one, stops at the right attempt. `maxLength` must hold at least one attempt with its answer.
   */
  sampleTrace(random: Random, maxLength: number): Demonstration;
  /** Whether the text is a prompt of this task. */
  owns(prompt: string): boolean;
  /** `accuracy` (0 or 1) and `format` (0 or 0.1). Throws PlaygroundError bad-settings if the prompt is not one of this task's. */
  readonly rewards: RewardFunctions;
  /** The attempts of a thought, in order. Total: any completion text is accepted. */
  attempts(prompt: string, completion: string): Attempt[];
  /** The prompt for a person to read: `4 5 7 → 6`. */
  describe(prompt: string): string;
}
