// Numbers in words: every sentence that the page forms from a run's figures.
import type { GroupView } from '../../worker/protocol.ts';
import { isDraft, isNeutral, type Answer, type Token } from './completions.ts';
import { firstAndLatest, type RunView, type StepRecord } from './run-view.ts';

const GROUPED = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

export function count(value: number): string {
  return GROUPED.format(value);
}

/** With its sign, the minus as wide as the plus: `+1.25`, `−0.75`. */
export function signed(value: number): string {
  const digits = Math.abs(value).toFixed(2);
  return digits === '0.00' ? '0.00' : `${value < 0 ? '−' : '+'}${digits}`;
}

/** Three figures, small ones as a power of ten: `0.42`, `36.1`, `3.1e-5`. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 0.001) return value.toExponential(1);
  return size < 10 ? value.toFixed(size < 0.1 ? 3 : 2) : size < 1000 ? value.toFixed(1) : count(value);
}

export function seconds(ms: number): string {
  if (ms < 100) return `${ms.toFixed(ms > 0 && ms < 9.95 ? 1 : 0)} ms`;
  return ms < 1000 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 1000).toFixed(1)} s`;
}

const SMALL = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];

export function inWords(value: number): string {
  return SMALL[value] ?? (value === 16 ? 'sixteen' : String(value));
}

export function groupSentence(group: GroupView): string {
  const { completions } = group;
  const size = completions.length;
  if (size === 0) return 'No answers were sampled.';
  const right = completions.filter((completion) => (completion.rewards['accuracy'] ?? 0) > 0).length;
  const mean = completions.reduce((sum, completion) => sum + completion.reward, 0) / size;
  const got =
    right === 0 ? `None of ${size} got it` : right === size ? `All ${size} got it` : `${right} of ${size} got it`;
  if (completions.every(isDraft)) {
    return `${got}. The average reward is ${mean.toFixed(2)}. This is the base model, before it has learnt anything; how far each answer is pushed comes with the first step.`;
  }
  return completions.every((completion) => isNeutral(completion.advantage))
    ? `${got}, and all earned the same reward of ${mean.toFixed(2)}. Nothing tells them apart, so this group teaches nothing.`
    : `${got}. The average reward is ${mean.toFixed(2)}; every answer is pushed up or down by how far it is from that. No critic, only the group.`;
}

export function answerSentence(answer: Answer): string {
  const { completion, advantage, waits, right } = answer;
  const parts = [
    `Answer ${answer.number}`,
    right ? 'right' : 'wrong',
    `reward ${completion.reward.toFixed(2)}`,
    ...(advantage === null ? [] : [`advantage ${signed(advantage)}`]),
    waits === 0 ? 'no wait' : waits === 1 ? 'one wait' : `${inWords(waits)} waits`,
  ];
  if (completion.truncated) parts.push('cut off');
  return parts.join(', ');
}

/** As an adverb: `up a little`, `down strongly`; null where it hardly moves. */
function direction(push: number): string | null {
  const size = Math.abs(push);
  if (size < 0.005) return null;
  const strength = size < 0.2 ? ' a little' : size < 0.6 ? '' : ' strongly';
  return `${push > 0 ? 'up' : 'down'}${strength}`;
}

export function pushWords(push: number): string {
  const way = direction(push);
  return way ? `pushed ${way}` : 'hardly moved';
}

export function tokenName(token: Token): string {
  switch (token.role) {
    case 'end-of-thought':
      return 'end of thought';
    case 'end':
      return 'end of answer';
    case 'text':
    case 'wait':
      return token.text;
    case 'yes':
    case 'no':
      return token.mistaken ? `${token.text}, mistaken` : token.text;
  }
}

export function tokenSentence({ role, text, mistaken, push, logProb }: Token): string {
  const chance = Math.exp(logProb);
  const likely = chance > 0.995 ? 'It was all but certain' : `It had a chance of ${percent(chance)}`;
  const verdict = mistaken && (role === 'yes' || role === 'no') ? `It says ${text}, and is mistaken. ` : '';
  const drawn = `${verdict}${likely} (log-prob ${logProb.toFixed(2).replace('-', '−')}).`;
  if (push === null) return drawn;
  const way = direction(push);
  return `${drawn} This step ${way ? `pushes it ${way}` : 'hardly moves it'} (${signed(push)}).`;
}

/** "It said wait after 82% of its wrong tries", null before any try was judged. */
export function waitSentence(steps: readonly StepRecord[]): string | null {
  const wrong = firstAndLatest(steps, 'aha/wait_given_wrong');
  const right = firstAndLatest(steps, 'aha/wait_given_right');
  if (!wrong || !right) return null;
  return `It said wait after ${percent(wrong.latest)} of its wrong tries and after ${percent(right.latest)} of its right ones.`;
}

/** "It solves 44% of the problems that it never trained on, 13% at the start", null before two evaluations. */
export function outcomeSentence(steps: readonly StepRecord[]): string | null {
  const solved = firstAndLatest(steps, 'eval/accuracy');
  return (
    solved &&
    `It solves ${percent(solved.latest)} of the problems that it never trained on, ${percent(solved.first)} at the start.`
  );
}

/** What a screen reader hears of the run: on changes of phase, and every 25 steps. */
export function announcement(view: RunView): string {
  const last = view.steps.at(-1);
  const total = view.settings?.steps ?? 0;
  switch (view.phase) {
    case 'empty':
      return '';
    case 'loading':
      return 'Loading.';
    case 'paused':
      return `Paused at step ${last?.step ?? 0} of ${total}.`;
    case 'finished':
      return `Finished after ${last?.step ?? 0} steps. ${waitSentence(view.steps) ?? ''}`;
    case 'failed':
      return ''; // its notice is an alert
    case 'running': {
      const mark = view.steps.findLast((record) => record.step % 25 === 0);
      if (!mark) return 'Training.';
      const accuracy = mark.metrics['rewards/accuracy/mean'] ?? mark.metrics['eval/accuracy'];
      return `Step ${mark.step} of ${total}${accuracy === undefined ? '' : `, ${percent(accuracy)} solved`}.`;
    }
  }
}
