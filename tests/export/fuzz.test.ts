// Five hundred damaged or edited zips of a run: each is refused by name or read as a run that can go on, and nothing else happens.
import { zipSync } from 'fflate';
import { expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { PlaygroundError } from '../../src/base/errors.ts';
import { IMPORTED_FILES, readImport, type Import } from '../../src/export/import.ts';
import { readZip } from '../../src/export/unzip.ts';
import { PRESETS, type PresetName } from '../../src/recipes/presets.ts';
import { interruptedRun, zipOf } from './imported-run.ts';

const original = interruptedRun({ advantageEstimator: 'ppo' });
const zip = zipOf(original);
const files = readZip(zip, (path) => IMPORTED_FILES.includes(path));
const CASES_A_KIND = 72;

const VALUES: readonly unknown[] = [
  null, true, '', 'x', '../..', [], {}, [[[]]], -1, 0, 0.5, 1, 2, 1e9, 2 ** 53, -1e300, 'constructor', { toString: 1 }, { __proto__: null },
]; // prettier-ignore

/** Of the headers of tensors. */
const CHARACTERS = Array.from('0123456789[]{}":,F_. ');

const pack = (contents: ReadonlyMap<string, Uint8Array>): Uint8Array =>
  zipSync(Object.fromEntries(contents), { level: 0 });
const edit = (text: string, path: string): Uint8Array => pack(new Map(files).set(path, new TextEncoder().encode(text)));
const textOf = (path: string): string => new TextDecoder().decode(files.get(path));

/** A value somewhere in JSON replaced, left out, or given another name. */
function editJson(random: Random, json: unknown): unknown {
  if (typeof json !== 'object' || json === null || Object.keys(json).length === 0 || random.integer(8) === 0)
    return random.pick(VALUES);
  const entries: [string, unknown][] = Object.entries(json);
  const at = random.integer(entries.length);
  const [name, value] = entries[at]!;
  const how = random.integer(6);
  if (how === 0) entries.splice(at, 1);
  else if (how === 1) entries[at] = [random.pick(['__proto__', 'constructor', '', 'step', `${name}2`]), value];
  else entries[at] = [name, editJson(random, value)];
  return Array.isArray(json) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** Where records of a zip begin. */
const records = Array.from(zip.keys()).filter((at) => zip[at] === 0x50 && zip[at + 1] === 0x4b && zip[at + 2]! < 8);

/** Damage keeps the meaning or is found out; an edit may make another run, which must be a whole one. */
const DAMAGE: Readonly<Record<string, (random: Random) => Uint8Array>> = {
  'bits flipped': (random) => {
    const copy = zip.slice();
    for (let flips = 1 + random.integer(4); flips > 0; flips--)
      copy[random.integer(copy.length)]! ^= 1 << random.integer(8);
    return copy;
  },
  'cut off': (random) => zip.slice(0, random.integer(zip.length)),
  'numbers in headers': (random) => {
    const copy = zip.slice();
    for (let changes = 1 + random.integer(3); changes > 0; changes--) {
      const at = random.pick(records) + random.integer(46);
      copy.set([random.integer(256), random.integer(256)], Math.min(at, copy.length - 2));
    }
    return copy;
  },
  'headers spliced': (random) => {
    const copy = zip.slice();
    const from = random.pick(records);
    copy.set(zip.slice(from, from + 1 + random.integer(46)), Math.min(random.pick(records), copy.length - 46));
    return copy;
  },
};
const EDITS: typeof DAMAGE = {
  'files swapped, renamed or left out': (random) => {
    const paths = [...files.keys()];
    const [one, other] = [random.pick(paths), random.pick(paths)];
    const contents = new Map(files).set(one, files.get(other)!).set(other, files.get(one)!);
    if (random.integer(3) === 0) contents.delete(one);
    return pack(contents);
  },
  'JSON edited': (random) => {
    const path = random.pick(['config.json', 'tokenizer.json', 'run/settings.json', 'run/state.json']);
    return edit(JSON.stringify(editJson(random, JSON.parse(textOf(path)))).replace('1000000000', '1e999'), path);
  },
  'lines edited': (random) => {
    const path = random.pick(['run/log.jsonl', 'run/completions.jsonl']);
    const lines = textOf(path).split('\n');
    const at = random.integer(lines.length - 1);
    lines[at] = random.integer(4) === 0 ? '' : JSON.stringify(editJson(random, JSON.parse(lines[at]!)));
    return edit(lines.join('\n'), path);
  },
  'headers of tensors edited': (random) => {
    const path = random.pick(['model.safetensors', 'run/optimizer.safetensors']);
    const bytes = files.get(path)!.slice();
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    for (let changes = 1 + random.integer(3); changes > 0; changes--)
      bytes[random.integer(8 + length)] = random.pick(CHARACTERS).charCodeAt(0);
    return pack(new Map(files).set(path, bytes));
  },
};

/** What comes of reading it: the run, or null where it is refused by name. */
function read(bytes: Uint8Array): Import<PresetName> | null {
  try {
    return readImport(readZip(bytes), PRESETS);
  } catch (error) {
    expect(error).toBeInstanceOf(PlaygroundError);
    expect((error as PlaygroundError).name).toBe('bad-checkpoint');
    return null;
  }
}

it('is itself read as what it was made of', () => {
  expect(read(zip)).toEqual(original);
});

it.each([...Object.keys(DAMAGE), ...Object.keys(EDITS)])(
  'with %s, it is refused by name or a whole run',
  { timeout: 60_000 },
  (kind) => {
    const names = Object.getOwnPropertyNames(Object.prototype);
    let refused = 0;
    for (let index = 0; index < CASES_A_KIND; index++) {
      const bytes = (DAMAGE[kind] ?? EDITS[kind]!)(new Random(index, kind.length));
      const before = bytes.slice();
      const result = read(bytes);
      if (!result) refused++;
      else if (kind in DAMAGE) expect(result, `case ${index}`).toEqual(original);
      else if (result.run) expect(read(zipOf(result)), `case ${index}`).toEqual(result);
      expect(Buffer.compare(bytes, before), `case ${index}`).toBe(0);
    }
    expect(refused).toBeGreaterThan(CASES_A_KIND / 3);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names);
  },
);
