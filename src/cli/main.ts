// npm run -s grpo -- COMMAND: the page's engine on a command line.
import { PlaygroundError } from '../base/errors.ts';
import { UsageError } from './arguments.ts';
import { bench } from './commands/bench.ts';
import { compareEstimatorsOn } from './commands/compare-estimators.ts';
import { distillModel } from './commands/distill.ts';
import { evaluateModel } from './commands/eval.ts';
import { exportModel } from './commands/export.ts';
import { loss } from './commands/loss.ts';
import { pipeline } from './commands/pipeline.ts';
import { pretrainBase } from './commands/pretrain.ts';
import { reward } from './commands/reward.ts';
import { sample } from './commands/sample.ts';
import { score } from './commands/score.ts';
import { fineTuneModel } from './commands/sft.ts';
import { tabulateStory } from './commands/story-table.ts';
import { story } from './commands/story.ts';
import { train } from './commands/train.ts';
import { trl } from './commands/trl.ts';
import { waitPriors } from './commands/wait-priors.ts';

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<void> | void>> = {
  train,
  pretrain: pretrainBase,
  eval: evaluateModel,
  export: exportModel,
  sample,
  score,
  reward,
  loss,
  sft: fineTuneModel,
  pipeline,
  distill: distillModel,
  'wait-priors': waitPriors,
  story,
  'story-table': tabulateStory,
  'compare-estimators': compareEstimatorsOn,
  trl,
  bench,
};

const USAGE = `npm run -s grpo -- COMMAND [OPTIONS]

A model or a run that is read may be a folder or a zip.

  train     GRPO from a preset; writes the model and run/ with settings, log and completions
              --preset P --out DIR [--model PATH] [--seed N] [--steps N] [--set name=value ...] [--record FILE]
              --resume PATH --out DIR [--steps N] [--record FILE]     goes on where that run stopped
  pretrain  a base model from random weights
              --task T[,T ...] --out DIR [--wait-prior p] [--language-switching p] [--seed N] [--steps N]
              [--hidden-size D] [--layers L] [--heads H]
  eval      accuracy and the habit of saying wait, on 512 held-out problems
              --model DIR --task T [--temperature t] [--ban TOKEN] [--seed N] [--completions FILE]
  export    a model folder written anew, with its ONNX file; in fp16, weights take half the space
              --model DIR --out DIR [--dtype fp32|fp16]
  sample    completions of a prompt
              --model DIR --prompt TEXT [--temperature t] [--count N] [--seed N]
  score     token ids of a text, <bos> first, and the log-prob of every token after it
              --model DIR --text TEXT
  reward    what a task's reward functions give
              --task T --prompt TEXT --completion TEXT
  loss      loss, metrics, advantages and gradient norms of one step; nothing is updated
              --model DIR --rollout FILE [--ref DIR] [--set name=value ...]
  sft       trains a model on prompts with their completions, {"prompt":TEXT,"completion":TEXT} a line
              --model DIR --data FILE --out DIR [--epochs N] [--batch-size N] [--learning-rate r] [--seed N]
  pipeline  R1's stages on a base that mixes two languages: cold-start, reasoning-rl, rejection-sampling, all-tasks-rl
              [--base DIR] [--stages S,S,...] [--seed N] [--set stage.name=value ...] [--out DIR]
  distill   a small model learns from a large one's answers, and by GRPO alone with as much compute
              --teacher DIR [--student DIR] [--seed N] [--set part.name=value ...] [--out DIR]
  wait-priors  bases that say wait more or less often, pretrained and then trained by GRPO
              [--priors p,p,...] [--seed N] [--set part.name=value ...]
  story     R1-Zero, the pipeline and distillation, one row of JSON for every model
              --out FILE [--models DIR] [--base DIR] [--student DIR] [--seed N] [--set stage.name=value ...]
  story-table  the rows of several seeds as one table
              --rows FILE,FILE,... [--estimators FILE,FILE,...] [--out FILE]
  compare-estimators  PPO with a critic, GRPO, RLOO and REINFORCE on one task, and what each gains for its cost
              [--preset P] [--model DIR] [--estimators ppo,grpo,...] [--seed N] [--steps N] [--set name=value ...]
  trl       a folder that trains a run, or a preset, on a cluster with TRL; nothing is trained here
              --run DIR|ZIP --out DIR [--model DIR], or --preset P --out DIR [--model DIR] [--seed N] [--steps N] [--set name=value ...]
  bench     what a step takes on this GPU and where its time goes, how that grows, and how long it is to the aha
              [--reference] [--growth] [--aha] [--compare FILE] [--scale full|light|tiny]
              [--hidden-size D] [--layers L] [--heads H] [--sequences B] [--new-tokens N] [--repeats R]
              [--decoder layered|fused] [--fused-tokens K] [--fused-threads N]

With --json, standard output is JSON lines and nothing else; eval, score, reward and loss always print one such line.
Exit status: 2 for wrong use, 1 for any other failure, each with one line on standard error.`;

// Whoever reads the output may have seen enough, as `head` does.
process.stdout.on('error', () => process.exit(1));

try {
  const [name = '', ...args] = process.argv.slice(2);
  if (name === '--help' || args.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
  } else {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) {
      const came = name === '' ? 'nothing' : `"${name}"`;
      throw new UsageError(`expected --help or a command, ${Object.keys(COMMANDS).join(', ')}, but got ${came}`);
    }
    await command(args);
  }
} catch (error) {
  const wrongUse = error instanceof UsageError || (error instanceof PlaygroundError && error.name === 'bad-settings');
  process.stderr.write(`grpo: ${isKnown(error) ? oneLine(error) : describe(error)}\n`);
  process.exitCode = wrongUse ? 2 : 1;
}

/** Ours, or the operating system's, such as a disk that is full. */
function isKnown(error: unknown): error is Error {
  return (
    error instanceof UsageError || error instanceof PlaygroundError || (error instanceof Error && 'syscall' in error)
  );
}

function oneLine({ name, message }: Error): string {
  return `${name}: ${message}`.replaceAll(/\s*\n\s*/g, ' ');
}

/** A mistake in this program: the stack says where. */
function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
