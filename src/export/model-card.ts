// The model card, README.md of a model folder: what the model is, the command that made it, its settings and its measured figures.
import { parameterLayout, type ModelConfig } from '../engine/config.ts';
import { DEFAULT_OPTIONS, OPTION_SPECS, type GrpoOptions } from '../grpo/options.ts';
import type { Task } from '../tasks/task.ts';
import { runName, snakeCase, type LoggedSettings, type LoggedStep } from './run-log.ts';

export interface ModelCard {
  /** `countdown`, or a run's `grpo-countdown-aha-seed1-step250`. */
  readonly name: string;
  readonly config: ModelConfig;
  /** Of the task: its title, its one sentence, and a prompt as the model reads it, without `<bos>`. */
  readonly task: { readonly title: string; readonly asks: string; readonly examplePrompt: string };
  readonly training:
    | {
        readonly kind: 'pretraining';
        readonly steps: number;
        readonly waitPrior: number;
        /** Null: one language. */
        readonly languageSwitching: number | null;
      }
    | { readonly kind: 'grpo'; readonly base: string; readonly steps: number; readonly options: GrpoOptions };
  /** The exact command line that makes this model again. */
  readonly command: string;
  readonly seed: number;
  /** As measured at the end, by name; every one is shown. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The card of a model that a run left after `step` steps. */
export function runCard(run: {
  readonly settings: LoggedSettings;
  readonly base: string;
  readonly config: ModelConfig;
  readonly task: Task;
  readonly command: string;
  readonly step: LoggedStep;
}): string {
  const { settings, base, config, task, command, step } = run;
  return modelCard({
    name: runName(settings, step.step),
    config,
    task: { title: task.title, asks: task.asks, examplePrompt: task.heldOut[0] as string },
    training: { kind: 'grpo', base, steps: step.step, options: settings.options },
    command,
    seed: settings.seed,
    metrics: step.metrics,
  });
}

export function modelCard(card: ModelCard): string {
  const { config, training } = card;
  const origin =
    training.kind === 'grpo'
      ? `It was trained for ${training.steps} steps by GRPO from the base model \`${training.base}\`.`
      : `It is a base model: pretrained for ${training.steps} steps on random attempts at the task, each with its verdict. ` +
        `In that text "wait" follows a verdict with probability ${figure(training.waitPrior)}, whether the attempt was right or wrong.` +
        (training.languageSwitching === null
          ? ''
          : ` Its words are in two languages: it begins in either, and changes before a later word with probability ${figure(training.languageSwitching)}.`);
  const sections = [
    '---\nlibrary_name: transformers\npipeline_tag: text-generation\nlicense: mit\ntags:\n- grpo\n- llama\n- arithmetic\n---',
    `# ${card.name}`,
    `A Llama of ${parameterCount(config).toLocaleString('en')} parameters for toy arithmetic. ${card.task.title}: ${card.task.asks} ${origin} ` +
      'It knows nothing else.',
    `## Use\n\n\`\`\`python\n${usage(card)}\n\`\`\``,
    `## How it was made\n\nSeed ${card.seed}:\n\n\`\`\`sh\n${card.command}\n\`\`\``,
    ...(training.kind === 'grpo' ? [changedOptions(training.options)] : []),
    `## Figures\n\n${table(
      ['metric', 'value'],
      Object.entries(card.metrics).map(([name, value]) => [`\`${name}\``, figure(value)]),
    )}`,
    `## Sizes\n\n${table(
      ['vocabulary', 'width', 'MLP width', 'layers', 'heads', 'positions'],
      [
        [
          config.vocabSize,
          config.hiddenSize,
          config.intermediateSize,
          config.numLayers,
          config.numHeads,
          config.maxPositions,
        ],
      ],
    )}`,
  ];
  return `${sections.join('\n\n')}\n`;
}

function usage({ task }: ModelCard): string {
  return [
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    "tokenizer = AutoTokenizer.from_pretrained('.')",
    "model = AutoModelForCausalLM.from_pretrained('.')",
    `prompt = tokenizer('<bos>${task.examplePrompt}', return_tensors='pt')`,
    'print(tokenizer.decode(model.generate(**prompt)[0]))',
  ].join('\n');
}

function changedOptions(options: GrpoOptions): string {
  const names = (Object.keys(OPTION_SPECS) as (keyof GrpoOptions)[]).filter(
    (name) => text(options[name]) !== text(DEFAULT_OPTIONS[name]),
  );
  if (names.length === 0) return '## Settings\n\nEvery option had its default.';
  const rows = names.map((name) => [
    `\`${snakeCase(name)}\``,
    text(options[name]),
    text(DEFAULT_OPTIONS[name]),
    OPTION_SPECS[name].meaning,
  ]);
  return `## Settings\n\nOptions that differ from the defaults:\n\n${table(['option', 'value', 'default', 'meaning'], rows)}`;
}

/** As an option's value is read on a page: `0.0003`, `1, 1`, `none`. */
function text(value: GrpoOptions[keyof GrpoOptions]): string {
  if (value === null) return 'none';
  return typeof value === 'object' ? value.join(', ') : String(value);
}

/** Four significant digits. */
function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function parameterCount(config: ModelConfig): number {
  return parameterLayout(config).tensors.reduce((sum, { size }) => sum + size, 0);
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
