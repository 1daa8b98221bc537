// norm(x) as the input of a product, for matmul.wgsl, which takes the gain and the scale out of its sums. `scale` is 1 / rms of every
// row: the forward pass writes it.

@group(0) @binding(10) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(11) var<storage, read_write> scale: array<f32>;
@group(0) @binding(12) var<storage, read> gain: array<vec4f>;

const NORMED = true;

/// Row n, numbers 4 i to 4 i + 3, without gain and scale.
fn input_at(n: u32, i: u32) -> vec4f {
  return x[n * (IN / 4u) + i];
}

fn gain_at(i: u32) -> vec4f { return gain[i]; }

fn scales_at(n: vec4u) -> vec4f {
  return vec4f(scale[n.x], scale[n.y], scale[n.z], scale[n.w]);
}

fn keep_scales(n: vec4u, four: vec4f) {
  scale[n.x] = four.x;
  scale[n.y] = four.y;
  scale[n.z] = four.z;
  scale[n.w] = four.w;
}
