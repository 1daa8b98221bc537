// A run as one zip: the model's Hugging Face folder, and beside the model run/ with the settings and the logs. The same run gives the same bytes.
import { strToU8, zipSync, type Zippable } from 'fflate';
import type { Checkpoint } from '../engine/config.ts';
import type { TrainerState } from '../grpo/trainer.ts';
import type { Tokenizer } from '../tasks/tokenizer.ts';
import { writeModelFolder, type Folder, type WeightType } from './hugging-face.ts';
import { writeState } from './optimizer-state.ts';
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
import { eventFile } from './tensorboard.ts';

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
  /** Of that step; null where the run cannot go on from it. */
  readonly state: TrainerState | null;
  /** fp32 if not given. */
  readonly weights?: WeightType;
  /** A picture of the log, as PNG. */
  readonly curves?: Uint8Array | null;
}

/** Where the picture lies in the folder, for the card to show it. */
export const CURVES_FILE = 'curves.png';

/** Throws bad-checkpoint for a checkpoint that cannot be loaded again, such as one with a weight that is not a number. */
export function exportRun(run: RunExport): Uint8Array {
  const { checkpoint, tokenizer, settings, step, log, completions, card, state, weights, curves } = run;
  const files = writeModelFolder(checkpoint, tokenizer, card, weights);
  if (curves) files.set(CURVES_FILE, curves);
  files.set(RUN_FILES.settings, strToU8(settingsJson(settings)));
  files.set(RUN_FILES.log, strToU8(log.map(stepLine).join('')));
  files.set(RUN_FILES.completions, strToU8(completions.map(completionLine).join('')));
  files.set(RUN_FILES.events, eventFile(log));
  if (state) for (const [path, bytes] of writeState(checkpoint.config, state)) files.set(path, bytes);
  return writeZip(runName(settings, step), files);
}

/** Files under one top folder. The same files give the same bytes. */
export function writeZip(folder: string, files: Folder): Uint8Array {
  const entries: Zippable = {};
  for (const [path, bytes] of files)
    entries[`${folder}/${path}`] = path.endsWith('.safetensors') ? [bytes, { level: 0 }] : bytes; // weights hardly shrink
  return zipSync(entries, { mtime: new Date(1980, 0, 1) }); // a zip's earliest local time: the same bytes everywhere
}
