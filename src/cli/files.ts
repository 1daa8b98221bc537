// What commands read from and write to the disk and the standard streams. A file that is not there, or a folder that cannot be
// written, is wrong use; what a file of a model holds is checked by the export.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Checkpoint } from '../engine/index.ts';
import { MODEL_FILES, readModelFolder, type Folder } from '../export/hugging-face.ts';
import { badCheckpoint } from '../export/untrusted.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';
import { UsageError } from './arguments.ts';

/** Where the base models lie, seen from this file and from the bundle, dist/cli/grpo.mjs. */
export const MODELS = join(import.meta.dirname, '../../models');

/**
 * With `vocabulary`, the model must have exactly its symbols. Throws bad-checkpoint for a folder that is no model of ours, and
 * UsageError for one that cannot be read.
 */
export function readModel(
  folder: string,
  vocabulary?: Tokenizer,
): { readonly checkpoint: Checkpoint; readonly tokenizer: Tokenizer } {
  if (!existsSync(folder)) throw new UsageError(`there is no model folder ${folder}`);
  const files = MODEL_FILES.map((name) => [name, join(folder, name)] as const).filter(([, path]) => existsSync(path));
  const model = readModelFolder(new Map(files.map(([name, path]) => [name, readFile(path)])));
  if (vocabulary && model.tokenizer.symbols.join('\n') !== vocabulary.symbols.join('\n')) {
    const [expected, came] = [vocabulary, model.tokenizer].map(({ symbols }) => JSON.stringify(symbols));
    throw badCheckpoint(`the model in ${folder} must have the vocabulary ${expected}, but it has ${came}`);
  }
  return model;
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
