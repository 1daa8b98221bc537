// Reading a zip that may be anything (APPNOTE.TXT of PKWARE, without encryption, splitting and Zip64). What the directory at its end says
// is checked before anything is unpacked, and against what is then unpacked: a file's size, its checksum, and the bytes in all.
import { Inflate } from 'fflate';
import { PlaygroundError } from '../base/errors.ts';
import { badCheckpoint, show } from './untrusted.ts';

/** The most that is read of a zip or a folder, in bytes: the largest model that the engine takes, with its critic and all moments, and the logs. */
export const MOST_BYTES = 384 * 2 ** 20;
const MOST_FILES = 1000;
/** Weights hardly shrink, and they are most of a zip. */
const MOST_TIMES_ITS_SIZE = 100;
/** Fed to the inflater at once: it writes at most a thousand times as much before it is looked at. */
const CHUNK_BYTES = 2 ** 14;

const END = { signature: 0x06054b50, bytes: 22 } as const;
const CENTRAL = { signature: 0x02014b50, bytes: 46 } as const;
const LOCAL = { signature: 0x04034b50, bytes: 30 } as const;
const ENCRYPTED = 1;
const SIZES_FOLLOW = 8;
const UTF8 = 0x800;
const STORED = 0;
const DEFLATED = 8;

/**
 * Path -> bytes of every wanted file, without the one top folder if there is one; `wanted` is asked for the path within it. Throws
 * bad-checkpoint for a file that is no whole zip, a path that leaves the folder or comes twice, and for more than the limits above.
 */
export function readZip(zip: Uint8Array, wanted: (path: string) => boolean = () => true): Map<string, Uint8Array> {
  try {
    const entries = readDirectory(zip).filter(({ path }) => !path.endsWith('/') && !path.startsWith('__MACOSX/')); // macOS adds a folder of its own
    const top = topFolder(entries.map(({ path }) => path));
    const chosen = entries
      .map((entry) => ({ ...entry, path: entry.path.slice(top.length) }))
      .filter(({ path }) => wanted(path));
    const total = chosen.reduce((sum, { bytes }) => sum + bytes, 0);
    const most = Math.min(MOST_BYTES, zip.length * MOST_TIMES_ITS_SIZE);
    if (total > most)
      throw badCheckpoint(
        `the zip must unpack to at most ${most} bytes (${MOST_BYTES}, and ${MOST_TIMES_ITS_SIZE} times its own ${zip.length}), but it announces ${total}`,
      );
    return new Map(chosen.map((entry) => [entry.path, unpack(zip, entry)]));
  } catch (cause) {
    if (cause instanceof PlaygroundError) throw cause;
    throw damaged('its files cannot be unpacked', cause);
  }
}

/** `model/` where every path lies in that folder, else empty. */
export function topFolder(paths: readonly string[]): string {
  const top = (paths[0] ?? '').split('/', 1)[0] ?? '';
  return top !== '' && paths.every((path) => path.startsWith(`${top}/`)) ? `${top}/` : '';
}

interface Entry {
  readonly path: string;
  readonly method: number;
  readonly crc: number;
  /** Where its packed bytes lie. */
  readonly start: number;
  readonly packedBytes: number;
  readonly bytes: number;
}

function damaged(how: string, cause?: unknown): PlaygroundError {
  return badCheckpoint(`the file must be a whole zip, but ${how}; it may be damaged or incomplete`, cause);
}

/** Of every file in the order of the directory, each checked against its own header; no two share a byte. */
function readDirectory(zip: Uint8Array): Entry[] {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.length);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  const directoryBytes = view.getUint32(end + 12, true);
  const directory = view.getUint32(end + 16, true);
  if (count > MOST_FILES)
    throw badCheckpoint(`a zip must hold at most ${MOST_FILES} files, but this one holds ${count}`);
  if (
    view.getUint32(end + 4, true) !== 0 ||
    view.getUint16(end + 8, true) !== count ||
    directory + directoryBytes !== end
  )
    throw damaged('its directory is not where its end says');

  const entries: Entry[] = [];
  const ranges: (readonly [from: number, to: number])[] = [];
  const paths = new Set<string>();
  let at = directory;
  for (let index = 0; index < count; index++) {
    if (at + CENTRAL.bytes > end || view.getUint32(at, true) !== CENTRAL.signature)
      throw damaged('its directory is broken');
    const nameBytes = view.getUint16(at + 28, true);
    const header = view.getUint32(at + 42, true);
    const name = zip.subarray(at + CENTRAL.bytes, at + CENTRAL.bytes + nameBytes);
    const flags = view.getUint16(at + 8, true);
    const path = new TextDecoder(flags & UTF8 ? 'utf-8' : 'latin1').decode(name);
    if (!isInside(path)) throw badCheckpoint(`every path in the zip must lie within it, but one is ${show(path)}`);
    if (paths.has(path)) throw badCheckpoint(`every path in the zip must come once, but ${show(path)} comes twice`);
    paths.add(path);
    const entry = {
      path,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packedBytes: view.getUint32(at + 20, true),
      bytes: view.getUint32(at + 24, true),
    };
    if (flags & ENCRYPTED || (entry.method !== STORED && entry.method !== DEFLATED))
      throw badCheckpoint(
        `every file in the zip must be stored or deflated, without a password, but ${show(path)} is not`,
      );
    const start = checkHeader(view, header, name, flags, entry);
    ranges.push([header, start + entry.packedBytes]);
    entries.push({ ...entry, start });
    at += CENTRAL.bytes + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  if (at !== end) throw damaged('its directory is broken');
  ranges.sort(([a], [b]) => a - b);
  ranges.push([directory, end]);
  for (const [index, [, to]] of ranges.slice(0, -1).entries())
    if (to > (ranges[index + 1]?.[0] ?? 0)) throw damaged('two of its files lie in the same place');
  return entries;
}

/** The record that ends a zip: only its comment comes after it. */
function findEnd(view: DataView): number {
  const last = view.byteLength - END.bytes;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (
      view.getUint32(at, true) === END.signature &&
      at + END.bytes + view.getUint16(at + 20, true) === view.byteLength
    )
      return at;
  }
  throw damaged('it does not end as one');
}

/** Where the packed bytes begin, behind the file's own header, which must say what the directory says. */
function checkHeader(
  view: DataView,
  header: number,
  name: Uint8Array,
  flags: number,
  entry: Omit<Entry, 'start'>,
): number {
  const broken = (): PlaygroundError => damaged(`the header of ${show(entry.path)} is not what the directory says`);
  if (header + LOCAL.bytes > view.byteLength || view.getUint32(header, true) !== LOCAL.signature) throw broken();
  const nameBytes = view.getUint16(header + 26, true);
  const start = header + LOCAL.bytes + nameBytes + view.getUint16(header + 28, true);
  if (start + entry.packedBytes > view.byteLength || nameBytes !== name.length) throw broken();
  const sameName = name.every((byte, index) => view.getUint8(header + LOCAL.bytes + index) === byte);
  const sameSizes =
    Boolean(flags & SIZES_FOLLOW) ||
    (view.getUint32(header + 14, true) === entry.crc &&
      view.getUint32(header + 18, true) === entry.packedBytes &&
      view.getUint32(header + 22, true) === entry.bytes);
  if (!sameName || !sameSizes || view.getUint16(header + 8, true) !== entry.method) throw broken();
  return start;
}

function unpack(zip: Uint8Array, { path, method, crc, start, packedBytes, bytes }: Entry): Uint8Array {
  const packed = zip.subarray(start, start + packedBytes);
  const file = method === STORED ? packed.slice() : inflate(path, packed, bytes);
  if (file.length !== bytes)
    throw damaged(`${show(path)} must have ${bytes} bytes, as it announces, but it has ${file.length}`);
  if (crc32(file) !== crc) throw damaged(`${show(path)} has another checksum than it announces`);
  return file;
}

/** At most as many bytes as announced, plus what one chunk made before it was looked at; the rest is not unpacked. */
function inflate(path: string, packed: Uint8Array, bytes: number): Uint8Array {
  const file = new Uint8Array(bytes);
  let written = 0;
  const stream = new Inflate((chunk) => {
    if (written + chunk.length > bytes)
      throw damaged(`${show(path)} must have ${bytes} bytes, as it announces, but it has more`);
    file.set(chunk, written);
    written += chunk.length;
  });
  for (let at = 0; at === 0 || at < packed.length; at += CHUNK_BYTES)
    stream.push(packed.subarray(at, at + CHUNK_BYTES), at + CHUNK_BYTES >= packed.length);
  return file.subarray(0, written);
}

/** Relative, with forward slashes, no drive, and no empty, `.` or `..` step; a folder's own entry ends in a slash. */
function isInside(path: string): boolean {
  const steps = path.replace(/\/$/, '').split('/');
  return !/[\\:\0]/.test(path) && steps.every((step) => step !== '' && step !== '.' && step !== '..');
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 of ISO 3309, as zip has it. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
  return ~crc >>> 0;
}
