// y = gain * x * r,  r = 1 / sqrt(mean(x^2) + eps)                                   (Zhang and Sennrich 2019)
// dx = r * (gain * dy - x * r^2 * mean(gain * dy * x)),   dgain = sum over rows of dy * x * r
//
// rms_norm_forward          grid (rows/4)          writes y and the scale r of every row
// rms_norm_backward         grid (rows/4)          accumulates into d_x, the gradient of the residual stream
// rms_norm_backward_gain    grid (D/4, SPLITS)     accumulates into partial: [SPLITS, D]; reduce.wgsl adds them up
//
// A workgroup holds four rows, sixteen threads to a row.

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> gain: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> scale: array<f32>;
@group(0) @binding(5) var<storage, read> row_scale: array<f32>;
@group(0) @binding(6) var<storage, read> d_y: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> d_x: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> partial: array<vec4f>;

const LANES = 16u;
var<workgroup> lane_sums: array<f32, 64>;

/// The sum over the sixteen threads of this thread's row. Every thread of the workgroup must call it.
fn row_sum(value: f32, thread: u32) -> f32 {
  lane_sums[thread] = value;
  workgroupBarrier();
  let first = thread / LANES * LANES;
  var sum = 0.0;
  for (var lane = 0u; lane < LANES; lane++) { sum += lane_sums[first + lane]; }
  return sum;
}

@compute @workgroup_size(64)
fn rms_norm_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = group.x * 4u + thread / LANES;
  let lane = thread % LANES;
  let at = min(n, rows - 1u) * (D / 4u);
  var squares = 0.0;
  for (var d = lane; d < D / 4u; d += LANES) { squares += dot(x[at + d], x[at + d]); }
  let r = inverseSqrt(row_sum(squares, thread) / f32(D) + EPS);
  if (n >= rows) { return; }
  if (lane == 0u) { scale[n] = r; }
  for (var d = lane; d < D / 4u; d += LANES) { y[at + d] = gain[d] * x[at + d] * r; }
}

@compute @workgroup_size(64)
fn rms_norm_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = group.x * 4u + thread / LANES;
  let lane = thread % LANES;
  let row = min(n, rows - 1u);
  let at = row * (D / 4u);
  var products = 0.0;
  for (var d = lane; d < D / 4u; d += LANES) { products += dot(gain[d] * d_y[at + d], x[at + d]); }
  let r = row_scale[row];
  let pull = row_sum(products, thread) / f32(D) * r * r;
  if (n >= rows) { return; }
  for (var d = lane; d < D / 4u; d += LANES) { d_x[at + d] += r * (gain[d] * d_y[at + d] - x[at + d] * pull); }
}

@compute @workgroup_size(64)
fn rms_norm_backward_gain(@builtin(global_invocation_id) id: vec3u) {
  let d = id.x;
  if (d >= D / 4u) { return; }
  var sum = vec4f();
  let share = (rows + SPLITS - 1u) / SPLITS;
  let end = min((id.y + 1u) * share, rows);
  for (var n = id.y * share; n < end; n++) { sum += d_y[n * (D / 4u) + d] * x[n * (D / 4u) + d] * row_scale[n]; }
  partial[id.y * (D / 4u) + d] += sum;
}
