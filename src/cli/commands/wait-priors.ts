// wait-priors: bases that say wait more or less often by themselves, and what GRPO makes of each
import { compareWaitPriors, WAIT_PRIORS } from '../../recipes/wait-priors.ts';
import { untrained } from '../../recipes/pretrain.ts';
import { Arguments } from '../arguments.ts';
import { eventPrinter, rowPrinter } from '../experiment.ts';
import { withGpu } from '../node-gpu.ts';
import { override } from '../overrides.ts';

export async function waitPriors(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['priors', 'seed', 'set']);
  const seed = given.seed();
  const priors = given.text('priors')?.split(',').map(Number) ?? WAIT_PRIORS.waitPriors;
  const settings = given.sets.reduce(override, { ...WAIT_PRIORS, waitPriors: priors, seed });
  const { config } = untrained({ ...settings.base, seed });
  await withGpu(async (gpu) => {
    const printRow = rowPrinter(given.json, seed);
    for await (const row of compareWaitPriors(gpu, settings, eventPrinter(given.json))) printRow(row, { config });
  });
}
