// npm run -s grpo -- COMMAND: the page's engine on a command line. Wrong use: one line on standard error, exit status 2.
import { PlaygroundError } from '../base/errors.ts';
import { UsageError } from './arguments.ts';
import { bench } from './commands/bench.ts';
import { evaluateModel } from './commands/eval.ts';
import { loss } from './commands/loss.ts';
import { pretrainBase } from './commands/pretrain.ts';
import { reward } from './commands/reward.ts';
import { sample } from './commands/sample.ts';
import { score } from './commands/score.ts';
import { train } from './commands/train.ts';

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<void> | void>> = {
  train,
  pretrain: pretrainBase,
  eval: evaluateModel,
  sample,
  score,
  reward,
  loss,
  bench,
};

try {
  const [name = '', ...args] = process.argv.slice(2);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command)
    throw new UsageError(`expected a command, one of ${Object.keys(COMMANDS).join(', ')}, but got "${name}"`);
  await command(args);
  process.exitCode = 0;
} catch (error) {
  const wrongUse = error instanceof UsageError || (error instanceof PlaygroundError && error.name === 'bad-settings');
  const known = wrongUse || error instanceof PlaygroundError;
  const text =
    error instanceof Error
      ? known
        ? `${error.name}: ${error.message}`
        : (error.stack ?? error.message)
      : String(error);
  process.stderr.write(`grpo: ${text}\n`);
  process.exitCode = wrongUse ? 2 : 1;
}
