// Model folders and JSON lines on disk.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Checkpoint } from '../engine/index.ts';
import { readModelFolder, type Folder } from '../export/hugging-face.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';
import { UsageError } from './arguments.ts';

/** Throws bad-checkpoint for a folder that is no model of ours. */
export function readModel(folder: string): { checkpoint: Checkpoint; tokenizer: Tokenizer } {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile());
  } catch {
    throw new UsageError(`there is no model folder ${folder}`);
  }
  return readModelFolder(new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))])));
}

export function writeFiles(folder: string, files: Folder): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

/** One JSON value to a line of standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
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
