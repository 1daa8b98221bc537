// What commands read from and write to the disk and the standard streams. A file that is not there, or a folder that cannot be
// written, is wrong use; what a file of a model holds is checked by the export.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Checkpoint } from '../engine/index.ts';
import { MODEL_FILES, readModelFolder, type Folder } from '../export/hugging-face.ts';
import { IMPORTED_FILES, requireVocabulary } from '../export/import.ts';
import { readZip } from '../export/unzip.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';
import { UsageError } from './arguments.ts';

/** Where the base models lie, seen from this file and from the bundle, dist/cli/grpo.mjs. */
export const MODELS = join(import.meta.dirname, '../../models');

/**
 * A model in a folder or a zip. With `vocabulary`, it must have exactly its symbols. Throws bad-checkpoint for what is no model of ours,
 * and UsageError for what cannot be read.
 */
export function readModel(
  path: string,
  vocabulary?: Tokenizer,
): { readonly checkpoint: Checkpoint; readonly tokenizer: Tokenizer } {
  const model = readModelFolder(readFolder(path, MODEL_FILES));
  if (vocabulary) requireVocabulary(model.tokenizer, vocabulary.symbols);
  return model;
}

/** What can be imported of a folder or a zip, or these files of it. Throws as `readModel` does. */
export function readFolder(path: string, names: readonly string[] = IMPORTED_FILES): Folder {
  const about = statSync(path, { throwIfNoEntry: false });
  if (!about) throw new UsageError(`there is no model folder or zip ${path}`);
  if (!about.isDirectory()) return readZip(readFile(path), (file) => names.includes(file));
  const found = names.filter((file) => existsSync(join(path, file)));
  return new Map(found.map((file) => [file, readFile(join(path, file))]));
}

export function readFile(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    throw new UsageError(`${path} cannot be read: ${(cause as Error).message}`);
  }
}

/** A JSON value in every line. Throws UsageError naming the line that holds none. */
export function readJsonLines(path: string): unknown[] {
  const lines = new TextDecoder().decode(readFile(path)).trim().split('\n');
  return lines.map((line, index): unknown => {
    try {
      return JSON.parse(line);
    } catch {
      throw new UsageError(`${path} must hold JSON in every line, but line ${index + 1} cannot be parsed`);
    }
  });
}

/** Makes the folder where it is missing, so that a long run does not end with nowhere to write. */
export function requireFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new UsageError(`${folder} cannot be written: ${(cause as Error).message}`);
  }
}

export function writeFiles(folder: string, files: Folder): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

/** One line for a person, or for a program. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Progress for a person. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The command line that is running, as its user would type it. */
export function commandLine(): string {
  const quote = (part: string): string => (/^[\w./=:,@%+-]+$/.test(part) ? part : `'${part.replaceAll("'", `'\\''`)}'`);
  return `npm run -s grpo -- ${process.argv.slice(2).map(quote).join(' ')}`;
}
