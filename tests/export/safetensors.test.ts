import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlaygroundError } from '../../src/base/errors.ts';
import { readSafetensors, writeSafetensors } from '../../src/export/safetensors.ts';

/** A file with any header, right or wrong. */
function fileOf(header: string | object, data: Uint8Array | number = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const numbers = typeof data === 'number' ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + text.length + numbers.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(numbers, 8 + text.length);
  return file;
}

const entry = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype: unknown = 'F32'): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

function complaint(bytes: Uint8Array): string {
  try {
    readSafetensors(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(PlaygroundError);
    expect((error as PlaygroundError).name).toBe('bad-checkpoint');
    return (error as PlaygroundError).message;
  }
  return 'it was read';
}

describe('safetensors', () => {
  const tensors = new Map([
    ['b.weight', { shape: [2, 3], data: new Float32Array([1, -2.5, 3e-40, -0, NaN, Infinity]) }],
    ['a.weight', { shape: [1], data: new Float32Array([0.1]) }],
    ['empty', { shape: [0, 4], data: new Float32Array(0) }],
  ]);

  it('reads back what it wrote, bit for bit and in order', () => {
    const back = readSafetensors(writeSafetensors(tensors));
    expect([...back.keys()]).toEqual([...tensors.keys()]);
    for (const [name, { shape, data }] of tensors) {
      expect(back.get(name)?.shape).toEqual(shape);
      expect(new Uint32Array(back.get(name)?.data.buffer as ArrayBuffer)).toEqual(new Uint32Array(data.buffer));
    }
  });

  it('writes the nearest halves as F16', () => {
    const back = readSafetensors(writeSafetensors(tensors, 'F16'));
    expect([...back.get('b.weight')!.data]).toEqual([1, -2.5, 0, -0, NaN, Infinity]);
    expect(back.get('a.weight')!.data[0]).toBeCloseTo(0.1, 4);
  });

  it('starts the numbers on a multiple of eight bytes and names PyTorch as the format', () => {
    const file = writeSafetensors(tensors);
    const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
    expect(headerBytes % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes))) as Record<string, unknown>;
    expect(header['__metadata__']).toEqual({ format: 'pt' });
    expect(header['a.weight']).toEqual({ dtype: 'F32', shape: [1], data_offsets: [24, 28] });
  });

  it('reads a file that lies anywhere in a larger buffer', () => {
    const file = writeSafetensors(tensors);
    const larger = new Uint8Array(file.length + 7);
    larger.set(file, 3);
    expect(readSafetensors(larger.subarray(3, 3 + file.length)).get('a.weight')?.data).toEqual(new Float32Array([0.1]));
  });

  it('widens halves exactly: normal, subnormal, zero, infinite, not a number', () => {
    const halves = new Uint16Array([0x3c00, 0xc100, 0x0001, 0x83ff, 0x0400, 0x7bff, 0x8000, 0x7c00, 0xfc00, 0x7e00]);
    const file = fileOf({ h: entry(0, 20, [10], 'F16') }, new Uint8Array(halves.buffer));
    const expected = [1, -2.5, 2 ** -24, -1023 * 2 ** -24, 2 ** -14, 65504, -0, Infinity, -Infinity, NaN];
    expect([...(readSafetensors(file).get('h')?.data ?? [])]).toEqual(expected);
  });

  it('widens bfloat16 exactly', () => {
    const file = fileOf(
      { b: entry(0, 6, [3], 'BF16') },
      new Uint8Array(new Uint16Array([0x3f80, 0xc020, 0x8000]).buffer),
    );
    expect([...(readSafetensors(file).get('b')?.data ?? [])]).toEqual([1, -2.5, -0]);
  });

  const good = writeSafetensors(tensors);
  const twice =
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  it.each([
    ['an empty file', new Uint8Array(0), 'must start with 8 bytes of header length, but the file has 0 bytes'],
    ['a file cut off in its header', good.subarray(0, 50), 'but only 42 follow; it may be cut off'],
    [
      'a file cut off in its numbers',
      good.subarray(0, good.length - 4),
      'must lie within the 24 bytes after the header, but its data_offsets are [24, 28]',
    ],
    ['a header longer than any file', new Uint8Array(64).fill(255), 'announces a header of 18446744073709551615 bytes'],
    ['a header that is not JSON', fileOf('{"a":'), 'the header of model.safetensors must be JSON in UTF-8'],
    ['a header that is not UTF-8', fileOf('{}').fill(0xff, 8), 'must be JSON in UTF-8'],
    ['a header that is a list', fileOf('[1]'), 'must be a JSON object, but it is [1]'],
    ['a name written twice', fileOf(twice, 4), 'must name everything once, but it has "a" twice'],
    [
      'an entry that is no object',
      fileOf({ a: 7 }),
      'tensor "a" of model.safetensors must have a dtype, a shape and data_offsets, but its entry is 7',
    ],
    ['whole numbers', fileOf({ a: entry(0, 4, [1], 'I32') }, 4), 'must be of dtype F32, F16, BF16, but it is "I32"'],
    ['a dtype that is no name', fileOf({ a: entry(0, 4, [1], {}) }, 4), 'but it is an object'],
    ['a negative length', fileOf({ a: entry(0, 4, [-1]) }, 4), 'and of a size that can be, but it is [-1]'],
    [
      'a shape of another size',
      fileOf({ a: entry(0, 4, [2]) }, 4),
      'must take 8 bytes for shape [2] in F32, but it takes 4',
    ],
    [
      'an overflowing shape',
      fileOf({ a: entry(0, 0, [...Array<number>(40).fill(2 ** 52), 0]) }),
      'must have a shape of whole numbers, and of a size that can be',
    ],
    ['offsets beyond the file', fileOf({ a: entry(0, 8) }, 4), 'must lie within the 4 bytes after the header'],
    ['offsets the wrong way round', fileOf({ a: entry(4, 0, [1]) }, 4), 'its data_offsets are [4, 0]'],
    ['missing offsets', fileOf({ a: { dtype: 'F32', shape: [1] } }, 4), 'its data_offsets are missing'],
    [
      'overlapping tensors',
      fileOf({ a: entry(0, 8), b: entry(4, 12) }, 12),
      'tensor "b" of model.safetensors must start at byte 8, but it starts at 4 and overlaps',
    ],
    [
      'a gap between tensors',
      fileOf({ a: entry(0, 4), b: entry(8, 12) }, 12),
      'must start at byte 4, but it starts at 8 and leaves a gap',
    ],
    [
      'bytes after the last tensor',
      fileOf({ a: entry(0, 4) }, 5),
      'must end with its last tensor at byte 4 after the header, but it has 5 bytes',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(complaint(bytes)).toContain(message);
  });

  it('throws nothing but bad-checkpoint, however its bytes are changed', () => {
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
    const changed = fc.tuple(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(good.length));
    fc.assert(
      fc.property(changed, ([changes, length]) => {
        const bytes = Uint8Array.from(good);
        for (const { at, byte } of changes) bytes[at] = byte;
        complaint(bytes);
        complaint(bytes.subarray(0, length));
      }),
      { numRuns: 2000 },
    );
  });

  it('throws nothing but bad-checkpoint for any JSON as a header', () => {
    const part = fc.oneof(fc.jsonValue(), fc.constantFrom('F32', 'BF16', [0, 4], [1], 'dtype'));
    const header = fc.dictionary(
      fc.string(),
      fc.oneof(fc.record({ dtype: part, shape: part, data_offsets: part }), part),
    );
    fc.assert(fc.property(header, (value) => void complaint(fileOf(value, 4))));
  });
});
