// The file that `loss` reads: P prompts, G completions of each, and the reward of every completion. As JSON:
//   { "prompts": [TEXT], "completions": [[TEXT, G of them]], "rewards": [[number]], "oldLogprobs": [[[number]]] }
// A completion ends in `<eos>` unless it was truncated. oldLogprobs, one number a token, may be left out: the old policy is then
// the model itself.
import { isObject, show } from '../export/untrusted.ts';
import type { Sample } from '../grpo/objective.ts';
import { promptIds } from '../recipes/environment.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';
import { UsageError } from './arguments.ts';

/** Group after group. */
export interface Rollout {
  /** G. */
  readonly groupSize: number;
  readonly samples: readonly Sample[];
  readonly rewards: readonly number[];
  /** In nats, one a completion token. */
  readonly oldLogProbs: readonly (readonly number[])[] | null;
}

/** `at` is where the value stands, such as `rollout.json: rewards[0][2]`. Throws UsageError: where, what was expected, what came. */
type Reader<Value> = (value: unknown, at: string) => Value;

export function readRollout(json: string, file: string, tokenizer: Tokenizer): Rollout {
  const { prompts, completions, rewards, oldLogprobs, ...others } = parseObject(json, file);
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) {
    const known = 'prompts, completions, rewards and perhaps oldLogprobs';
    throw new UsageError(`${file} must hold ${known}, but it also holds ${show(unknown)}`);
  }

  const prompt = textAs((text) => promptIds(tokenizer, text));
  const completion = textAs((text) => tokenizer.encode(text));
  const promptIdLists = listOf(prompt)(prompts, `${file}: prompts`);
  const P = promptIdLists.length;
  const G = Array.isArray(completions) && Array.isArray(completions[0]) ? completions[0].length : 0;
  if (P === 0 || G === 0) throw new UsageError(`${file} must hold at least one prompt with at least one completion`);
  const groupsOf = <Item>(item: Reader<Item>): Reader<Item[][]> => listOf(listOf(item, G), P);

  const samples = groupsOf(completion)(completions, `${file}: completions`).flatMap((group, p) =>
    group.map((ids): Sample => {
      const before = promptIdLists[p] as number[];
      return { ids: [...before, ...ids], promptLength: before.length, truncated: ids.at(-1) !== tokenizer.id('<eos>') };
    }),
  );
  const old = (oldLogprobs ?? null) === null ? null : groupsOf(listOf(number))(oldLogprobs, `${file}: oldLogprobs`);
  return {
    groupSize: G,
    samples,
    rewards: groupsOf(number)(rewards, `${file}: rewards`).flat(),
    oldLogProbs: old?.flat() ?? null,
  };
}

function parseObject(json: string, file: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new UsageError(`${file} must be JSON, but it cannot be parsed: ${(cause as Error).message}`);
  }
  return isObject(value) ? value : fail(file, 'a JSON object', value);
}

const number: Reader<number> = (value, at) =>
  typeof value === 'number' && Number.isFinite(value) ? value : fail(at, 'a finite number', value);

function textAs<Value>(parse: (text: string) => Value): Reader<Value> {
  return (value, at) => {
    if (typeof value !== 'string') return fail(at, 'a text', value);
    try {
      return parse(value);
    } catch (cause) {
      throw new UsageError(`${at}: ${(cause as Error).message}`);
    }
  };
}

/** Of any length if none is given. */
function listOf<Item>(item: Reader<Item>, length?: number): Reader<Item[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length !== (length ?? value.length)) {
      return fail(at, length === undefined ? 'a list' : `a list of ${length}`, value);
    }
    return value.map((entry: unknown, index) => item(entry, `${at}[${index}]`));
  };
}

function fail(at: string, expected: string, value: unknown): never {
  const came = Array.isArray(value) ? `a list of ${value.length}` : show(value);
  throw new UsageError(`${at} must be ${expected}, but it is ${came}`);
}
