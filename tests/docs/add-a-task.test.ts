// The README's task, taken out of it: short, complete, typed, and all that a task promises. tests/gpu/added-task.test.ts trains on it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { describeTask } from '../tasks/contract.ts';
import { gap } from './added-task.ts';
import { addedTask, ROOT } from './readme.ts';

const { file, source } = addedTask();

it('has at most 30 lines', () => {
  expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(30);
});

it('passes the type checker once its name is in the list of tasks, and not before', () => {
  const list = readFileSync(join(ROOT, 'src/tasks/task.ts'), 'utf8');
  const named = list.replace(/(TASK_NAMES = \[.*)\]/, `$1, '${gap.name}']`);
  expect(typeErrors({ [file]: source, 'src/tasks/task.ts': named })).toEqual([]);
  expect(typeErrors({ [file]: source })).toEqual([expect.stringContaining(`"${gap.name}"' is not assignable to type`)]);
});

describeTask(gap);

/** What tsc says of the task's file when these files, by path, have another content. */
function typeErrors(changed: Readonly<Record<string, string>>): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
  const contents = new Map(Object.entries(changed).map(([path, text]) => [join(ROOT, path), text]));
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => contents.has(path) || disk.fileExists(path),
    readFile: (path) => contents.get(path) ?? disk.readFile(path),
    getSourceFile(path, version) {
      const text = contents.get(path);
      return text === undefined ? disk.getSourceFile(path, version) : ts.createSourceFile(path, text, version);
    },
  };
  const program = ts.createProgram([join(ROOT, file)], { ...options, types: [] }, host);
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(join(ROOT, file)))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}
