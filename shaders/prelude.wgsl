// Put in front of every shader file.

/// Four u32 words to four u32 words: pcg4d of Jarzynski and Olano, "Hash Functions for GPU Rendering" (JCGT 2020).
/// Bit-identical to `pcg4d` in src/base/random.ts.
fn pcg4d(key: vec4u) -> vec4u {
  var v = key * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

/// A float in (0, 1), never 0 or 1, from 32 random bits.
fn unit_float(bits: u32) -> f32 {
  return (f32(bits >> 9u) + 0.5) * 0x1p-23;
}

/// NaN or infinite, by the bits: WGSL lets a compiler assume that floats are finite.
fn is_broken(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u;
}

/// A standard Gumbel draw from 32 random bits. Near u = 1 a GPU's log(u) is too coarse, so the series of -log(1 - x) takes over.
fn gumbel(bits: u32) -> f32 {
  let u = unit_float(bits);
  let x = 1.0 - u;
  let exponential = select(-log(u), x * (1.0 + x * (0.5 + x * (1.0 / 3.0))), x < 0.01);
  return -log(exponential);
}
