import { describe, expect, it, vi } from 'vitest';
import { PRESETS } from '../../src/recipes/presets.ts';
import { Import } from '../../src/ui/state/import.svelte.ts';
import { droppedFiles, pickedFiles } from '../../src/ui/state/import-files.ts';
import { Settings } from '../../src/ui/state/settings.svelte.ts';
import { ModelShelf } from '../../src/ui/state/try-models.svelte.ts';
import { SETTINGS, SimulatedSession } from './simulated-run.ts';

const file = (name: string, folder = ''): File =>
  Object.assign(new File(['?'], name), { webkitRelativePath: folder && `${folder}/${name}` });
const picked = (path: string) => [{ path, file: file(path) }];

/** A file or a folder as a drop has it; a folder tells its entries in batches of two. */
function entry(path: string, children?: FileSystemEntry[]): FileSystemEntry {
  const name = path.split('/').at(-1)!;
  const common = { fullPath: path, name, isFile: !children, isDirectory: Boolean(children) };
  if (!children) return { ...common, file: (resolve: (found: File) => void) => resolve(file(name)) } as unknown as FileSystemEntry; // prettier-ignore
  const left = [...children];
  const createReader = () => ({ readEntries: (resolve: (batch: FileSystemEntry[]) => void) => resolve(left.splice(0, 2)) }); // prettier-ignore
  return { ...common, createReader } as unknown as FileSystemEntry;
}
const transfer = (entries: (FileSystemEntry | null)[], files: File[] = []): DataTransfer =>
  ({
    items: entries.map((one) => ({ kind: one ? 'file' : 'string', webkitGetAsEntry: () => one })),
    files,
  }) as unknown as DataTransfer;

describe('what the visitor opened', () => {
  it('is kept, offered to be tried, and goes on with the settings of its run', async () => {
    const shelf = new ModelShelf();
    const imported = new Import(new SimulatedSession(100), shelf);
    await imported.open(picked('aha.zip'));
    expect([imported.model?.name, imported.problem, imported.reading, imported.asBase]).toEqual([
      'aha',
      null,
      false,
      false,
    ]);
    expect(shelf.added.map(({ title }) => title)).toEqual(['Opened: aha']);
    expect(imported.settings).toEqual(SETTINGS);
    imported.asBase = true;
    imported.close();
    expect([imported.model, imported.settings, imported.asBase]).toEqual([null, null, false]);
  });

  it('goes on for as many steps again where all are done', async () => {
    const session = new SimulatedSession(100);
    const opened = await session.open(picked('aha.zip'));
    vi.spyOn(session, 'open').mockResolvedValue({ ...opened, run: { settings: SETTINGS, step: SETTINGS.steps } });
    const imported = new Import(session, new ModelShelf());
    await imported.open(picked('aha.zip'));
    expect(imported.settings).toEqual({ ...SETTINGS, steps: 2 * SETTINGS.steps });
  });

  it('is begun with at once where it has no run', async () => {
    const session = new SimulatedSession(100);
    const opened = await session.open(picked('base.zip'));
    vi.spyOn(session, 'open').mockResolvedValue({ ...opened, run: null });
    const imported = new Import(session, new ModelShelf());
    await imported.open(picked('base.zip'));
    expect([imported.asBase, imported.settings]).toEqual([true, null]);
  });

  it('stays where something else does not open, whose name and reason are told', async () => {
    const imported = new Import(new SimulatedSession(100), new ModelShelf());
    await imported.open(picked('aha.zip'));
    await imported.open(picked('pictures/cat.png'));
    expect(imported.problem).toEqual({ name: 'pictures', reason: 'it must be a zip' });
    expect(imported.model?.name).toBe('aha');
    await imported.open(Promise.reject(new Error('gone')));
    expect(imported.problem).toEqual({ name: 'the files', reason: 'gone' });
    await imported.open(picked('other.zip'));
    expect([imported.problem, imported.model?.name]).toEqual([null, 'other']);
  });
});

describe('files', () => {
  it('have the path that they have in a picked or dropped folder', async () => {
    const list = [file('config.json', 'model'), file('a.zip')] as unknown as FileList;
    expect(pickedFiles(list).map(({ path }) => path)).toEqual(['model/config.json', 'a.zip']);
    const run = entry(
      '/model/run',
      ['a', 'b', 'c', 'd', 'e'].map((name) => entry(`/model/run/${name}`)),
    );
    const dropped = await droppedFiles(transfer([null, entry('/model', [entry('/model/config.json'), run])]));
    expect(dropped.map(({ path }) => path)).toEqual(['model/config.json', ...['a', 'b', 'c', 'd', 'e'].map((name) => `model/run/${name}`)]); // prettier-ignore
    expect((await droppedFiles(transfer([], [file('a.zip')]))).map(({ path }) => path)).toEqual(['a.zip']);
  });

  it('are refused where there are too many, or one cannot be read', async () => {
    const many = Array.from({ length: 1001 }, (_, i) => entry(`/model/${i}`));
    await expect(droppedFiles(transfer([entry('/model', many)]))).rejects.toThrow('must hold at most 1000 files');
    expect(() => pickedFiles(many.map(() => file('x')) as unknown as FileList)).toThrow('must hold at most 1000 files');
    const broken = Object.assign(entry('/a'), {
      file: (_: unknown, reject: (error: Error) => void) => reject(new Error('gone')),
    });
    await expect(droppedFiles(transfer([broken]))).rejects.toMatchObject({ name: 'bad-checkpoint' }); // prettier-ignore
  });
});

it('the form shows the settings of a run exactly', () => {
  const settings = new Settings();
  settings.setText('temperature', '0.7');
  const options = { ...PRESETS.carry.options, learningRate: 1.23456789e-7, delta: 2.5, rewardWeights: [1, 0.25] };
  const run = { preset: 'carry', task: 'addition', seed: 42, steps: 61, options } as const;
  settings.show(run);
  expect(settings.valid).toEqual(run);
  settings.show({ ...PRESETS.aha, preset: 'aha', seed: 1 });
  expect([settings.address, settings.changedFields]).toEqual(['', 0]);
});
