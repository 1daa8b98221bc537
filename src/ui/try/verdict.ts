// The verifier's word on a completion, and the sentences about one answer or the vote of several.
import type { Completion } from '../../inference/client.ts';
import { majorityChance, tally, type Vote } from '../../inference/votes.ts';
import { locateAttempts } from '../../tasks/attempts.ts';
import { answerOf, WAITS } from '../../tasks/completion.ts';
import type { Task } from '../../tasks/task.ts';
import { toAnswer, type Answer } from '../state/completions.ts';
import { inWords, percent } from '../state/sentences.ts';

/** A completion that may still be growing, as the page shows it. */
export function answerView(task: Task, prompt: string, { tokens, finished }: Completion, index: number): Answer {
  const accuracy = task.rewards['accuracy']!(prompt, tokens.join(''));
  return toAnswer(
    {
      tokens,
      push: [],
      logProbs: [],
      rewards: { accuracy },
      reward: accuracy,
      advantage: 0,
      attempts: locateAttempts(task, prompt, tokens),
      truncated: !finished,
    },
    index,
  );
}

/** The answer as it is written, and what the verifier says to it. */
export function voteOf(task: Task, prompt: string, { tokens }: Completion): Vote {
  const text = tokens.join('');
  return { answer: answerOf(text) || null, right: task.rewards['accuracy']!(prompt, text) === 1 };
}

export function verdictSentence(task: Task, prompt: string, completion: Completion, stopped: boolean): string {
  const { answer, right } = voteOf(task, prompt, completion);
  const { tokens, finished } = completion;
  const problem = task.describe(prompt);
  const waits = waitWords(tokens);
  if (right) return `Right: ${answer ?? ''} solves ${problem}. It took ${tokens.length} tokens${waits}.`;
  if (!finished)
    return `${stopped ? 'Stopped' : 'Cut off'} after ${tokens.length} ${tokens.length === 1 ? 'token' : 'tokens'}, before it came to an answer.`;
  if (answer === null) return 'Wrong: there is no answer that can be read after its thought.';
  const form = task.rewards['format']!(prompt, tokens.join('')) > 0;
  return form
    ? `Wrong: ${answer} does not solve ${problem}. It took ${tokens.length} tokens${waits}.`
    : `Wrong: ${answer} is no well-formed answer to ${problem}.`;
}

function waitWords(tokens: readonly string[]): string {
  const waits = tokens.filter((token) => WAITS.includes(token)).length;
  return waits === 0 ? ' and no wait' : ` and ${inWords(waits)} ${waits === 1 ? 'wait' : 'waits'}`;
}

/** What the vote of several answers comes to, and what a verifier would make of them. */
export function voteSentence(votes: readonly Vote[]): string {
  const counted = tally(votes);
  const [first] = counted;
  const right = votes.filter((vote) => vote.right).length;
  if (!first) return 'None came to an answer that can be read, so there is nothing to vote on.';
  const winners = counted.filter((each) => each.votes === first.votes);
  const times = first.votes === 1 ? 'once' : first.votes === 2 ? 'twice' : `${inWords(first.votes)} times`;
  const among =
    winners.length > 3 ? `${inWords(winners.length)} answers` : winners.map(({ answer }) => answer).join(' and ');
  const lot = { 0: 'wrong whichever the lot takes', 1: 'right whichever the lot takes' }[majorityChance(votes)];
  const majority =
    winners.length === 1
      ? `The majority says ${first.answer}, ${times}, which is ${first.right ? 'right' : 'wrong'}.`
      : `The vote is tied between ${among}, ${times} each: ${lot ?? `right in ${percent(majorityChance(votes))} of draws by lot`}.`;
  const best =
    right === 0
      ? 'Not one is right, so no verifier could pick a right one.'
      : `${capital(inWords(right))} of ${inWords(votes.length)} ${right === 1 ? 'is' : 'are'} right, so a verifier that picks finds ${right === 1 ? 'it' : 'one'}.`;
  return `${majority} ${best}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
