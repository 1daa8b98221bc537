// The quiz. A question of knowledge has one right answer; a prediction is judged by a run, and every outcome has its reason.
import { firstAndLatest, type StepRecord } from '../../state/run-view.ts';
import { percent } from '../../state/sentences.ts';
import { DISTILLED, R1_AGAINST_O1 } from '../facts.ts';
import { r1Behind } from '../figures.ts';

interface Common {
  /** Under which an answer is kept. */
  readonly id: string;
  readonly question: string;
  readonly options: readonly string[];
}

export interface KnowledgeQuestion extends Common {
  readonly kind: 'knowledge';
  /** Index of the right option. */
  readonly right: number;
  readonly explanation: string;
}

export interface Outcome {
  /** Index of the option that the run bears out. */
  readonly option: number;
  /** What was measured. */
  readonly sentence: string;
}

export interface Prediction extends Common {
  readonly kind: 'prediction';
  /** The experiment, as settings in the playground's address. */
  readonly address: string;
  /** Null while the run has not measured enough. Called once the run is finished, or at any step. */
  readonly judge: (steps: readonly StepRecord[], finished: boolean) => Outcome | null;
  /** Why it came so, one an option. */
  readonly reasons: readonly string[];
}

export type QuizQuestion = KnowledgeQuestion | Prediction;

const knowledge = (
  id: string,
  question: string,
  options: readonly string[],
  right: number,
  explanation: string,
): KnowledgeQuestion => ({ kind: 'knowledge', id, question, options, right, explanation });

/** Judged by how a metric changed over a finished run: fallen, about the same, risen, as the three options say. */
function byChange(metric: string, what: string, margin: number): Prediction['judge'] {
  return (steps, finished) => {
    const values = firstAndLatest(steps, metric);
    if (!finished || !values) return null;
    const gain = values.latest - values.first;
    return {
      option: gain < -margin ? 0 : gain > margin ? 2 : 1,
      sentence: `${what} went from ${percent(values.first)} to ${percent(values.latest)}.`,
    };
  };
}

/** Judged by the mean of a share over the first five trained steps, as `PARTS` says. */
function byFirstShare(metric: string, what: string): Prediction['judge'] {
  return (steps) => {
    const shares = steps.flatMap(({ step, metrics }) => (step > 0 ? (metrics[metric] ?? []) : [])).slice(0, 5);
    if (shares.length < 5) return null;
    const share = shares.reduce((sum, value) => sum + value, 0) / shares.length;
    return {
      option: share < 1 / 4 ? 0 : share > 1 / 2 ? 2 : 1,
      sentence: `${percent(share)} of ${what} in the first five steps.`,
    };
  };
}

const PARTS = ['Less than a quarter', 'Between a quarter and a half', 'More than half'] as const;
const CHANGE = ['It falls', 'It stays about the same', 'It rises'] as const;
const qwen = (kind: 'distilled' | 'rl'): number | null =>
  DISTILLED.models.find((model) => model.kind === kind && model.model.startsWith('Qwen-32B'))?.aime ?? null;

export const QUIZ: readonly QuizQuestion[] = [
  knowledge(
    'odd-one',
    'Four answers to a problem earn 1.1, 0.1, 0.1 and 0.1. Which gets the advantage of the largest size?',
    ['The one that is right', 'The three that are wrong', 'All the same'],
    0,
    'The advantages of a group add up to 0, so one right answer among wrong ones must outweigh all of them: here +1.5 against −0.5 each.',
  ),
  {
    kind: 'prediction',
    id: 'aha',
    question: 'The aha: 250 steps from a base that says wait at random. What becomes of “wait” after a right try?',
    options: CHANGE,
    address: 'preset=aha',
    judge: byChange('eval/wait_given_right', '“Wait” after a right try', 0.05),
    reasons: [
      'After a right try another one can only spoil it, so those who wait there win less often than those who stop. At first the word grows everywhere, then it learns its place.',
      'The run was too short, or the base said it rarely from the start.',
      'In the beginning the word grows everywhere, because on the whole it helps. To learn where it does not takes longer.',
    ],
  },
  knowledge(
    'equal',
    'All sixteen answers to a problem are right. What does the group teach, beta aside?',
    ['To go on like this', 'Nothing', 'To answer more briefly'],
    1,
    'Every reward equals the mean, every advantage is 0. GRPO learns from differences only.',
  ),
  {
    kind: 'prediction',
    id: 'no-aha',
    question: 'No aha: the base hardly ever says wait. What becomes of “wait” after a wrong try?',
    options: CHANGE,
    address: 'preset=no-aha',
    judge: byChange('eval/wait_given_wrong', '“Wait” after a wrong try', 0.05),
    reasons: [
      'What hardly ever happens is hardly ever rewarded; meanwhile guessing better in one go is, and it crowds waiting out.',
      'There is next to nothing to amplify: a word that comes in a few answers of a step gives a gradient that the rest drowns.',
      'Rare is not never. Once a few waits had won, the word fed on itself.',
    ],
  },
  knowledge(
    'loss',
    'The loss prints 0.0000. What follows?',
    ['Training is finished', 'Nothing is being learnt', 'Nothing at all'],
    2,
    'With a ratio of 1 in value the advantages cancel out, while the slope is as large as ever. Look at the reward, and at the norm of the gradient.',
  ),
  {
    kind: 'prediction',
    id: 'forgetting',
    question:
      'Forgetting: no pull to the base, and a high learning rate. What becomes of the arithmetic in the thought?',
    options: CHANGE,
    address: 'preset=forgetting',
    judge: byChange('eval/arithmetic', 'Correct calculations', 0.05),
    reasons: [
      'Only the final answer earns a reward. Nothing holds the calculations in place, and large updates shake them loose.',
      'It held this time, without anything that protects it: another seed or a higher rate may tell another story.',
      'A rise means that the base still had slips to lose, and that right calculations led to more reward.',
    ],
  },
  knowledge(
    'judge',
    'Who decides that an answer is right?',
    ['A larger model', 'A critic trained alongside', 'A few lines of program'],
    2,
    'A rule: for countdown, whether the answer uses each number once and equals the target. That is why no one can talk it round.',
  ),
  {
    kind: 'prediction',
    id: 'pairs',
    question:
      'Groups of two, and more problems instead. How many groups teach nothing in the first steps, as both answers earn the same?',
    options: PARTS,
    address: 'preset=light-lesson&numGenerations=2&promptsPerStep=64&steps=8',
    judge: byFirstShare('frac_reward_zero_std', 'the groups had equal rewards'),
    reasons: [
      'Two answers alike are rarer than chance has it: the rewards of your run differ in more than right and wrong.',
      'If a share p of the answers is right, two are alike with probability p² + (1 − p)², which is a half at least; a run of luck brought it lower.',
      'If a share p of the answers is right, two are alike with probability p² + (1 − p)²: a half at least, and the more the rarer success is. Larger groups see a difference far more often.',
    ],
  },
  knowledge(
    'weights',
    'Every answer has the same say (lossType grpo). Two wrong answers have the same advantage. Whose tokens are pushed down harder?',
    ['Those of the short one', 'Those of the long one', 'All the same'],
    0,
    'The push of the answer is shared out among its tokens. A long wrong answer gets away lightly, which lets answers grow for no good reason: what Dr. GRPO mends.',
  ),
  {
    kind: 'prediction',
    id: 'format-only',
    question: 'Reward only the form and not the answer: weights 0 and 1. What becomes of the problems solved?',
    options: CHANGE,
    address: 'preset=light-lesson&rewardWeights=0,1&steps=30',
    judge: byChange('eval/accuracy', 'Held-out problems solved', 0.08),
    reasons: [
      'Nothing holds the answers right any more, so they drift.',
      'The base writes in good form already, so nearly all answers earn the same and nearly all advantages are 0. What it is not paid for it does not learn.',
      'Well-formed answers are right more often than broken ones; a base with much to mend in its form can gain by that alone.',
    ],
  },
  knowledge(
    'ratio',
    'What is the probability ratio of a token in the first update after sampling?',
    ['0', '1', 'It depends on the token'],
    1,
    'The policy that learns is still the policy that sampled. The ratio moves away from 1 only when the same answers are used again.',
  ),
  {
    kind: 'prediction',
    id: 'cold',
    question:
      'Sample at temperature 0.2, where the likelier token wins far more often. How many groups teach nothing in the first steps?',
    options: PARTS,
    address: 'preset=light-lesson&temperature=0.2&steps=8',
    judge: byFirstShare('frac_reward_zero_std', 'the groups had equal rewards'),
    reasons: [
      'Even so the answers differed: between some first tries the base is so undecided that no cooling picks one.',
      'Many groups say the same thing eight times and so have nothing to compare.',
      'Eight times the same answer is no group. Without variety there is nothing to choose from: exploration is not a luxury.',
    ],
  },
  knowledge(
    'forbidden',
    'Why does this page also measure the model with “wait” forbidden?',
    ['To save tokens', 'To see whether waiting causes the gain', 'To see whether it finds another word'],
    1,
    'That two curves rise together proves little. If the gain goes when the word goes, the word was what brought it.',
  ),
  {
    kind: 'prediction',
    id: 'chained',
    question: 'A pull to the base of beta = 3, many times the usual. What becomes of the problems solved?',
    options: CHANGE,
    address: 'preset=light-lesson&beta=3&steps=40',
    judge: byChange('eval/accuracy', 'Held-out problems solved', 0.08),
    reasons: [
      'It was pulled about rather than held; a smaller learning rate would tell.',
      'Every step away from the base costs more than the reward pays. What cannot move cannot learn.',
      'Even held so tightly it found something that pays at little distance from the base.',
    ],
  },
  knowledge(
    'behind',
    `DeepSeek-R1 is level with o1-1217 or ahead of it on some of ${R1_AGAINST_O1.scores.length} benchmarks. Where is it behind?`,
    ['Nowhere', `On ${r1Behind.join(', ')}`, 'On all but AIME 2024'],
    1,
    'By a little on each, except GPQA Diamond, where the gap is widest. “Matches o1” is fair as a summary, “exceeds o1” is not.',
  ),
  {
    kind: 'prediction',
    id: 'no-baseline',
    question:
      'No baseline at all (reinforce): every reward counts as its own advantage, so hardly any answer is pushed down. What becomes of the problems solved?',
    options: CHANGE,
    address: 'preset=light-lesson&advantageEstimator=reinforce&steps=60',
    judge: byChange('eval/accuracy', 'Held-out problems solved', 0.08),
    reasons: [
      'Pushing up all that it says, right or wrong, made it surer of the wrong things.',
      'It learns, but slowly: most of each push only confirms what was likely anyway. The baseline does not change where the gradient points on average, it takes the noise away.',
      'A right answer is still pushed up harder than a wrong one, and that is enough on an easy task. The baseline takes noise away; it does not change where the gradient points on average.',
    ],
  },
  knowledge(
    'distil',
    `On AIME 2024, a model of 32 billion parameters tuned on R1’s answers solves ${qwen('distilled') ?? '–'}%. How many does the same size solve with RL alone?`,
    ['More, since it found its own way', `${qwen('rl') ?? '–'}%`, 'None'],
    1,
    'Distilling was cheaper and better at that size. The paper adds that to go beyond the teacher will still take stronger bases and more RL.',
  ),
];
