// Half precision (IEEE 754 binary16) and bfloat16, by their bits, beside the single precision that the engine computes in.

/** The largest finite half. */
export const LARGEST_HALF = 65504;

/** The nearest halves; of two equally near, the one whose last bit is 0. Beyond 65520, infinity. */
export function toHalf(numbers: Float32Array): Uint16Array {
  return Uint16Array.from(new Uint32Array(Float32Array.from(numbers).buffer), narrow);
}

/** Exact. */
export function fromHalf(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, widen).buffer);
}

/** Exact: a bfloat16 is the upper half of a single. */
export function fromBfloat16(numbers: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(numbers, (bits) => bits << 16).buffer);
}

/** The bits of a half from those of a single. */
function narrow(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // infinity
  // From 2^-14 on, 13 digits of the mantissa go; below it, all halves are whole multiples of 2^-24.
  const normal = magnitude >= 0x38800000;
  const digits = normal ? magnitude - 0x38000000 : 0x800000 | (magnitude & 0x7fffff);
  const dropped = normal ? 13 : 126 - (magnitude >>> 23);
  if (dropped > 24) return sign;
  const lastKept = (digits >>> dropped) & 1;
  return sign | ((digits + (1 << (dropped - 1)) - 1 + lastKept) >>> dropped);
}

/** The bits of the single that equals a half. */
function widen(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13); // infinity, NaN
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  const shift = Math.clz32(mantissa) - 21; // a subnormal half is a normal single
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}
