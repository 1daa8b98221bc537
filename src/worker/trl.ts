// A run, or the settings of one, as a zip for TRL.
import { PlaygroundError } from '../base/errors.ts';
import type { Checkpoint } from '../engine/index.ts';
import type { LoggedStep } from '../export/run-log.ts';
import { trlFolder, trlName } from '../export/trl.ts';
import { writeZip } from '../export/zip.ts';
import { findPreset } from '../recipes/presets.ts';
import { findTask } from '../tasks/registry.ts';
import type { Model } from './models.ts';
import type { RunSettings, TrlZip } from './protocol.ts';

interface Begun {
  readonly settings: RunSettings;
  readonly log: readonly LoggedStep[];
  /** Null: that of the preset. */
  readonly base: Checkpoint | null;
}

/** Throws bad-checkpoint where the base cannot be loaded, and bad-settings where nobody knows it any more. */
export async function trlZip(run: Begun, loadModel: (name: string) => Promise<Model>): Promise<TrlZip> {
  const { settings, log } = run;
  if (settings.base !== undefined && !run.base)
    throw new PlaygroundError(
      'bad-settings',
      `the run began with ${settings.base}, which its files do not hold: export the run, and let train.py begin with that model`,
    );
  const base = run.base ?? (await loadModel(findPreset(settings.preset).model)).checkpoint;
  const { files, gaps } = trlFolder({ settings, task: findTask(settings.task), base, log });
  const name = trlName(settings);
  return { name, zip: writeZip(name, files), gaps };
}
