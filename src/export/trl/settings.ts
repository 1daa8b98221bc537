// A run's settings as TRL reads them: where every option of GrpoOptions goes, and what TRL does otherwise. TRL counts in updates
// where the playground counts in steps, each of numIterations updates on one rollout.
import { OPTION_SPECS, type GrpoOptions } from '../../grpo/options.ts';
import type { TaskName } from '../../tasks/task.ts';
import { snakeCase, type LoggedSettings } from '../run-log.ts';

export type ConfigValue = number | boolean | string | null | readonly (number | string)[];
/** Fields of TRL's GRPOConfig, and those that train.py adds to it. */
export type Config = Readonly<Record<string, ConfigValue>>;

/** A setting that this TRL folder does not train with as the run did. */
export interface Gap {
  readonly option: keyof GrpoOptions;
  readonly value: GrpoOptions[keyof GrpoOptions];
  /** Sentences: what TRL does instead. */
  readonly reason: string;
}

interface Counterpart {
  /** Empty where TRL has nothing like it. */
  readonly fields: (options: GrpoOptions) => Config;
  /** Null where TRL does the same with these options. */
  readonly gap?: (options: GrpoOptions) => string | null;
}

type OptionName = keyof GrpoOptions;
const ESTIMATOR_NEEDS = 'GRPOTrainer has no estimator but the group mean.';

const same = (option: OptionName, gap?: Counterpart['gap']): Counterpart => ({
  fields: (options) => ({ [snakeCase(option)]: options[option] }),
  ...(gap && { gap }),
});
const ofCritic: Counterpart = {
  fields: () => ({}),
  gap: ({ advantageEstimator }) => (advantageEstimator === 'ppo' ? 'GRPOTrainer has no critic.' : null),
};
const leavesOutTokens = ({ topEntropyQuantile }: GrpoOptions): boolean => topEntropyQuantile < 1;

/** Where TRL's name and unit are the same, `same` says so. Checked against TRL 1.13. */
const COUNTERPARTS: Readonly<Record<OptionName, Counterpart>> = {
  promptsPerStep: same('promptsPerStep'), // a field of train.py, which shares the step out over the GPUs
  numGenerations: {
    fields: ({ numGenerations }) => ({ num_generations: Math.max(2, numGenerations) }),
    gap: ({ numGenerations }) =>
      numGenerations < 2 ? 'GRPOTrainer compares at least two completions of a problem, and takes 2.' : null,
  },
  maxCompletionLength: same('maxCompletionLength'),
  temperature: same('temperature'),
  topK: same('topK'),
  topP: same('topP'),
  minP: { fields: ({ minP }) => ({ min_p: minP === 0 ? null : minP }) },
  learningRate: same('learningRate'),
  adamBeta1: same('adamBeta1'),
  adamBeta2: same('adamBeta2'),
  weightDecay: same('weightDecay'),
  maxGradNorm: same('maxGradNorm'),
  warmupSteps: {
    fields: ({ warmupSteps, numIterations }) => ({
      warmup_steps: warmupSteps * numIterations,
      lr_scheduler_type: 'constant_with_warmup',
    }),
  },
  beta: same('beta'),
  numIterations: same('numIterations'),
  epsilon: same('epsilon'),
  epsilonHigh: same('epsilonHigh'),
  delta: same('delta'),
  lossType: same('lossType', ({ lossType }) =>
    lossType === 'bnpo'
      ? 'TRL divides by the tokens of one batch of one GPU, the playground by those of the whole step. They agree where a step ' +
        'is one batch on one GPU; elsewhere dapo is what the playground calls bnpo.'
      : null,
  ),
  importanceSamplingLevel: same('importanceSamplingLevel'),
  advantageEstimator: {
    fields: () => ({}), // scaleRewards and rewardWeights have its part
    gap: ({ advantageEstimator }) => {
      if (advantageEstimator === 'reinforce')
        return `${ESTIMATOR_NEEDS} This folder trains with that mean as the baseline, unscaled.`;
      if (advantageEstimator === 'ppo')
        return `${ESTIMATOR_NEEDS} TRL 1.13 has no PPO trainer either; verl and OpenRLHF have one. This folder trains by GRPO, with advantages scaled by the batch, as PPO's are.`;
      return null;
    },
  },
  scaleRewards: {
    fields: ({ scaleRewards, advantageEstimator }) => ({
      scale_rewards: { grpo: scaleRewards, rloo: 'none', reinforce: 'none', ppo: 'batch' }[advantageEstimator],
    }),
  },
  rewardWeights: {
    // The mean of the others is further from a reward than the group's, by G / (G - 1): leave-one-out is the group mean with that weight.
    fields: ({ rewardWeights, advantageEstimator, numGenerations }) => ({
      reward_weights:
        advantageEstimator === 'rloo'
          ? rewardWeights.map((weight) => (weight * numGenerations) / (numGenerations - 1))
          : rewardWeights,
    }),
  },
  maskTruncatedCompletions: same('maskTruncatedCompletions'),
  topEntropyQuantile: same('topEntropyQuantile', (options) =>
    leavesOutTokens(options)
      ? 'TRL takes the quantile of one batch of every GPU, the playground that of the whole step. They agree where a step is one batch.'
      : null,
  ),
  entropyCoef: same('entropyCoef', (options) => {
    if (options.entropyCoef === 0) return null;
    const everyToken = ['dapo', 'bnpo', 'cispo'].includes(options.lossType);
    if (everyToken && !leavesOutTokens(options)) return null;
    return 'TRL weighs the bonus by its mean over the tokens that train; the playground weighs every token of the completion as the loss does.';
  }),
  syncRefModel: same('syncRefModel'),
  refModelMixupAlpha: same('refModelMixupAlpha'),
  refModelSyncSteps: {
    fields: ({ refModelSyncSteps, numIterations }) => ({ ref_model_sync_steps: refModelSyncSteps * numIterations }),
  },
  gamma: ofCritic,
  lam: ofCritic,
  criticLearningRate: ofCritic,
  vfCoef: ofCritic,
  cliprangeValue: ofCritic,
};

/** Steps between evaluations, as in the playground. */
const EVALUATE_EVERY = 25;

/** What the playground does and TRL would not by its defaults, and what TRL needs besides. */
function surroundings({ seed, steps, options: { numIterations } }: LoggedSettings): Config {
  return {
    seed,
    max_steps: steps * numIterations,
    per_device_train_batch_size: 512,
    per_device_eval_batch_size: 512,
    use_bias_correction_kl: false,
    bf16: false,
    gradient_checkpointing: false,
    shuffle_dataset: false,
    eval_strategy: 'steps',
    eval_steps: EVALUATE_EVERY * numIterations,
    eval_on_start: true,
    num_generations_eval: 1,
    logging_steps: numIterations,
    log_completions: false,
    report_to: 'tensorboard',
    output_dir: 'output',
    save_strategy: 'no',
  };
}

/** All that train.py reads from grpo.yaml for a run, and what of the run it cannot express. */
export function trlSettings(settings: LoggedSettings & { readonly task: TaskName }): {
  readonly config: Config;
  readonly gaps: readonly Gap[];
} {
  const { options } = settings;
  const counterparts = Object.entries(COUNTERPARTS) as [OptionName, Counterpart][];
  const config = Object.assign(
    { task: settings.task, reward_functions: ['accuracy', 'format'], model: 'model' },
    ...counterparts.map(([, { fields }]) => fields(options)),
    surroundings(settings),
  ) as Config;
  const gaps = counterparts.flatMap(([option, { gap }]) => {
    const reason = gap?.(options) ?? null;
    return reason === null ? [] : [{ option, value: options[option], reason }];
  });
  return { config, gaps };
}

/** What a model that reads English takes instead. Learning rate, pull to the base and length are those of GRPO scripts for TinyZero. */
export const REAL_MODEL: Config = {
  model: 'Qwen/Qwen2.5-1.5B',
  style: 'words',
  prompts_per_step: 64,
  num_generations: 8,
  max_completion_length: 1024,
  learning_rate: 1e-6,
  beta: 0.001,
  num_iterations: 1,
  per_device_train_batch_size: 8,
  per_device_eval_batch_size: 32,
  logging_steps: 1,
  eval_on_start: false,
  bf16: true,
  gradient_checkpointing: true,
  use_vllm: true,
  vllm_mode: 'colocate',
  output_dir: 'output-real-model',
  save_strategy: 'steps',
  save_steps: 50,
};

/** Comments of fields that are no option of the run. */
const MEANINGS: Readonly<Record<string, string>> = {
  reward_functions: 'In the order of reward_weights; rewards.py has others.',
  max_steps: 'Updates, num_iterations of them on each rollout.',
  warmup_steps: 'Updates over which the learning rate rises to its full value.',
  ref_model_sync_steps: 'Updates between two moves of the reference.',
  per_device_train_batch_size: 'At most: a step is shared out over the GPUs, in batches no larger than this.',
  use_bias_correction_kl: 'The KL term as in the paper; the default of TRL multiplies it by the ratio.',
  bf16: 'float32 is what the playground computes in.',
  shuffle_dataset: 'The problems come in the order of the run.',
  eval_steps: 'Updates between evaluations on held-out problems.',
};

/** As YAML, each field with what it means. Strings are quoted and numbers keep their point: YAML would read none, no and 1e-6 otherwise. */
export function yaml(config: Config): string {
  const specs = new Map(Object.entries(OPTION_SPECS).map(([name, { meaning }]) => [snakeCase(name), meaning]));
  const lines = Object.entries(config).map(([name, value]) => {
    const meaning = MEANINGS[name] ?? specs.get(name);
    return `${meaning === undefined ? '' : `# ${meaning}\n`}${name}: ${scalar(value)}\n`;
  });
  return lines.join('');
}

function scalar(value: ConfigValue): string {
  if (typeof value === 'number') return String(value).replace(/^(-?\d+)e/, '$1.0e');
  return Array.isArray(value) ? `[${value.map(scalar).join(', ')}]` : JSON.stringify(value);
}
