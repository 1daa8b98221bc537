// What is plotted, by the names of the metrics, each chart with the sentence behind its number.
import { figure, percent } from './sentences.ts';
import { firstAndLatest, type StepRecord } from './run-view.ts';

export interface Line {
  readonly metric: string;
  /** Names the line in its legend: "after a wrong try". */
  readonly label: string;
  readonly colour: 'up' | 'down' | 'ink';
  readonly dashed: boolean;
}

export interface ChartSpec {
  readonly title: string;
  readonly unit: string;
  /** One or two sentences: what it is, and what to look for. */
  readonly meaning: string;
  /** Shares are drawn and worded as percentages. */
  readonly share: boolean;
  readonly lines: readonly Line[];
}

const line = (metric: string, label: string, colour: Line['colour'] = 'up', dashed = false): Line => ({
  metric,
  label,
  colour,
  dashed,
});

export const STORY_CHARTS: readonly ChartSpec[] = [
  {
    title: 'When it says wait',
    unit: 'share of tries',
    meaning: 'Saying wait after a wrong try, and only then, is the aha. Nobody taught it when.',
    share: true,
    lines: [
      line('aha/wait_given_wrong', 'after a wrong try'),
      line('aha/wait_given_right', 'after a right one', 'down', true),
    ],
  },
  {
    title: 'Problems solved',
    unit: 'share of problems',
    meaning: 'If forbidding wait costs it its gain, then waiting is what it learnt.',
    share: true,
    lines: [
      line('rewards/accuracy/mean', 'in training', 'ink'),
      line('eval/accuracy', 'held out'),
      line('eval/accuracy_without_wait', 'wait forbidden', 'down', true),
    ],
  },
  {
    title: 'Length of the answer',
    unit: 'tokens',
    meaning: 'Nothing rewards length. It grows because trying again pays.',
    share: false,
    lines: [line('completions/mean_length', 'tokens')],
  },
  {
    title: 'Reward',
    unit: 'mean of a step',
    meaning: 'All that it is told: 1 for a right answer, 0.1 for a well-formed one.',
    share: false,
    lines: [line('reward', 'reward')],
  },
];

export const TRAINING_CHARTS: readonly ChartSpec[] = [
  {
    title: 'Still calculates right',
    unit: 'share of tries',
    meaning: 'Only the final answer earns a reward, so arithmetic and verdicts inside the thought can decay.',
    share: true,
    lines: [line('aha/arithmetic', 'arithmetic'), line('aha/verdict', 'verdicts', 'down', true)],
  },
  {
    title: 'Entropy',
    unit: 'nats a token',
    meaning: 'How open its choices are. Near 0 it always says the same and has nothing left to compare.',
    share: false,
    lines: [line('entropy', 'entropy')],
  },
  {
    title: 'KL to the base model',
    unit: 'nats a token',
    meaning: 'How far it has moved from the model that it started as. The option beta pulls it back.',
    share: false,
    lines: [line('kl', 'KL')],
  },
  {
    title: 'Clip ratio',
    unit: 'share of tokens',
    meaning: 'Tokens whose push was cut because their probability had moved far enough. 0 with one update a rollout.',
    share: true,
    lines: [line('clip_ratio/region_mean', 'clipped')],
  },
  {
    title: 'Gradient norm',
    unit: 'before clipping',
    meaning: 'Length of the update wanted. Longer than maxGradNorm, it is scaled down.',
    share: false,
    lines: [line('grad_norm', 'norm')],
  },
  {
    title: 'Loss',
    unit: 'policy loss',
    meaning:
      'Small, and no measure of progress: in the first update of a rollout the probability ratio is 1 in value, and the advantages of a group add up to 0; weighted by tokens they leave a little. Its gradient is not small, and is what trains.',
    share: false,
    lines: [line('policy_loss', 'loss')],
  },
  {
    title: 'Groups that teach nothing',
    unit: 'share of groups',
    meaning: 'Where all answers of a group earn the same, no advantage is left and nothing is learnt.',
    share: true,
    lines: [line('frac_reward_zero_std', 'without a difference')],
  },
];

export interface Point {
  readonly x: number;
  readonly y: number;
}

export function points(steps: readonly StepRecord[], metric: string): Point[] {
  return steps.flatMap(({ step, metrics }) => {
    const y = metrics[metric];
    return y === undefined || !Number.isFinite(y) ? [] : [{ x: step, y }];
  });
}

export function formatValue(spec: ChartSpec, value: number): string {
  return spec.share ? percent(value) : figure(value);
}

/** The chart for who cannot see it: each line's first and latest value. */
export function chartSentence(spec: ChartSpec, steps: readonly StepRecord[]): string {
  const parts = spec.lines.flatMap(({ metric, label }) => {
    const values = firstAndLatest(steps, metric);
    return values
      ? [`${label} ${formatValue(spec, values.first)} at first, ${formatValue(spec, values.latest)} now`]
      : [];
  });
  return parts.length === 0 ? `${spec.title}: nothing measured yet.` : `${spec.title}: ${parts.join('; ')}.`;
}
