// What people ask about GRPO and about this page. An answer that rests on a measurement takes it from the run at hand.
import { firstAndLatest, type StepRecord } from '../../state/run-view.ts';
import { figure, percent } from '../../state/sentences.ts';
import { READING, type Source } from '../facts.ts';
import type { SectionId } from '../sections.ts';

export type Pointer =
  | { readonly section: SectionId; readonly label: string }
  /** Settings for the playground, as in its address. */
  | { readonly address: string; readonly label: string };

export interface Question {
  readonly question: string;
  readonly answer: readonly string[];
  /** What a run says to it, null where it was not measured; the sentence goes on after "In the recorded run" or "In your run". */
  readonly measured?: (steps: readonly StepRecord[]) => string | null;
  readonly sources?: readonly Source[];
  readonly pointers?: readonly Pointer[];
}

/** "… went from 24% to 90%" of one metric. */
function change(
  steps: readonly StepRecord[],
  metric: string,
  tell: (first: string, latest: string) => string,
  format: (value: number) => string = percent,
): string | null {
  const values = firstAndLatest(steps, metric);
  const text = (value: number): string => format(value).replace('-', '−');
  return values && tell(text(values.first), text(values.latest));
}

export const QUESTIONS: readonly Question[] = [
  {
    question: 'Why does the loss print 0, or close to it?',
    answer: [
      'In the first update on a set of answers the probability ratio is 1, so the loss of a token is minus its advantage, and the advantages of a group add up to 0. Where every answer has the same say (lossType grpo), the sum is therefore exactly 0, and only the KL part is left. Where every token has the same say (dapo, the default here), what is left is a mean weighted by length: above 0 when the long answers did worse than the short ones.',
      'The slope of the loss is not 0, and the slope is what trains. The loss of GRPO says nothing about progress; look at the reward.',
    ],
    measured: (steps) =>
      change(
        steps,
        'policy_loss',
        (first, latest) => `it went from ${first} to ${latest} while the model learnt.`,
        figure,
      ),
    sources: [{ title: 'TRL, issue 3452', href: 'https://github.com/huggingface/trl/issues/3452' }],
    pointers: [{ section: 'formula', label: 'The formula, symbol by symbol' }],
  },
  {
    question: 'Why is there no critic?',
    answer: [
      'A baseline is needed: something to compare an answer with. PPO trains a second network for it, the critic, which guesses at every token how much reward is still to come. GRPO asks the same model for several answers to the same problem and takes their mean. That is measured, not guessed, and needs no second network in memory.',
      'It has a price. Several answers must be sampled for each problem, and all tokens of an answer get the same advantage.',
    ],
    sources: [READING.deepSeekMath, READING.ppo],
    pointers: [{ section: 'critic', label: 'Compare them, critic and all' }],
  },
  {
    question: 'Did GRPO get rid of the reward model too?',
    answer: [
      'No, rules did. Where a program can check the answer, no model needs to judge it; that is so with PPO as well. R1-Zero was trained with rules alone, for accuracy and for format. R1’s last stage used reward models again, for what no program can check: whether an answer is helpful and harmless.',
    ],
    sources: [READING.r1],
  },
  {
    question: 'Is “wait” real reasoning?',
    answer: [
      'It is a token, and what it does can be tested: after it the model makes another try. Forbid the token and see what is left. What is learnt here is a procedure, to try, to check, to try again, and when to stop. Each single try is little better than before.',
      'Whether to call that reasoning is a matter of words. It is not a feeling of surprise, and it is not an insight that the base lacked.',
    ],
    measured: (steps) => {
      const free = firstAndLatest(steps, 'eval/accuracy');
      const forbidden = firstAndLatest(steps, 'eval/accuracy_without_wait');
      return (
        free &&
        forbidden &&
        `the model solves ${percent(free.latest)} of the held-out problems, ${percent(forbidden.latest)} with the word forbidden, and solved ${percent(free.first)} before any training.`
      );
    },
    pointers: [{ section: 'aha', label: 'What “emergent” may claim' }],
  },
  {
    question: 'Was it taught to say “wait” in pretraining?',
    answer: [
      'The word, yes; when to say it, no. In the corpus “wait” follows a verdict with one fixed probability, the same after “yes” and after “no”. So the base says it at random. Any difference between the two curves comes from the reward.',
    ],
    measured: (steps) => {
      const wrong = firstAndLatest(steps, 'eval/wait_given_wrong');
      const right = firstAndLatest(steps, 'eval/wait_given_right');
      return (
        wrong &&
        right &&
        `the base said it after ${percent(wrong.first)} of its wrong tries and after ${percent(right.first)} of its right ones; at the latest evaluation it was ${percent(wrong.latest)} and ${percent(right.latest)}.`
      );
    },
  },
  {
    question: 'Why must the base be able to check itself?',
    answer: [
      'RL can only make likelier what the model already does now and then. A base that cannot calculate gains nothing from another try, and one that cannot tell right from wrong does not know when to stop. Then guessing better in one go pays more than waiting, and that is what it learns.',
      'The same was found with language models: those that already verify and backtrack take to RL, others do so only after they were shown how.',
    ],
    sources: [READING.habits, READING.tinyZero],
    pointers: [{ address: 'preset=no-aha', label: 'A base with nothing to amplify' }],
  },
  {
    question: 'Why do the answers grow longer?',
    answer: [
      'Nothing rewards length. But an answer with more tries is right more often, so among the winners of a group there are more long answers than among the losers, and what made them long is made likelier.',
      'There is a second, unwanted reason where every answer has the same say (lossType grpo): its tokens then share one push, so that in a long wrong answer each is pushed down only a little. Dr. GRPO and DAPO mend that; dapo is the default here.',
    ],
    measured: (steps) =>
      change(
        steps,
        'completions/mean_length',
        (first, latest) => `an answer went from ${first} to ${latest} tokens.`,
        figure,
      ),
    sources: [READING.understanding, READING.dapo],
    pointers: [{ section: 'formula', label: 'Compare the three weights by hand' }],
  },
  {
    question: 'Why did my run collapse?',
    answer: [
      'Mostly because the updates were too large. Only the final answer earns a reward, so nothing protects the arithmetic inside the thought but the pull to the base. With a high learning rate and a small beta it decays within a few steps, and waiting is worthless without it. Look at “Still calculates right” and at the KL, both under the hood; then lower the learning rate or raise beta.',
      'If the entropy nears 0, the model always says the same, all answers of a group earn the same, and nothing is left to learn from. If the numbers are not finite any more, the run stops as diverged and keeps its last good weights.',
    ],
    pointers: [{ address: 'preset=forgetting', label: 'Watch it forget' }],
  },
  {
    question: 'Why do some groups teach nothing?',
    answer: [
      'An advantage is a difference to the group. If all answers earn the same, all right or all wrong, there is none, and the group contributes no push. Problems that are far too hard or far too easy are therefore wasted. DAPO samples such problems anew; a larger group makes it rarer that all fail.',
    ],
    measured: (steps) =>
      change(steps, 'frac_reward_zero_std', (first, latest) => `${first} of the groups were such at first, and ${latest} in the latest step.`), // prettier-ignore
    sources: [READING.dapo],
    pointers: [{ section: 'formula', label: 'Set all rewards equal' }],
  },
  {
    question: 'How large should a group be?',
    answer: [
      'Large enough that right and wrong answers meet in it. With two answers and a rare success nearly every group is all wrong. With more, the mean is a steadier baseline and a rare success is seen more often; but for the same number of samples there are fewer problems in a step. DeepSeek sampled 16 answers to a question, and so do the presets here, the light lesson excepted.',
    ],
    sources: [READING.trl],
  },
  {
    question: 'Why does every token of an answer get the same credit?',
    answer: [
      'Because the reward is for the whole answer and nobody knows which token earned it. It works by averaging: a token that is as common in right answers as in wrong ones is pushed up as often as down, and the pushes cancel out. One that is more common in right answers stays pushed up. That needs many samples, and it is why single steps look noisy.',
    ],
  },
  {
    question: 'Is it right to divide by the standard deviation?',
    answer: [
      'It makes all groups speak equally loudly, which is steady, and it needs no thought about the size of rewards. But it also makes a group with one surprising answer among fifteen alike as loud as an evenly split one, so very hard and very easy problems get more weight than their rewards justify. Dr. GRPO leaves it out: scaleRewards none.',
    ],
    sources: [READING.understanding],
    pointers: [{ section: 'formula', label: 'Switch it off in the group' }],
  },
  {
    question: 'What is the KL for, and why that odd formula?',
    answer: [
      'It holds the model near its base, so that what no reward protects is not forgotten. The exact distance would need all tokens of the vocabulary at every place; the formula estimates it from the one token that was sampled. It is never negative, it is right on average, and it varies less than the plain log of the ratio.',
      'Much recent work leaves it out, and TRL’s default is 0. With models as small as these it is worth its price, one more forward pass a step.',
    ],
    sources: [READING.klEstimator, READING.trl],
    pointers: [{ address: 'preset=aha&beta=0', label: 'Run the aha without it' }],
  },
  {
    question: 'Why is the clip ratio 0?',
    answer: [
      'With one update on each set of answers the ratio is 1 everywhere, and there is nothing to clip. It matters from the second update on the same answers, where numIterations is 2 or more; and even then most tokens move too little to reach the limit.',
    ],
    measured: (steps) =>
      change(
        steps,
        'clip_ratio/region_mean',
        (_, latest) => `the latest value is ${latest}, as a share of all tokens.`,
        figure,
      ),
  },
  {
    question: 'Is it solving problems that it has seen?',
    answer: [
      'The curve “held out” counts only problems that neither pretraining nor RL ever draws; the task sets them aside. They are as many as a step has answers, up to 512, and are sampled at temperature 1, as in training, not with the likeliest token.',
    ],
  },
  {
    question: 'Does RL teach anything new, or does it only sharpen what was there?',
    answer: [
      'A way to look: pass@8, the share of problems that at least one of eight answers solves. If RL only moved weight to what the base would find in eight tries anyway, pass@8 would stay. Here it rises, since an answer with several tries in it finds more than one with a single try. But every piece of it, the word, the calculation, the verdict, was in the base. With language models the question is open.',
    ],
    measured: (steps) => change(steps, 'eval/pass_at_k', (first, latest) => `pass@8 went from ${first} to ${latest}.`),
  },
  {
    question: 'Can it cheat?',
    answer: [
      'Not at the final answer: a program checks it. But the thought before it is not checked, and late in a run some thoughts bend a calculation to reach the target, write “yes” and stop. You can see it as a fall of “Still calculates right”, and in the group as a “yes” with a wavy line under it.',
    ],
    measured: (steps) =>
      change(steps, 'eval/arithmetic', (first, latest) => `correct calculations went from ${first} to ${latest} of the tries.`), // prettier-ignore
  },
  {
    question: 'Why did R1 need more than RL?',
    answer: [
      'R1-Zero reasons well, but it is hard to read and mixes languages. For R1 DeepSeek first tuned the base on thousands of clean examples, the cold start; then came RL with a reward for keeping to one language; then tuning on the best samples of that model; then RL once more for all kinds of questions.',
    ],
    sources: [READING.r1],
    pointers: [{ section: 'pipeline', label: 'The four stages, in small' }],
  },
  {
    question: 'Can I train a real model this way?',
    answer: [
      'With the same algorithm, yes; with this page, no. The engine here is made for models below a few million parameters, in 32-bit floats, on one GPU. For a language model take a library such as TRL: the options have the same names there, in snake case, and so do the metrics. Begin with a base that already solves some of your problems, and with a reward that a program can compute. Small bases may not get there: TinyZero’s half-billion model did not learn to reason, the one of one and a half billion did.',
    ],
    sources: [READING.trl, READING.tinyZero],
  },
  {
    question: 'Will I get the same run as you?',
    answer: [
      'The same seed and settings draw the same problems and the same random numbers. But adapters round differently, and a single token that falls the other way changes all that comes after it. So two machines agree at first and in the outcome, not in every step.',
    ],
  },
  {
    question: 'Does anything leave my machine?',
    answer: [
      'No. The page is files from one server: program, base models, recorded runs. Training happens on your GPU, and weights leave it only if you export them. Your answers to the quiz and your scores stay in this browser.',
    ],
  },
];
