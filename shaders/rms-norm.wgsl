// norm(x) = gain * x * r,  r = 1 / sqrt(mean(x^2) + eps)                             (Zhang and Sennrich 2019)
// dx = r * (gain * dy - x * r^2 * mean(gain * dy * x)),   dgain = sum over rows of dy * x * r
// In the forward pass norm(x) is made where a product reads it (input-normed.wgsl).
//
// rms_norm_scale      grid (rows/64 * LANES)     writes the scale r of every row
// rms_norm_backward   grid (SPLITS / SHARES)     accumulates into d_x, the gradient of the residual stream; turns d_y into norm(x),
//                                                in place, for the gradient of the weight behind it; writes the gain's gradient
//                                                as SPLITS partial sums, [SPLITS, D]; reduce.wgsl adds them up
//
// LANES threads to a row: 16, or 1 on software adapters, where barriers cost most.

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> gain: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> d_x: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(7) var<storage, read> row_scale: array<f32>;

const D4 = D / 4u;
const ROWS = 64u / LANES; // at a time in a workgroup
const SHARES = select(1u, ROWS, LANES == 1u); // of the rows, in a workgroup: a thread on its own sums up only what it saw
const PARTS = (D4 + LANES - 1u) / LANES; // vec4s of a row to a thread
var<workgroup> lane_sums: array<f32, 64>;
var<workgroup> lane_gains: array<vec4f, 64>;

/// The sum over the threads of this thread's row. Every thread of the workgroup must call it.
fn row_sum(value: f32, thread: u32) -> f32 {
  if (LANES == 1u) { return value; }
  workgroupBarrier();
  lane_sums[thread] = value;
  workgroupBarrier();
  let first = thread / LANES * LANES;
  var sum = 0.0;
  for (var lane = 0u; lane < LANES; lane++) { sum += lane_sums[first + lane]; }
  return sum;
}

@compute @workgroup_size(64)
fn rms_norm_scale(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = group.x * ROWS + thread / LANES;
  let at = min(n, rows - 1u) * D4;
  var squares = 0.0;
  for (var d = thread % LANES; d < D4; d += LANES) { squares += dot(x[at + d], x[at + d]); }
  let r = inverseSqrt(row_sum(squares, thread) / f32(D) + EPS);
  if (n < rows && thread % LANES == 0u) { scale[n] = r; }
}

@compute @workgroup_size(64)
fn rms_norm_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % LANES;
  var d_gain: array<vec4f, PARTS>;
  for (var first = group.x * ROWS; first < rows; first += SPLITS / SHARES * ROWS) {
    let n = first + thread / LANES;
    let row = min(n, rows - 1u);
    let at = row * D4;
    var products = 0.0;
    for (var d = lane; d < D4; d += LANES) { products += dot(gain[d] * d_y[at + d], x[at + d]); }
    let r = row_scale[row];
    let pull = row_sum(products, thread) / f32(D) * r * r;
    if (n < rows) {
      for (var p = 0u; p < PARTS; p++) {
        let d = lane + p * LANES;
        if (d < D4) {
          let slope = d_y[at + d];
          let scaled = x[at + d] * r;
          d_x[at + d] += r * gain[d] * slope - scaled * pull;
          d_gain[p] += slope * scaled;
          d_y[at + d] = gain[d] * scaled;
        }
      }
    }
  }
  for (var p = 0u; p < PARTS; p++) {
    let d = lane + p * LANES;
    if (LANES == 1u) {
      partial[(group.x * SHARES + thread) * D4 + d] = d_gain[p];
      continue;
    }
    workgroupBarrier();
    lane_gains[thread] = d_gain[p];
    workgroupBarrier();
    if (thread < LANES && d < D4) {
      partial[group.x * D4 + d] = lane_gains[lane] + lane_gains[lane + LANES] + lane_gains[lane + 2u * LANES] + lane_gains[lane + 3u * LANES];
    }
  }
}
