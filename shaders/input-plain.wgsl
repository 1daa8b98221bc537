// What a product takes as it is: for matmul.wgsl and matmul-tiled.wgsl.

@group(0) @binding(10) var<storage, read_write> x: array<vec4f>;

/// Row n, numbers 4 i to 4 i + 3.
fn input_at(n: u32, i: u32) -> vec4f {
  return x[n * (IN / 4u) + i];
}
