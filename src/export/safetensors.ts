// Tensors in one file: eight bytes of header length (little-endian), a JSON header of name -> dtype, shape and byte range, then the raw
// numbers. The format is https://github.com/huggingface/safetensors; like its reader, this one accepts neither gaps nor overlaps.
import { fromBfloat16, fromHalf, toHalf } from './float16.ts';
import { badCheckpoint, isObject, parseJsonObject, show } from './untrusted.ts';

export interface Tensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
}

const LENGTH_BYTES = 8;
const BYTES_PER_NUMBER = { F32: 4, F16: 2, BF16: 2 } as const;
type DType = keyof typeof BYTES_PER_NUMBER;

/** In the order of the map; in F16 every number is the nearest half. */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>, dtype: 'F32' | 'F16' = 'F32'): Uint8Array {
  const entries: [string, unknown][] = [['__metadata__', { format: 'pt' }]];
  const numbers = [...tensors.values()].map(({ data }) => (dtype === 'F16' ? toHalf(data) : data));
  let dataBytes = 0;
  [...tensors].forEach(([name, { shape }], index) => {
    const { byteLength } = numbers[index]!;
    entries.push([name, { dtype, shape, data_offsets: [dataBytes, dataBytes + byteLength] }]);
    dataBytes += byteLength;
  });
  let header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const padding = -header.length & 7; // the numbers start on a multiple of 8 bytes
  header = new Uint8Array([...header, ...new Uint8Array(padding).fill(0x20)]);

  const file = new Uint8Array(LENGTH_BYTES + header.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, LENGTH_BYTES);
  let end = LENGTH_BYTES + header.length;
  for (const { buffer, byteOffset, byteLength } of numbers) {
    file.set(new Uint8Array(buffer, byteOffset, byteLength), end);
    end += byteLength;
  }
  return file;
}

/** F32 as it is, F16 and BF16 widened. Throws bad-checkpoint, naming `file`, whatever the bytes are. */
export function readSafetensors(bytes: Uint8Array, file = 'model.safetensors'): Map<string, Tensor> {
  if (bytes.length < LENGTH_BYTES) {
    throw badCheckpoint(
      `${file} must start with ${LENGTH_BYTES} bytes of header length, but the file has ${bytes.length} bytes`,
    );
  }
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const room = bytes.length - LENGTH_BYTES;
  if (headerBytes > BigInt(room)) {
    throw badCheckpoint(
      `${file} announces a header of ${headerBytes} bytes, but only ${room} follow; it may be cut off, or not a safetensors file`,
    );
  }
  const dataStart = LENGTH_BYTES + Number(headerBytes);
  const header = parseJsonObject(`the header of ${file}`, bytes.subarray(LENGTH_BYTES, dataStart));
  const data = bytes.subarray(dataStart);

  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => ({ name, ...readEntry(`tensor ${show(name)} of ${file}`, entry, data.length) }));
  checkTiling(file, entries, data.length);
  return new Map(
    entries.map(({ name, dtype, shape, begin, end }) => [
      name,
      { shape, data: toFloat32(dtype, data.subarray(begin, end)) },
    ]),
  );
}

interface Entry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** In bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

function readEntry(what: string, entry: unknown, dataBytes: number): Entry {
  if (!isObject(entry))
    throw badCheckpoint(`${what} must have a dtype, a shape and data_offsets, but its entry is ${show(entry)}`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDType(dtype))
    throw badCheckpoint(
      `${what} must be of dtype ${Object.keys(BYTES_PER_NUMBER).join(', ')}, but it is ${show(dtype)}`,
    );
  const expected = isSizes(shape) ? shape.reduce((product, length) => product * length, BYTES_PER_NUMBER[dtype]) : NaN;
  if (!isSizes(shape) || !Number.isSafeInteger(expected)) {
    throw badCheckpoint(
      `${what} must have a shape of whole numbers, and of a size that can be, but it is ${show(shape)}`,
    );
  }
  const [begin, end] = isSizes(offsets) && offsets.length === 2 ? offsets : [];
  if (begin === undefined || end === undefined || begin > end || end > dataBytes) {
    throw badCheckpoint(
      `${what} must lie within the ${dataBytes} bytes after the header, but its data_offsets are ${show(offsets)}`,
    );
  }
  if (end - begin !== expected) {
    throw badCheckpoint(
      `${what} must take ${expected} bytes for shape ${show(shape)} in ${dtype}, but it takes ${end - begin}`,
    );
  }
  return { dtype, shape, begin, end };
}

/** Every byte after the header belongs to exactly one tensor. */
function checkTiling(file: string, entries: readonly (Entry & { name: string })[], dataBytes: number): void {
  let covered = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      const fault = begin < covered ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw badCheckpoint(
        `tensor ${show(name)} of ${file} must start at byte ${covered}, but it starts at ${begin} and ${fault}`,
      );
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw badCheckpoint(
      `${file} must end with its last tensor at byte ${covered} after the header, but it has ${dataBytes} bytes there`,
    );
  }
}

function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(BYTES_PER_NUMBER, value);
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function toFloat32(dtype: DType, bytes: Uint8Array): Float32Array {
  const aligned = Uint8Array.from(bytes).buffer; // a view may start on any byte of the file
  if (dtype === 'F32') return new Float32Array(aligned);
  return (dtype === 'F16' ? fromHalf : fromBfloat16)(new Uint16Array(aligned));
}
