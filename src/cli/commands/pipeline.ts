// pipeline: stages of R1 on a base, each with its row on the scoreboard
import { join } from 'node:path';
import { writeModelFolder } from '../../export/hugging-face.ts';
import { PIPELINE, runPipeline, STAGE_NAMES, type StageName } from '../../recipes/pipeline.ts';
import { Tokenizer } from '../../tasks/tokenizer.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { eventPrinter, experimentEngine, rowPrinter } from '../experiment.ts';
import { MODELS, readModel, requireFolder, writeFiles } from '../files.ts';
import { withGpu } from '../node-gpu.ts';
import { override } from '../overrides.ts';

export async function pipeline(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['base', 'stages', 'seed', 'set', 'out']);
  const seed = given.seed();
  const tokenizer = new Tokenizer();
  const { checkpoint: base } = readModel(given.text('base') ?? join(MODELS, 'two-languages'), tokenizer);
  const stages = readStages(given.text('stages'));
  const settings = given.sets.reduce(override, { ...PIPELINE, stages, seed });
  const out = given.text('out');
  if (out !== undefined) requireFolder(out);

  await withGpu(async (gpu) => {
    const engine = await experimentEngine(gpu, base, settings.maxCompletionLength);
    const printRow = rowPrinter(given.json, seed);
    let place = 0;
    for await (const row of runPipeline(engine, base, settings, eventPrinter(given.json))) {
      printRow(row, engine);
      place += 1;
      if (out === undefined) continue;
      writeFiles(join(out, `${place}-${row.model}`), writeModelFolder(await engine.checkpoint(), tokenizer));
    }
  });
}

/** Names with commas between, in the order in which they run. */
function readStages(text: string | undefined): readonly StageName[] {
  if (text === undefined) return STAGE_NAMES;
  return text.split(',').map((name) => {
    const stage = STAGE_NAMES.find((known) => known === name);
    if (!stage) throw new UsageError(`--stages takes names of ${STAGE_NAMES.join(', ')}, but one is "${name}"`);
    return stage;
  });
}
