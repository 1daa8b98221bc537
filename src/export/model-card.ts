// The model card, README.md of a model folder: what the model is, the command that made it, its settings and its measured figures, under
// the metadata by which the Hugging Face hub finds and lists it (https://huggingface.co/docs/hub/model-cards).
import { parameterLayout, type ModelConfig } from '../engine/config.ts';
import { DEFAULT_OPTIONS, OPTION_SPECS, type GrpoOptions } from '../grpo/options.ts';
import type { Task } from '../tasks/task.ts';
import type { WeightType } from './hugging-face.ts';
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
  /** How the weights are stored; fp32 if not given. */
  readonly weights?: WeightType | undefined;
  /** A picture of the run's curves in the same folder. */
  readonly curves?: string | undefined;
}

/** The card of a model that a run left after `step` steps. */
export function runCard(run: {
  readonly settings: LoggedSettings;
  readonly base: string;
  readonly config: ModelConfig;
  readonly task: Task;
  readonly command: string;
  readonly step: LoggedStep;
  readonly weights?: WeightType | undefined;
  readonly curves?: string | undefined;
}): string {
  const { settings, base, config, task, command, step, weights, curves } = run;
  return modelCard({
    name: runName(settings, step.step),
    config,
    task: { title: task.title, asks: task.asks, examplePrompt: task.heldOut[0] as string },
    training: { kind: 'grpo', base, steps: step.step, options: settings.options },
    command,
    seed: settings.seed,
    metrics: step.metrics,
    weights,
    curves,
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
    `---\n${metadata(card)}\n---`,
    `# ${card.name}`,
    `A Llama of ${parameterCount(config).toLocaleString('en')} parameters for toy arithmetic. ${card.task.title}: ${card.task.asks} ${origin} ` +
      'It knows nothing else.' +
      (card.weights === 'fp16' ? ' Its weights are rounded to half precision.' : ''),
    `## Use\n\n\`\`\`python\n${usage(card)}\n\`\`\`\n\n\`onnx/model.onnx\` is the same model for ONNX Runtime and transformers.js.`,
    `## How it was made\n\nSeed ${card.seed}:\n\n\`\`\`sh\n${card.command}\n\`\`\``,
    ...(training.kind === 'grpo' ? [changedOptions(training.options)] : []),
    ...(card.curves === undefined ? [] : [`## Curves\n\n![What was measured, step by step](${card.curves})`]),
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

/** YAML; a text that may hold anything is quoted as in JSON, which YAML reads too. */
function metadata({ name, task, training, metrics }: ModelCard): string {
  const learnt = training.kind === 'grpo';
  const tags = [
    ...(learnt ? ['grpo', 'reinforcement-learning'] : []),
    'llama',
    'arithmetic',
    'onnx',
    'transformers.js',
  ];
  const measured = Object.entries(metrics).filter(([metric, value]) => metric.startsWith('eval/') && isFinite(value));
  const results = [
    'model-index:',
    `- name: ${JSON.stringify(name)}`,
    '  results:',
    '  - task:',
    '      type: text-generation',
    '    dataset:',
    `      name: ${JSON.stringify(`${task.title}, held-out problems`)}`,
    '      type: generated',
    '    metrics:',
    ...measured.map(([metric, value]) => `    - type: ${metric.slice('eval/'.length)}\n      value: ${figure(value)}`),
  ];
  return [
    'library_name: transformers',
    'pipeline_tag: text-generation',
    'license: mit',
    ...(learnt && isModelId(training.base) ? [`base_model: ${JSON.stringify(training.base)}`] : []),
    'tags:',
    ...tags.map((tag) => `- ${tag}`),
    ...(measured.length > 0 ? results : []),
  ].join('\n');
}

/** As the hub names a model: `name` or `owner/name`. */
function isModelId(name: string): boolean {
  return /^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(name);
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
