// What a visitor opens, from the files as the browser has them to a model that runs can begin with: only what an import looks at is read.
import type { Checkpoint } from '../engine/index.ts';
import { MODEL_FILES, type Folder } from '../export/hugging-face.ts';
import { IMPORTED_FILES, readImport, type Import } from '../export/import.ts';
import { modelName } from '../export/run-log.ts';
import { badCheckpoint } from '../export/untrusted.ts';
import { MOST_BYTES, readZip, topFolder } from '../export/unzip.ts';
import { MAX_PROMPT_TOKENS } from '../recipes/environment.ts';
import { PRESETS, type PresetName } from '../recipes/presets.ts';
import type { OpenedModel, PickedFile } from './protocol.ts';

export interface Opened extends Import<PresetName> {
  readonly name: string;
  /** Those of the model alone. */
  readonly files: Folder;
}

/** Throws bad-checkpoint and nothing else. */
export async function openFiles(picked: readonly PickedFile[]): Promise<Opened> {
  const { name, folder } = await readPicked(picked);
  const imported = readImport(folder, PRESETS);
  const longest = longestAnswer(imported.checkpoint);
  const needed = imported.run?.settings.options.maxCompletionLength ?? 1;
  if (longest < needed) {
    throw badCheckpoint(
      `config.json: max_position_embeddings must be at least ${MAX_PROMPT_TOKENS + needed}, for a prompt and an answer, but it is ${imported.checkpoint.config.maxPositions}`,
    );
  }
  return {
    ...imported,
    name,
    files: new Map([...folder].filter(([path]) => MODEL_FILES.some((file) => file === path))),
  };
}

export function describeOpened({ name, checkpoint, run, files }: Opened): OpenedModel {
  return {
    name,
    parameters: [...checkpoint.tensors.values()].reduce((sum, { length }) => sum + length, 0),
    layers: checkpoint.config.numLayers,
    width: checkpoint.config.hiddenSize,
    longestAnswer: longestAnswer(checkpoint),
    run: run && { settings: run.settings, step: run.state.step },
    files,
  };
}

function longestAnswer({ config }: Checkpoint): number {
  return config.maxPositions - MAX_PROMPT_TOKENS;
}

/** Of a zip on its own what is in it; else the files themselves. The name is the zip's or the folder's. */
async function readPicked(picked: readonly PickedFile[]): Promise<{ name: string; folder: Folder }> {
  const [first] = picked;
  if (!first) throw badCheckpoint('a model was expected, but no file came');
  const wanted = (path: string): boolean => IMPORTED_FILES.includes(path);
  if (picked.length === 1 && !wanted(first.path.split('/').at(-1) ?? '')) {
    return { name: modelName(first.path), folder: readZip(await bytesOf([first], first), wanted) };
  }
  const top = topFolder(picked.map(({ path }) => path));
  const chosen = picked
    .map(({ path, file }) => ({ path: path.slice(top.length), file }))
    .filter(({ path }) => wanted(path));
  const folder = new Map<string, Uint8Array>();
  for (const one of chosen) folder.set(one.path, await bytesOf(chosen, one));
  return { name: modelName(top.slice(0, -1)), folder };
}

async function bytesOf(all: readonly PickedFile[], { path, file }: PickedFile): Promise<Uint8Array> {
  const bytes = all.reduce((sum, one) => sum + one.file.size, 0);
  if (bytes > MOST_BYTES)
    throw badCheckpoint(`the files must have at most ${MOST_BYTES} bytes, but they have ${bytes}`);
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    throw badCheckpoint(
      `${path} must be a file that can be read, but it cannot: it may have been moved or changed`,
      cause,
    );
  }
}
