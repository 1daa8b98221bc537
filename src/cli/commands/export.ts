// export: a model folder written anew, with its ONNX file, in full or half precision
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WEIGHT_TYPES, writeModelFolder } from '../../export/hugging-face.ts';
import { Arguments, UsageError } from '../arguments.ts';
import { readFile, readModel, requireFolder, tell, writeFiles } from '../files.ts';

export function exportModel(args: readonly string[]): void {
  const given = new Arguments(args, ['model', 'out', 'dtype']);
  const folder = given.required('model');
  const { checkpoint, tokenizer } = readModel(folder);
  const out = given.required('out');
  const asked = given.text('dtype') ?? 'fp32';
  const dtype = WEIGHT_TYPES.find((type) => type === asked);
  if (!dtype) throw new UsageError(`--dtype must be one of ${WEIGHT_TYPES.join(', ')}, but it is "${asked}"`);
  requireFolder(out);
  const cardPath = join(folder, 'README.md');
  const card = existsSync(cardPath) ? new TextDecoder().decode(readFile(cardPath)) : undefined;
  const files = writeModelFolder(checkpoint, tokenizer, card, dtype);
  writeFiles(out, files);
  tell(`wrote ${[...files.keys()].join(', ')} to ${out}`);
}
