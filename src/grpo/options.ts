// Every option of a GRPO run: its default, its range, what it means and when it helps. Names are those of TRL's GRPOConfig, and for
// the critic of its PPOConfig, in camelCase.
import { PlaygroundError } from '../base/errors.ts';

export const LOSS_TYPES = ['grpo', 'bnpo', 'dapo', 'dr_grpo', 'cispo', 'sapo'] as const;
export const SCALE_REWARDS = ['group', 'batch', 'none'] as const;
export const IMPORTANCE_SAMPLING_LEVELS = ['token', 'sequence'] as const;
export const ADVANTAGE_ESTIMATORS = ['grpo', 'rloo', 'reinforce', 'ppo'] as const;
/** Options of the critic, which only the estimator ppo has: with another they stay at their defaults. */
export const CRITIC_OPTIONS = ['gamma', 'lam', 'criticLearningRate', 'vfCoef', 'cliprangeValue'] as const;

export interface GrpoOptions {
  readonly numGenerations: number;
  readonly promptsPerStep: number;
  readonly maxCompletionLength: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly learningRate: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  readonly warmupSteps: number;
  readonly beta: number;
  readonly numIterations: number;
  readonly epsilon: number;
  readonly epsilonHigh: number;
  /** Null: no cap. */
  readonly delta: number | null;
  readonly lossType: (typeof LOSS_TYPES)[number];
  readonly importanceSamplingLevel: (typeof IMPORTANCE_SAMPLING_LEVELS)[number];
  readonly advantageEstimator: (typeof ADVANTAGE_ESTIMATORS)[number];
  readonly scaleRewards: (typeof SCALE_REWARDS)[number];
  /** One weight a reward function, in the order [accuracy, format]. */
  readonly rewardWeights: readonly number[];
  readonly maskTruncatedCompletions: boolean;
  readonly topEntropyQuantile: number;
  readonly entropyCoef: number;
  readonly syncRefModel: boolean;
  readonly refModelMixupAlpha: number;
  readonly refModelSyncSteps: number;
  readonly gamma: number;
  readonly lam: number;
  readonly criticLearningRate: number;
  readonly vfCoef: number;
  readonly cliprangeValue: number;
}

export type OptionSpec = { readonly meaning: string; readonly advanced: boolean } & (
  | {
      readonly kind: 'number';
      readonly default: number;
      readonly min: number;
      readonly max: number;
      readonly integer: boolean;
    }
  | { readonly kind: 'optional-number'; readonly default: number | null; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly default: string; readonly choices: readonly string[] }
  | { readonly kind: 'numbers'; readonly default: readonly number[]; readonly min: number; readonly max: number }
  | { readonly kind: 'boolean'; readonly default: boolean }
);

const numeric =
  (integer: boolean) =>
  (value: number, min: number, max: number, meaning: string, advanced = true): OptionSpec => ({
    kind: 'number',
    default: value,
    min,
    max,
    integer,
    meaning,
    advanced,
  });
const number = numeric(false);
const integer = numeric(true);
const choice = (value: string, choices: readonly string[], meaning: string): OptionSpec => ({
  kind: 'choice',
  default: value,
  choices,
  meaning,
  advanced: true,
});

/** What the page shows and what `validateOptions` enforces: one table. */
export const OPTION_SPECS: Readonly<Record<keyof GrpoOptions, OptionSpec>> = {
  numGenerations: integer(
    16,
    1,
    64,
    'Answers sampled for each problem: the group that an answer is compared with.',
    false,
  ),
  promptsPerStep: integer(32, 1, 256, 'Problems in one step.', false),
  maxCompletionLength: integer(
    100,
    4,
    224,
    'Longest answer in tokens; a longer one is cut off and counts as truncated.',
  ),
  temperature: number(1, 0.05, 5, 'How freely it samples: below 1 it plays safe, above 1 it tries more.', false),
  topK: integer(0, 0, 64, 'Sample only among this many likeliest tokens; 0 allows all.'),
  topP: number(1, 0.01, 1, 'Sample only among the likeliest tokens that together hold this probability.'),
  minP: number(0, 0, 1, 'Leave out tokens less likely than this share of the likeliest one.'),
  learningRate: number(1e-4, 0, 0.1, 'Size of each update. Too high, and it forgets how to calculate.', false),
  adamBeta1: number(0.9, 0, 0.9999, 'AdamW: how long the mean of the gradients remembers.'),
  adamBeta2: number(0.95, 0, 0.99999, 'AdamW: how long the mean of their squares remembers.'),
  weightDecay: number(0, 0, 10, 'AdamW: pull of every weight matrix towards zero.'),
  maxGradNorm: number(1, 1e-6, 1e6, 'A longer gradient is scaled down to this length.'),
  warmupSteps: integer(10, 0, 10000, 'Steps over which the learning rate rises to its full value.'),
  beta: number(
    0.04,
    0,
    10,
    'Pull back to the base model (KL). At 0 it may forget; too high, and it cannot change.',
    false,
  ),
  numIterations: integer(1, 1, 16, 'Updates made on one set of sampled answers.'),
  epsilon: number(0.2, 0, 100, 'Clip: a token is pushed down no further once its probability fell by this share.'),
  epsilonHigh: number(
    0.28,
    0,
    100,
    'Clip: a token is pushed up no further once its probability rose by this share. For cispo, the largest weight itself.',
  ),
  delta: {
    kind: 'optional-number',
    default: null,
    min: 1,
    max: 1e6,
    meaning: 'Cap on the probability ratio where the advantage is negative; none by default.',
    advanced: true,
  },
  lossType: choice(
    'dapo',
    LOSS_TYPES,
    'How token losses become one number: each answer alike (grpo), each token alike (dapo, bnpo), a fixed length (dr_grpo), or other clips (cispo, sapo).',
  ),
  importanceSamplingLevel: choice(
    'token',
    IMPORTANCE_SAMPLING_LEVELS,
    'Probability ratios for each token, or one for the whole answer (GSPO).',
  ),
  advantageEstimator: choice(
    'grpo',
    ADVANTAGE_ESTIMATORS,
    "The baseline: the group's mean (grpo), the mean of the others (rloo), none (reinforce), or what a critic, a second model trained beside the policy, expects at each token (ppo). The critic helps where answers to one problem cannot be compared; it costs a model's memory and time.",
  ),
  scaleRewards: choice(
    'group',
    SCALE_REWARDS,
    'Divide advantages by the spread of the group, of the whole batch, or not at all.',
  ),
  rewardWeights: {
    kind: 'numbers',
    default: [1, 1],
    min: -1000,
    max: 1000,
    meaning: 'Weight of each reward: accuracy, format.',
    advanced: true,
  },
  maskTruncatedCompletions: {
    kind: 'boolean',
    default: false,
    meaning: 'Leave answers that were cut off out of the loss.',
    advanced: true,
  },
  topEntropyQuantile: number(
    1,
    0,
    1,
    'Train only on this share of the tokens, those the model was least sure of. A small share helps where most tokens are certain anyway, as in arithmetic: the push goes to the decisions.',
  ),
  entropyCoef: number(
    0,
    0,
    1,
    'Bonus for staying uncertain. It helps where the answers of a group grow alike too early, so that nothing is left to compare.',
  ),
  syncRefModel: {
    kind: 'boolean',
    default: false,
    meaning:
      'Let the reference, the model that beta pulls to, follow the policy. It helps in long runs, where the base holds back what was learnt since.',
    advanced: true,
  },
  refModelMixupAlpha: number(
    0.6,
    0,
    1,
    'Share of the policy in each move of the reference: 1 makes it a copy; less helps where the policy swings.',
  ),
  refModelSyncSteps: integer(
    512,
    1,
    100000,
    'Steps between two moves of the reference. Fewer help a policy that learns fast; too few, and nothing holds it.',
  ),
  gamma: number(
    1,
    0,
    1,
    'Critic (ppo): share of a reward that is passed on to the token before. Below 1 helps against rambling: the later the reward, the less of it reaches the first tokens.',
  ),
  lam: number(
    0.95,
    0,
    1,
    "Critic (ppo): 1 trusts the rewards alone, 0 the critic's own forecast of the next token. Below 1 helps once the critic explains the returns: less noise, but its errors count.",
  ),
  criticLearningRate: number(
    3e-4,
    0,
    0.1,
    "Critic (ppo): size of its updates, without a warm-up. Above the policy's helps, since the critic must know the policy's chances as they change.",
  ),
  vfCoef: number(
    0.1,
    0,
    100,
    "Critic (ppo): weight of its loss. AdamW undoes it, so that it matters only where the critic's gradient is longer than maxGradNorm: less helps where that cuts off too much.",
  ),
  cliprangeValue: number(
    0.2,
    0,
    100,
    'Critic (ppo): a value is pushed no further once it moved by this much in a step. It helps where numIterations is above 1; with one update nothing has moved yet.',
  ),
};

export const DEFAULT_OPTIONS: GrpoOptions = Object.fromEntries(
  Object.entries(OPTION_SPECS).map(([name, spec]) => [name, spec.default]),
) as unknown as GrpoOptions;

/** Fills in the defaults. Throws bad-settings naming the option, what was expected and what came. */
export function resolveOptions(given: Readonly<Record<string, unknown>>): GrpoOptions {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(OPTION_SPECS, name))
      throw new PlaygroundError(
        'bad-settings',
        `there is no option "${name}"; the options are ${Object.keys(OPTION_SPECS).join(', ')}`,
      );
  }
  const merged = { ...DEFAULT_OPTIONS, ...given };
  const [first] = Object.entries(optionProblems(merged));
  if (first) throw new PlaygroundError('bad-settings', `option ${first[0]} ${first[1]}`);
  return merged;
}

/** For every option that may not be so: what it must be and what came, such as `must be a number from 0 to 1, but it is 3`. */
export function optionProblems(
  options: Readonly<Record<keyof GrpoOptions, unknown>>,
): Partial<Record<keyof GrpoOptions, string>> {
  const problems: Partial<Record<keyof GrpoOptions, string>> = {};
  for (const [name, spec] of Object.entries(OPTION_SPECS) as [keyof GrpoOptions, OptionSpec][]) {
    const wrong = complaint(spec, options[name]);
    if (wrong) problems[name] = `must be ${wrong}, but it is ${show(options[name])}`;
  }
  const { numGenerations, advantageEstimator, beta, syncRefModel } = options;
  const add = (name: keyof GrpoOptions, problem: string): void => {
    problems[name] ??= `${problem}, but it is ${show(options[name])}`;
  };
  if (!problems.advantageEstimator) {
    if ((advantageEstimator === 'grpo' || advantageEstimator === 'rloo') && (numGenerations as number) < 2)
      add('numGenerations', `must be at least 2 with advantageEstimator ${advantageEstimator}`);
    for (const name of advantageEstimator === 'ppo' ? [] : CRITIC_OPTIONS) {
      const { default: usual } = OPTION_SPECS[name];
      if (options[name] !== usual)
        add(
          name,
          `must be ${show(usual)} with advantageEstimator ${advantageEstimator as string}, which has no critic`,
        );
    }
  }
  if (syncRefModel === true && beta === 0)
    add('syncRefModel', 'must be false where beta is 0 and no reference is used');
  return problems;
}

/** An option's value from text, as on a command line or in an address. What cannot be read stays text, which resolveOptions refuses. */
export function parseOption(name: string, text: string): unknown {
  const spec = OPTION_SPECS[name as keyof GrpoOptions] as OptionSpec | undefined;
  if (!spec || spec.kind === 'choice') return text;
  if (spec.kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (spec.kind === 'optional-number' && (text === 'none' || text === 'null')) return null;
  const parse = (part: string): unknown => (part.trim() !== '' && !Number.isNaN(Number(part)) ? Number(part) : part);
  return spec.kind === 'numbers' ? text.split(',').map(parse) : parse(text);
}

/** As JSON, which would call NaN and Infinity null. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(',')}]`;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** What a value must be, or null where it is so. */
function complaint(spec: OptionSpec, value: unknown): string | null {
  const inRange = (item: unknown, min: number, max: number): boolean =>
    typeof item === 'number' && item >= min && item <= max;
  switch (spec.kind) {
    case 'number':
      return inRange(value, spec.min, spec.max) && (!spec.integer || Number.isInteger(value))
        ? null
        : `${spec.integer ? 'a whole number' : 'a number'} from ${spec.min} to ${spec.max}`;
    case 'optional-number':
      return value === null || inRange(value, spec.min, spec.max)
        ? null
        : `none or a number from ${spec.min} to ${spec.max}`;
    case 'choice':
      return spec.choices.includes(value as string) ? null : `one of ${spec.choices.join(', ')}`;
    case 'numbers':
      return Array.isArray(value) &&
        value.length === spec.default.length &&
        value.every((item) => inRange(item, spec.min, spec.max))
        ? null
        : `${spec.default.length} numbers from ${spec.min} to ${spec.max}`;
    case 'boolean':
      return typeof value === 'boolean' ? null : 'true or false';
  }
}
