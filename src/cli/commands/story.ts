// story: every experiment of the R1 story, one after the other: R1-Zero, the four stages of R1, and distillation of what they made
import { appendFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Engine } from '../../engine/index.ts';
import { writeModelFolder } from '../../export/hugging-face.ts';
import { DISTILL, distill } from '../../recipes/distill.ts';
import type { Row } from '../../recipes/experiment.ts';
import { compareWithZero, R1_ZERO } from '../../recipes/r1-zero.ts';
import { Tokenizer } from '../../tasks/tokenizer.ts';
import { Arguments } from '../arguments.ts';
import { eventPrinter, experimentEngine, rowPrinter } from '../experiment.ts';
import { MODELS, readModel, requireFolder, writeFiles } from '../files.ts';
import { withGpu } from '../node-gpu.ts';
import { override } from '../overrides.ts';

export async function story(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['out', 'models', 'base', 'student', 'seed', 'set']);
  const seed = given.seed();
  const tokenizer = new Tokenizer();
  const { checkpoint: base } = readModel(given.text('base') ?? join(MODELS, 'two-languages'), tokenizer);
  const { checkpoint: small } = readModel(given.text('student') ?? join(MODELS, 'two-languages-small'), tokenizer);
  const { teacher, student, alone } = DISTILL;
  const settings = given.sets.reduce(override, { ...R1_ZERO, distill: { teacher, student, alone }, seed });
  const out = given.required('out');
  requireFolder(dirname(out));
  const models = given.text('models');
  if (models !== undefined) requireFolder(models);
  writeFileSync(out, '');

  await withGpu(async (gpu) => {
    const onEvent = eventPrinter(given.json);
    const printRow = rowPrinter(given.json, seed);
    const keep = async (row: Row, engine: Engine): Promise<void> => {
      appendFileSync(out, `${JSON.stringify(printRow(row, engine))}\n`);
      if (models === undefined || row.model.endsWith('base')) return;
      writeFiles(join(models, row.model), writeModelFolder(await engine.checkpoint(), tokenizer));
    };
    const large = await experimentEngine(gpu, base, settings.maxCompletionLength);
    for await (const row of compareWithZero(large, base, settings, onEvent)) await keep(row, large);
    const student = await experimentEngine(gpu, small, settings.maxCompletionLength);
    const { maxCompletionLength, problems } = settings;
    const distilling = { ...settings.distill, seed, maxCompletionLength, problems };
    for await (const row of distill(large, student, small, distilling, onEvent)) await keep(row, student);
  });
}
