// The part of the address after "?": only what differs from the preset, so that a link reproduces a setting.
import { findPreset, PRESETS, type Preset } from '../../recipes/presets.ts';
import { DEFAULT_PRESET, FIELD_NAMES, presetsOf, presetText, type FieldName } from './fields.ts';

/** Texts by field, where they differ from the preset's. */
export type Drafts = Readonly<Partial<Record<FieldName, string>>>;

/** Empty for the first preset as it is. */
export function formatAddress(preset: Preset, drafts: Drafts): string {
  const query = new URLSearchParams(preset.name === DEFAULT_PRESET ? {} : { preset: preset.name });
  for (const field of FIELD_NAMES) {
    const draft = drafts[field];
    if (draft !== undefined) query.set(field, draft);
  }
  return query.toString();
}

/** `task` alone means the first preset of that task. Throws bad-settings for a preset that there is not. */
export function parseAddress(search: string): { preset: Preset; drafts: Drafts } {
  const query = new URLSearchParams(search);
  const name = query.get('preset');
  const preset = name === null ? (presetsOf(query.get('task') ?? '')[0] ?? PRESETS[DEFAULT_PRESET]) : findPreset(name);
  const drafts: Partial<Record<FieldName, string>> = {};
  for (const field of FIELD_NAMES) {
    const text = query.get(field);
    if (text !== null && text !== presetText(preset, field)) drafts[field] = text;
  }
  return { preset, drafts };
}
