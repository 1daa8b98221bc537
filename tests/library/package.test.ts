// The package as somebody else uses it: packed, installed into an empty project, type-checked and run there.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../cli/grpo.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The program of a user: one step of GRPO on the base model that comes with the package, and the trained model's folder. */
const PROGRAM = `
import { readFile } from 'node:fs/promises';
import { Engine, environmentOf, Gpu, readModelFolder, resolveOptions, tasks, Trainer, writeModelFolder } from 'grpo-playground';
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
const dawn = create([]);
const gpu = await Gpu.open(dawn);

const read = async (file: string): Promise<[string, Uint8Array]> =>
  [file, await readFile(new URL(import.meta.resolve('grpo-playground/models/countdown-easy/' + file)))];
const files = await Promise.all(['config.json', 'tokenizer.json', 'model.safetensors'].map(read));
const { checkpoint, tokenizer } = readModelFolder(new Map(files));

const task = tasks['countdown-easy'];
const options = resolveOptions({ promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 24 });
const engine = await Engine.create(gpu, checkpoint, { maxSequences: 8, maxLength: 48 });
const trainer = await Trainer.create(engine, environmentOf(task), options, 1);
const { step, metrics, rollouts } = await trainer.step();
const texts: string[] = rollouts.map(({ ids }) => tokenizer.decode(ids));
const saved = [...writeModelFolder(await engine.checkpoint(), tokenizer).keys()];
console.log(JSON.stringify({ step, loss: metrics['loss'], gradNorm: metrics['grad_norm'], texts, saved }));
gpu.destroy();
`;

/** What it prints. */
interface Report {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly texts: readonly string[];
  readonly saved: readonly string[];
}

/** Mistakes that the types must find, whichever file of theirs says so. */
const MISTAKES = `
import { resolveOptions, tasks, type Engine, type TrainerStep } from 'grpo-playground';
export const options = resolveOptions({ numGenerations: 'four' });
export const ids = tasks.addition.tokenizer.encode(5);
export const advantage = (step: TrainerStep): string => step.rollouts[0]!.advantage;
export const weights = (engine: Engine): Promise<string> => engine.checkpoint();
`;

const COMPILER_OPTIONS = {
  strict: true,
  exactOptionalPropertyTypes: true,
  target: 'es2022',
  module: 'nodenext',
  types: ['node'],
  skipLibCheck: true, // the packages `webgpu` and TypeScript both declare WebGPU, a little differently
};

let folder = '';
let packed: { filename: string; files: { path: string }[] };

async function succeed(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { status, stdout, stderr } = await run(program, args, cwd);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'grpo-playground-'));
  await succeed('npm', ['run', '-s', 'build:library'], ROOT);
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  [packed] = JSON.parse(await succeed('npm', pack, ROOT)) as [typeof packed];
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const install = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await succeed('npm', [...install, `./${packed.filename}`], folder);
  // What the project has beside it would come from the registry.
  mkdirSync(join(folder, 'node_modules/@types'));
  for (const name of ['webgpu', '@types/node']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
  }
}, 120_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const compile = (...files: string[]): Promise<{ status: number; stdout: string }> => {
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files }));
  return run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '--project', folder], folder);
};

/** The program in the library's own documentation. */
function documentedExample(): string {
  const documentation = readFileSync(join(ROOT, 'src/library/index.ts'), 'utf8');
  const [, example = ''] = /```ts\n([^]*?)```/.exec(documentation.replace(/^ \* ?/gm, '')) ?? [];
  expect(example).toContain("from 'grpo-playground'");
  return example;
}

describe('the packed library', () => {
  it('holds the bundle, its types and one base model, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['dist/library/index.js', 'models/countdown-easy/model.safetensors', 'LICENSE']),
    );
    const others = paths.filter(
      (path) =>
        !/^(package\.json|README\.md|LICENSE|dist\/library\/(index\.js|types\/.*\.d\.ts)|models\/countdown-easy\/.*)$/.test(
          path,
        ),
    );
    expect(others).toEqual([]);
  });

  it('type-checks in a strict project, as does the example of its documentation, and trains a step there', async () => {
    writeFileSync(join(folder, 'train.ts'), PROGRAM);
    writeFileSync(join(folder, 'example.ts'), documentedExample());
    expect(await compile('train.ts', 'example.ts')).toMatchObject({ stdout: '', status: 0 });
    const report = JSON.parse(await succeed(process.execPath, ['train.js'], folder)) as Report;
    expect(report.step).toBe(1);
    expect(report.loss).toBeTypeOf('number'); // JSON has no NaN
    expect(report.gradNorm).toBeGreaterThan(0);
    expect(report.texts).toHaveLength(8);
    expect(report.saved).toContain('model.safetensors');
  }, 120_000);

  it('has types that find wrong use', async () => {
    writeFileSync(join(folder, 'mistakes.ts'), MISTAKES);
    const { stdout } = await compile('mistakes.ts');
    expect([...stdout.matchAll(/^mistakes\.ts\((\d+),/gm)].map(([, line]) => Number(line))).toEqual([3, 4, 5, 6]);
  }, 60_000);
});
