// The README and CONTRIBUTING.md in parts, for the tests that hold them to the code.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
export const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
export const CONTRIBUTING = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');

/** The README's code blocks in a language, without their fences. */
export function blocks(language: string): string[] {
  return [...README.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, of, text]) =>
    of === language && text !== undefined ? [text] : [],
  );
}

/** The task that the README adds: the only block of TypeScript, whose first line names its file. */
export function addedTask(): { readonly file: string; readonly source: string } {
  const [source = '', ...others] = blocks('ts');
  const [, file] = /^\/\/ (src\/tasks\/[\w-]+\.ts): /.exec(source) ?? [];
  if (file === undefined || others.length > 0)
    throw new Error('expected one block of ts in the README, which begins with "// src/tasks/<name>.ts: "');
  return { file, source };
}
