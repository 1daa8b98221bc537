// Rotary position embedding in Hugging Face's half-split order (Su et al. 2021): in each head of queries and keys the pair
// (j, j + K/2) turns by the angle position * theta^(-2j/K). The gradient turns back by the same angle.
// Cosines and sines come from a table, since the GPU's own are too coarse for large angles.
//
// rope_forward, rope_backward   grid (D, rows): K/2 pairs x 2H heads of queries and keys   turn the first 2D of a row's 3D in place

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read> turns: array<vec2f>; // [maxPositions, K/2] of (cos, sin)
@group(0) @binding(3) var<storage, read_write> qkv: array<f32>;

fn turn(id: vec3u, direction: f32) {
  let n = id.y;
  if (id.x >= D || n >= rows) { return; }
  let half = K / 2u;
  let j = id.x % half;
  let first = n * 3u * D + id.x / half * K + j;
  let angle = turns[positions[n] * half + j];
  let a = qkv[first];
  let b = qkv[first + half];
  qkv[first] = a * angle.x - direction * b * angle.y;
  qkv[first + half] = b * angle.x + direction * a * angle.y;
}

@compute @workgroup_size(16, 4)
fn rope_forward(@builtin(global_invocation_id) id: vec3u) { turn(id, 1.0); }

@compute @workgroup_size(16, 4)
fn rope_backward(@builtin(global_invocation_id) id: vec3u) { turn(id, -1.0); }
