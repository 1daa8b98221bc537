// x_n = E[id_n]                                       E: [V, D], one row a token
// dE_v = sum of dx_n over the rows n whose id is v     as SPLITS partial sums over shares of the rows; reduce.wgsl adds them up
//
// embedding_forward    grid (D/4, rows)            writes x
// embedding_backward   grid (D/4, VP, SPLITS)      writes partial: [SPLITS, VP, D]

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(4) var<storage, read> d_x: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec4f>;

@compute @workgroup_size(16, 4)
fn embedding_forward(@builtin(global_invocation_id) id: vec3u) {
  let d = id.x;
  let n = id.y;
  if (d >= D / 4u || n >= rows) { return; }
  x[n * (D / 4u) + d] = weight[ids[n] * (D / 4u) + d];
}

@compute @workgroup_size(16, 4)
fn embedding_backward(@builtin(global_invocation_id) id: vec3u) {
  let d = id.x;
  let v = id.y;
  if (d >= D / 4u || v >= VP) { return; }
  var sum = vec4f();
  let share = (rows + SPLITS - 1u) / SPLITS;
  let end = min((id.z + 1u) * share, rows);
  for (var n = id.z * share; n < end; n++) {
    if (ids[n] == v) { sum += d_x[n * (D / 4u) + d]; }
  }
  partial[(id.z * VP + v) * (D / 4u) + d] = sum;
}
