// node tests/reference/trl-cases.mjs FOLDER: writes a TRL folder for every task, with 10,000 completions and our rewards for them, for
// check-trl.py. The log in it is that of the recorded run.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runnerImport } from 'vite';

const out = process.argv[2];
if (!out) throw new Error('expected a folder to write to');
const root = join(import.meta.dirname, '../..');
/** @type {(path: string) => Promise<any>} */
const load = async (path) => (await runnerImport(join(root, path), { root, logLevel: 'warn' })).module;
const { caseFolders } = await load('tests/reference/trl-cases.ts');
const { MODELS, readModel } = await load('src/cli/files.ts');

const { events } = JSON.parse(readFileSync(join(root, 'public/recorded-aha.json'), 'utf8'));
const log = events.filter((/** @type {{ type: string }} */ { type }) => type === 'step');
const modelOf = (/** @type {string} */ name) => readModel(join(MODELS, name)).checkpoint;
for (const [task, files] of caseFolders(modelOf, log)) {
  for (const [path, bytes] of files) {
    const file = join(out, task, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
}
