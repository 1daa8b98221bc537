// norm(x) as the input of a product, made from x wherever it is read: for matmul.wgsl and matmul-tiled.wgsl. `scale` is 1 / rms
// of every row (rms-norm.wgsl).

@group(0) @binding(10) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(11) var<storage, read> scale: array<f32>;
@group(0) @binding(12) var<storage, read> gain: array<vec4f>;

/// Row n, numbers 4 i to 4 i + 3.
fn input_at(n: u32, i: u32) -> vec4f {
  return gain[i] * x[n * (IN / 4u) + i] * scale[n];
}
