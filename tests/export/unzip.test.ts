import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { PlaygroundError } from '../../src/base/errors.ts';
import { MOST_BYTES, readZip } from '../../src/export/unzip.ts';

function complaint(zip: Uint8Array): string {
  try {
    readZip(zip);
  } catch (error) {
    expect(error).toBeInstanceOf(PlaygroundError);
    expect((error as PlaygroundError).name).toBe('bad-checkpoint');
    return (error as PlaygroundError).message;
  }
  return 'it was read';
}

/** What the numbers at an offset of a zip's records mean; a file's own header and its entry in the directory. */
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;

/** A copy with a little-endian number replaced in every record of a kind, or in one of them. */
function patched(
  zip: Uint8Array,
  signature: number,
  offset: number,
  value: number,
  bytes: 2 | 4,
  only?: number,
): Uint8Array {
  const copy = Uint8Array.from(zip);
  const view = new DataView(copy.buffer);
  let index = 0;
  for (let at = 0; at + 4 <= copy.length; at++) {
    if (view.getUint32(at, true) !== signature || (only !== undefined && index++ !== only)) continue;
    if (bytes === 2) view.setUint16(at + offset, value, true);
    else view.setUint32(at + offset, value, true);
  }
  return copy;
}

/** A copy with one text for another of the same length, wherever it stands. */
function renamed(zip: Uint8Array, text: string, other: string): Uint8Array {
  return Uint8Array.from(Buffer.from(Buffer.from(zip).toString('latin1').replaceAll(text, other), 'latin1'));
}

/** The sizes of a file, unpacked, in both of its records. */
const announcing = (zip: Uint8Array, bytes: number): Uint8Array =>
  patched(patched(zip, CENTRAL, 24, bytes, 4), LOCAL, 22, bytes, 4);

const text = strToU8('some text that is repeated, some text that is repeated, some text that is repeated');
const noise = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);

describe('a zip', () => {
  it('is read, packed or stored, without its top folder, with entries for folders, and with what macOS adds', () => {
    const read = readZip(
      zipSync({
        'model/': new Uint8Array(0),
        'model/config.json': text,
        'model/run/log.jsonl': [noise(5000), { level: 0 }],
        '__MACOSX/model/._config.json': text,
      }),
    );
    expect([...read]).toEqual([
      ['config.json', text],
      ['run/log.jsonl', noise(5000)],
    ]);
    expect([...readZip(zipSync({ 'config.json': text, 'run/log.jsonl': text })).keys()]).toEqual(['config.json', 'run/log.jsonl']); // prettier-ignore
    expect([...readZip(zipSync({ 'empty.json': new Uint8Array(0) }))]).toEqual([['empty.json', new Uint8Array(0)]]);
    expect(readZip(zipSync({})).size).toBe(0);
  });

  it('is read with a comment, and where sizes follow the files', () => {
    const zip = zipSync({ 'a.json': text });
    const comment = strToU8('made by hand');
    const commented = new Uint8Array([...patched(zip, END, 20, comment.length, 2), ...comment]);
    expect(readZip(commented).get('a.json')).toEqual(text);
    const flagged = patched(patched(zip, LOCAL, 6, 8, 2), CENTRAL, 8, 8, 2);
    const following = patched(patched(patched(flagged, LOCAL, 14, 0, 4), LOCAL, 18, 0, 4), LOCAL, 22, 0, 4);
    expect(readZip(following).get('a.json')).toEqual(text);
  });

  it('unpacks only what is wanted', () => {
    const zip = renamed(zipSync({ 'm/a.json': [text, { level: 0 }], 'm/b.json': noise(9) }), 'repeated', 'replaced');
    expect([...readZip(zip, (path) => path === 'b.json')]).toEqual([['b.json', noise(9)]]);
    expect(complaint(zip)).toContain('checksum');
  });

  it.each(['../evil', 'a/../../evil', '/etc/evil', 'C:/evil', 'a\\evil', 'a//evil', './evil', 'a\0'])(
    'refuses the path %j',
    (path) => {
      expect(complaint(zipSync({ [path]: text }))).toContain('every path in the zip must lie within it');
    },
  );

  it('takes a path that is a name of objects for a path', () => {
    const zip = renamed(zipSync({ constructor: text, 'a-name.js': text }), 'a-name.js', '__proto__');
    expect([...readZip(zip).keys()]).toEqual(['constructor', '__proto__']);
    expect(({} as Record<string, unknown>)['length']).toBeUndefined();
  });

  it('refuses a path that comes twice', () => {
    const twice = renamed(zipSync({ 'a.json': strToU8('1'), 'b.json': strToU8('2') }), 'b.json', 'a.json');
    expect(complaint(twice)).toContain('must come once, but "a.json" comes twice');
  });

  it('refuses more files than any model has', () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`${i}`, new Uint8Array(0)]));
    expect(complaint(zipSync(many))).toBe('a zip must hold at most 1000 files, but this one holds 1001');
  });

  it('refuses bombs: what unpacks to more than a hundred times its size, or announces more than any model has', () => {
    expect(complaint(zipSync({ zeros: new Uint8Array(1_000_000) }))).toMatch(/must unpack to at most \d+ bytes .* but it announces 1000000/); // prettier-ignore
    expect(complaint(announcing(zipSync({ a: noise(1000) }), 0xfffffff0))).toContain(String(MOST_BYTES));
    const three = zipSync({ a: noise(2000), b: noise(2000), c: noise(2000) });
    expect(complaint(announcing(three, 300_000))).toContain('but it announces 900000');
  });

  it('stops unpacking where a file is longer than it announces, and refuses one that is shorter', () => {
    const zip = zipSync({ padding: noise(20_000), zeros: new Uint8Array(1_000_000) });
    expect(complaint(announcing(zip, 10))).toContain('must have 10 bytes, as it announces, but it has more');
    expect(complaint(announcing(zipSync({ a: text }), text.length + 1))).toContain(
      `must have ${text.length + 1} bytes, as it announces, but it has ${text.length}`,
    );
    expect(complaint(announcing(zipSync({ a: [text, { level: 0 }] }), 10))).toContain('as it announces');
  });

  it('refuses a file whose bytes were changed', () => {
    const changed = renamed(zipSync({ a: [text, { level: 0 }] }), 'repeated', 'replaced');
    expect(complaint(changed)).toContain('"a" has another checksum than it announces');
  });

  it('refuses files that lie in the same place', () => {
    const long = zipSync({ a: [text, { level: 0 }], b: [text, { level: 0 }] });
    const bytes = text.length + 60;
    const reaching = patched(patched(patched(patched(long, CENTRAL, 20, bytes, 4, 0), CENTRAL, 24, bytes, 4, 0), LOCAL, 18, bytes, 4, 0), LOCAL, 22, bytes, 4, 0); // prettier-ignore
    expect(complaint(reaching)).toContain('two of its files lie in the same place');
  });

  it.each([
    ['a name', patched(zipSync({ ab: text }), LOCAL, 30, 0x7878, 2)],
    ['a method', patched(zipSync({ ab: text }), LOCAL, 8, 0, 2)],
    ['a checksum', patched(zipSync({ ab: text }), LOCAL, 14, 1, 4)],
    ['a place', patched(zipSync({ ab: text }), CENTRAL, 42, 1, 4)],
    ['a length beyond the end', patched(zipSync({ ab: text }), LOCAL, 28, 0xffff, 2)],
  ])('refuses a file whose own header has %s that the directory does not', (_, zip) => {
    expect(complaint(zip)).toContain('the header of "ab" is not what the directory says');
  });

  it('refuses passwords, other packing and several parts', () => {
    const zip = zipSync({ a: text });
    expect(complaint(patched(zip, CENTRAL, 8, 1, 2))).toContain('stored or deflated, without a password');
    expect(complaint(patched(patched(zip, CENTRAL, 10, 12, 2), LOCAL, 8, 12, 2))).toContain('stored or deflated');
    expect(complaint(patched(zip, END, 4, 1, 2))).toContain('its directory is not where its end says');
    expect(complaint(patched(zip, END, 16, 0xffffffff, 4))).toContain('its directory is not where its end says');
    expect(complaint(patched(zip, CENTRAL, 30, 7, 2))).toContain('its directory is broken');
  });

  it('refuses what is no zip, or half of one', () => {
    const zip = zipSync({ a: noise(1000) });
    for (const bytes of [
      new Uint8Array(0),
      strToU8('no zip '.repeat(100)),
      zip.subarray(0, zip.length / 2),
      zip.subarray(5),
    ])
      expect(complaint(bytes)).toContain('the file must be a whole zip');
  });
});
