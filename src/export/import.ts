// A model from elsewhere: a folder as Hugging Face has it with a Llama that the engine can run and the vocabulary of the tasks, and the
// run that it came out of where it is one of ours that can go on. Whatever the files hold, the result is that or a bad-checkpoint error.
import type { Checkpoint } from '../engine/config.ts';
import { VOCABULARY, type Tokenizer } from '../tasks/tokenizer.ts';
import { MODEL_FILES, readModelFolder, type Folder } from './hugging-face.ts';
import { IMPORTED_RUN_FILES, readRun, type ImportedRun, type Presets } from './import-run.ts';
import { badCheckpoint, show } from './untrusted.ts';

export type { ImportedRun } from './import-run.ts';

export interface Import<Preset extends string> {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
  /** Null where there is none that can go on. */
  readonly run: ImportedRun<Preset> | null;
}

/** Of large models Hugging Face splits the weights; the first sign of it is this file. */
const SHARDS = 'model.safetensors.index.json';
/** What `readImport` looks at of a folder. */
export const IMPORTED_FILES: readonly string[] = [...MODEL_FILES, SHARDS, ...IMPORTED_RUN_FILES];

/** `presets` are those that a run may be of. Throws bad-checkpoint and nothing else. */
export function readImport<Preset extends string>(files: Folder, presets: Presets<Preset>): Import<Preset> {
  if (!files.has('model.safetensors') && files.has(SHARDS))
    throw badCheckpoint('the weights must be in one file, model.safetensors, but they are split over several');
  const { checkpoint, tokenizer } = readModelFolder(files);
  requireVocabulary(tokenizer, VOCABULARY);
  return { checkpoint, tokenizer, run: readRun(files, checkpoint.config, presets) };
}

/** Throws bad-checkpoint unless the model has exactly these symbols, in this order. */
export function requireVocabulary({ symbols }: Tokenizer, expected: readonly string[]): void {
  if (symbols.join('\n') === expected.join('\n')) return;
  const at = expected.findIndex((symbol, id) => symbols[id] !== symbol);
  const [should, is] = at < 0 ? [undefined, symbols[expected.length]] : [expected[at], symbols[at]];
  throw badCheckpoint(
    `tokenizer.json must have the vocabulary of the task, ${expected.length} symbols, but it has ${symbols.length}, and ` +
      `symbol ${at < 0 ? expected.length : at} is ${show(is)}, not ${show(should)}`,
  );
}
