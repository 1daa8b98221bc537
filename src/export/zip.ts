// A run as one zip: the model's Hugging Face folder, and beside the model run/ with the settings and the logs. The same run gives the same bytes.
import { strToU8, unzipSync, zipSync, type UnzipFileInfo } from 'fflate';
import { PlaygroundError } from '../base/errors.ts';
import type { Checkpoint } from '../engine/config.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';
import { writeModelFolder } from './hugging-face.ts';
import {
  RUN_FILES,
  completionLine,
  runName,
  settingsJson,
  stepLine,
  type LoggedCompletion,
  type LoggedSettings,
  type LoggedStep,
} from './run-log.ts';
import { badCheckpoint, show } from './untrusted.ts';

export interface RunExport {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: Tokenizer;
  readonly settings: LoggedSettings;
  /** Steps that the checkpoint was trained for. */
  readonly step: number;
  readonly log: readonly LoggedStep[];
  readonly completions: readonly LoggedCompletion[];
  /** README.md, from `modelCard`. */
  readonly card: string;
}

/** The most that a zip may hold, in bytes: several times the largest model that the engine takes. */
const MOST_BYTES = 64 * 2 ** 20;

/** Throws bad-checkpoint for a checkpoint that cannot be loaded again, such as one with a weight that is not a number. */
export function exportRun({ checkpoint, tokenizer, settings, step, log, completions, card }: RunExport): Uint8Array {
  const files = writeModelFolder(checkpoint, tokenizer, card);
  files.set(RUN_FILES.settings, strToU8(settingsJson(settings)));
  files.set(RUN_FILES.log, strToU8(log.map(stepLine).join('')));
  files.set(RUN_FILES.completions, strToU8(completions.map(completionLine).join('')));
  const folder = runName(settings, step);
  const entries = Object.fromEntries([...files].map(([path, bytes]) => [`${folder}/${path}`, bytes]));
  return zipSync(entries, { mtime: new Date(1980, 0, 1) }); // a zip's earliest local time: the same bytes everywhere
}

/**
 * Path -> bytes of every file, without the one top folder if there is one. Throws bad-checkpoint for a file that is no zip, for a path that
 * leaves the folder or comes twice, and for more than 64 MB.
 */
export function readZip(bytes: Uint8Array): Map<string, Uint8Array> {
  const paths = new Set<string>();
  let total = 0;
  const take = ({ name, size, originalSize }: UnzipFileInfo): boolean => {
    if (!isInside(name)) throw badCheckpoint(`every path in the zip must lie within it, but one is ${show(name)}`);
    if (paths.has(name)) throw badCheckpoint(`every path in the zip must come once, but ${show(name)} comes twice`);
    paths.add(name);
    // Sizes are counted before anything is unpacked; unpacking then writes no more than the announced size.
    total += Math.max(size, originalSize);
    if (total > MOST_BYTES)
      throw badCheckpoint(`the zip must hold at most ${MOST_BYTES} bytes, but it announces ${total} or more`);
    return !name.endsWith('/') && !name.startsWith('__MACOSX/'); // macOS adds a folder of its own
  };
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, { filter: take });
  } catch (cause) {
    if (cause instanceof PlaygroundError) throw cause;
    throw badCheckpoint('the file must be a zip, but it cannot be unpacked; it may be damaged or incomplete', cause);
  }
  const entries = Object.entries(files);
  const top = (entries[0]?.[0] ?? '').split('/')[0] ?? '';
  const prefix = entries.every(([path]) => path.startsWith(`${top}/`)) ? top.length + 1 : 0;
  return new Map(entries.map(([path, content]) => [path.slice(prefix), content]));
}

/** Relative, with forward slashes, no drive, and no empty, `.` or `..` step; a folder's own entry ends in a slash. */
function isInside(path: string): boolean {
  const steps = path.replace(/\/$/, '').split('/');
  return !/[\\:\0]/.test(path) && steps.every((step) => step !== '' && step !== '.' && step !== '..');
}
