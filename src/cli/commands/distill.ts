// distill: a small model learns from a large one's completions, and by GRPO alone with as much compute
import { join } from 'node:path';
import { writeModelFolder } from '../../export/hugging-face.ts';
import { DISTILL, distill } from '../../recipes/distill.ts';
import { Tokenizer } from '../../tasks/tokenizer.ts';
import { Arguments } from '../arguments.ts';
import { eventPrinter, experimentEngine, rowPrinter } from '../experiment.ts';
import { MODELS, readModel, requireFolder, writeFiles } from '../files.ts';
import { withGpu } from '../node-gpu.ts';
import { override } from '../overrides.ts';

export async function distillModel(args: readonly string[]): Promise<void> {
  const given = new Arguments(args, ['teacher', 'student', 'seed', 'set', 'out']);
  const seed = given.seed();
  const tokenizer = new Tokenizer();
  const { checkpoint: large } = readModel(given.required('teacher'), tokenizer);
  const { checkpoint: small } = readModel(given.text('student') ?? join(MODELS, 'two-languages-small'), tokenizer);
  const settings = given.sets.reduce(override, { ...DISTILL, seed });
  const out = given.text('out');
  if (out !== undefined) requireFolder(out);

  await withGpu(async (gpu) => {
    const teacher = await experimentEngine(gpu, large, settings.maxCompletionLength);
    const student = await experimentEngine(gpu, small, settings.maxCompletionLength);
    const printRow = rowPrinter(given.json, seed);
    for await (const row of distill(teacher, student, small, settings, eventPrinter(given.json))) {
      printRow(row, student);
      if (out === undefined || row.model === 'student-base') continue;
      writeFiles(join(out, row.model), writeModelFolder(await student.checkpoint(), tokenizer));
    }
  });
}
