// Whether a run is the experiment that a prediction is about.
import { DEFAULT_OPTIONS } from '../../../grpo/options.ts';
import type { RunSettings } from '../../../worker/protocol.ts';
import { Settings } from '../../state/settings.svelte.ts';

/** The settings that an address stands for. */
export function settingsOf(address: string): RunSettings {
  const form = new Settings();
  form.readAddress(`?${address}`);
  if (!form.valid) throw new Error(`expected an address of valid settings, but it is ${address}`);
  return form.valid;
}

/** The same preset and options; the seed may differ, and the run may be longer. A recorded run may be older than an option. */
export function isExperiment(run: RunSettings, address: string): boolean {
  const wanted = settingsOf(address);
  return (
    run.preset === wanted.preset &&
    run.steps >= wanted.steps &&
    JSON.stringify(sorted({ ...DEFAULT_OPTIONS, ...run.options })) === JSON.stringify(sorted(wanted.options))
  );
}

function sorted(options: object): [string, unknown][] {
  return Object.entries(options).sort(([a], [b]) => a.localeCompare(b));
}
