import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf } from '../../src/export/float16.ts';

const bitsOf = (...numbers: number[]): number[] => [...toHalf(Float32Array.from(numbers))];

describe('half precision', () => {
  it('gives back every half that there is', () => {
    const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits).filter((bits) => (bits & 0x7fff) <= 0x7c00);
    expect(Buffer.compare(new Uint8Array(toHalf(fromHalf(all)).buffer), new Uint8Array(all.buffer))).toBe(0);
  });

  it('takes the nearest half, of any two neighbours, and the even one from the middle', () => {
    const lows = Uint16Array.from({ length: 0x7bff }, (_, bits) => bits);
    const low = fromHalf(lows);
    const high = fromHalf(lows.map((bits) => bits + 1));
    const between = (share: number): Uint16Array => toHalf(low.map((value, at) => value + share * (high[at]! - value)));
    expect(between(0.498).every((half, at) => half === at)).toBe(true);
    expect(between(0.502).every((half, at) => half === at + 1)).toBe(true);
    expect(between(0.5).every((half, at) => half === at + (at & 1))).toBe(true);
  });

  it('is infinite from the middle between the largest half and the next power of two', () => {
    expect(bitsOf(65504, 65519.996, 65520, 1e30, Infinity)).toEqual([0x7bff, 0x7bff, 0x7c00, 0x7c00, 0x7c00]);
  });

  it('keeps the sign, of zero and of what becomes zero too, and what is not a number', () => {
    expect(bitsOf(-1.5, -0, -1e-9, 2 ** -25, 1e-40)).toEqual([0xbe00, 0x8000, 0x8000, 0, 0]);
    expect(fromHalf(toHalf(Float32Array.of(NaN)))[0]).toBeNaN();
  });
});
