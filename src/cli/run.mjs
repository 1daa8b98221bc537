// Runs main.ts in Node without a build: Vite understands the TypeScript, the `?raw` shaders and the `?url` files (file: URLs
// here, data: URLs in the bundle). It can import until the program's top-level await is over, and writes to standard error only.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runnerImport } from 'vite';

const root = join(import.meta.dirname, '../..');

await runnerImport(join(import.meta.dirname, 'main.ts'), {
  root,
  server: { origin: pathToFileURL(root).href },
  logLevel: 'warn',
});
