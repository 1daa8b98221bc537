// Whether two implementations of one model agree: in the greedy completion of every prompt, token by token, and in the log-prob of each of
// those tokens. Engine against ONNX Runtime, it checks both forward passes, both ways to decode, and the files between them.

/** A model, whoever computes it. A prompt begins with `<bos>`. */
export interface Policy {
  /** Likeliest token after likeliest token, up to `<eos>`, which is included, or to `maxNewTokens`; without the prompt. */
  complete(prompts: readonly (readonly number[])[], maxNewTokens: number): Promise<readonly (readonly number[])[]>;
  /** Nats of every token after the first, given those before it. */
  logProbs(sequences: readonly (readonly number[])[]): Promise<readonly ArrayLike<number>[]>;
}

export interface Parity {
  readonly problems: number;
  /** Problems whose completions are equal. */
  readonly identical: number;
  /** Compared by their log-probs: the first policy's completions with their prompts. */
  readonly tokens: number;
  /** Nats, of any of these tokens; infinite where one is not a number. */
  readonly maxDifference: number;
  /** All are identical, and no log-prob differs by more than `TOLERANCE_NATS`. */
  readonly passed: boolean;
}

export const TOLERANCE_NATS = 1e-3;

export async function compare(
  first: Policy,
  second: Policy,
  prompts: readonly (readonly number[])[],
  maxNewTokens: number,
): Promise<Parity> {
  const completions = await first.complete(prompts, maxNewTokens);
  const others = await second.complete(prompts, maxNewTokens);
  const identical = completions.filter((ids, problem) => ids.join() === others[problem]?.join()).length;

  const sequences = prompts.map((prompt, problem) => [...prompt, ...completions[problem]!]);
  const logProbs = await first.logProbs(sequences);
  const otherLogProbs = await second.logProbs(sequences);
  let tokens = 0;
  let maxDifference = 0;
  logProbs.forEach((row, problem) => {
    for (let token = 0; token < row.length; token++) {
      const difference = Math.abs(row[token]! - otherLogProbs[problem]![token]!);
      maxDifference = Math.max(maxDifference, Number.isNaN(difference) ? Infinity : difference);
      tokens++;
    }
  });
  const problems = prompts.length;
  return {
    problems,
    identical,
    tokens,
    maxDifference,
    passed: identical === problems && maxDifference <= TOLERANCE_NATS,
  };
}
