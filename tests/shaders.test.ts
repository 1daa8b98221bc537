// Every compute entry point of shaders/ is named in a test of tests/gpu/.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const texts = (folder: string, ending: string): string[] => {
  const path = join(import.meta.dirname, folder);
  const files = readdirSync(path).filter((file) => file.endsWith(ending));
  return files.map((file) => readFileSync(join(path, file), 'utf8'));
};
const entryPoints = texts('../shaders', '.wgsl').flatMap((text) =>
  [...text.matchAll(/@compute[^{;]*?\bfn (\w+)/g)].map(([, name]) => name!),
);
const tests = texts('gpu', '.test.ts').join('\n');

describe('the shaders', () => {
  it('have as many entry points as there are @compute attributes', () => {
    const attributes = texts('../shaders', '.wgsl').flatMap((text) => text.match(/^\s*@compute\b/gm) ?? []);
    expect(entryPoints.length).toBe(attributes.length);
    expect(entryPoints.length).toBeGreaterThan(20);
  });

  it.each([...new Set(entryPoints)])('are tested on the GPU: %s', (name) => {
    expect(tests).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
