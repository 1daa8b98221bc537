// README.md of a TRL folder: how to run it, what it holds, what TRL does otherwise, and how to put a real model in place of the toy.
import { DEFAULT_OPTIONS, type GrpoOptions } from '../../grpo/options.ts';
import { snakeCase, type LoggedSettings } from '../run-log.ts';
import type { Gap } from './settings.ts';

export function trlReadme(settings: LoggedSettings, gaps: readonly Gap[], problems: number): string {
  const { task, preset, seed, steps, options } = settings;
  const { promptsPerStep, numIterations, numGenerations } = options;
  const completions = promptsPerStep * numGenerations;
  const all = steps * promptsPerStep;
  const drawAll = `python problems.py --task ${task} --seed ${seed} --steps ${steps} --prompts_per_step ${promptsPerStep} > data/train.jsonl`;
  return `# GRPO on a cluster: ${task}, preset ${preset}, seed ${seed}

This folder trains the base model of a GRPO Playground run with [TRL](https://huggingface.co/docs/trl), Hugging Face's trainer: the same
base, the same problems in the same order, the same rewards, and the same settings, as far as TRL has them. A step is ${completions} completions,
${promptsPerStep} problems with ${numGenerations} each, and ${numIterations === 1 ? 'one update' : `${numIterations} updates`}.

## Run it

\`\`\`sh
pip install -r requirements.txt

# one GPU, or none: without one it trains on the processor
CUDA_VISIBLE_DEVICES=0 accelerate launch --num_processes 1 train.py --config grpo.yaml

# four GPUs: each takes a quarter of a step, which stays ${completions} completions
accelerate launch --multi_gpu --num_processes 4 train.py --config grpo.yaml

# two machines of eight; on the second --machine_rank 1
accelerate launch --multi_gpu --num_machines 2 --num_processes 16 --machine_rank 0 \\
  --main_process_ip FIRST_MACHINE --main_process_port 29500 train.py --config grpo.yaml
\`\`\`

Any field of \`grpo.yaml\`, and any other of TRL's \`GRPOConfig\`, may also be given on the command line:

\`\`\`sh
accelerate launch --num_processes 1 train.py --config grpo.yaml --max_steps 3 --prompts_per_step 2 --num_generations 4 --eval_strategy no
\`\`\`

\`--model\` takes another model than the base, such as the folder that the playground exported after training.

## What is here

| file | what it is |
| --- | --- |
| \`grpo.yaml\` | this run's settings, as TRL names them, each with what it means |
| \`train.py\` | \`GRPOTrainer\` with these settings |
| \`rewards.py\` | the reward functions: accuracy, format, language, brevity, repeats |
| \`problems.py\` | draws problems as the playground does |
| \`data/\` | the run's problems, and 512 held-out ones that no training ever asks |
| \`model/\` | the base model, a Hugging Face folder |
| \`run/\` | the settings, and what the run logged in the playground until now |
| \`words.py\`, \`real-model.yaml\` | the same task for a real model, see below |
${
  all > problems
    ? `
\`data/train.jsonl\` holds ${problems.toLocaleString('en')} of the ${all.toLocaleString('en')} problems of the run, and training begins again with the first after the last. This draws them all:

\`\`\`sh
${drawAll}
\`\`\`
`
    : ''
}
## Settings that TRL does not take as they are

${gaps.length === 0 ? 'None: every setting of this run has its counterpart in TRL.' : gapTable(gaps)}

Two things differ in every run. TRL draws its own random numbers: the problems are the same, the completions are others from the same
distribution. And it counts updates where the playground counts steps: step ${steps} there is update ${steps * numIterations} here.

## Curves

TRL and the playground log under the same names, so that their curves lie over each other:

\`\`\`sh
tensorboard --logdir .
\`\`\`

\`\`\`python
import pandas

log = pandas.read_json("run/log.jsonl", lines=True)  # one row a step, if the run was begun in the playground
log.plot(x="step", y="reward")
\`\`\`

The accuracy on held-out problems is \`eval/rewards/accuracy/mean\` here and \`eval/accuracy\` there. \`waits\` counts how often a completion says "wait".

## A real model

The tiny model reads one token a digit and knows nothing but the task. A real one reads English: \`words.py\` asks it in words, as
[TinyZero](https://github.com/Jiayi-Pan/TinyZero) did for countdown, and reads the answer between \`<answer>\` and \`</answer>\`, with spaces and brackets where
the model likes them. \`real-model.yaml\` has the settings that go with it:

\`\`\`sh
pip install "trl[vllm]~=1.13"
accelerate launch --multi_gpu --num_processes 4 train.py --config real-model.yaml
\`\`\`

- It takes Qwen2.5-1.5B. TinyZero's authors report that a 0.5B base failed to learn to reason on countdown, and that a 3B base developed
  self-verification and search. \`--model Qwen/Qwen2.5-0.5B\` tries that for yourself.
- These are settings to start from: this project has not trained a model of that size with them.
- vLLM samples several times faster. \`--use_vllm false\` does without.
- For a chat model such as Qwen2.5-1.5B-Instruct, let \`prompt\` of \`words.py\` return a list of messages, as it says there.
- If your model marks its thought or its answer in another way, change \`answer_of\` in \`words.py\`: it is the only place that looks for the tags. For another
  task, write its problem into \`prompt\` and its check into \`accuracy\` and \`format\`.
- Digits are easy for such a model. Larger numbers make it think longer: change \`draw_countdown\` in \`problems.py\`, and the patterns of the problems in \`rewards.py\`.
- A model that does not fit on one GPU needs \`--use_fsdp\` or DeepSpeed (\`accelerate config\` asks for them).
`;
}

function gapTable(gaps: readonly Gap[]): string {
  const rows = gaps.map(
    ({ option, value, reason }) =>
      `| \`${snakeCase(option)}\` | ${text(value)} | ${text(DEFAULT_OPTIONS[option])} | ${reason} |`,
  );
  return ['| setting | in this run | default | in TRL |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function text(value: GrpoOptions[keyof GrpoOptions]): string {
  return value === null ? 'none' : String(value);
}
