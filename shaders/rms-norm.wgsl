// norm(x) = gain * x * r,  r = 1 / sqrt(mean(x^2) + eps)                             (Zhang and Sennrich 2019)
// dx = r * (gain * dy - x * r^2 * mean(gain * dy * x)),   dgain = sum over rows of dy * x * r
//
// rms_norm_forward    grid (rows/THREADS * LANES)   writes y = norm(x)
// rms_norm_backward   grid (SPLITS / SHARES)        accumulates into d_x, the gradient of the residual stream; turns d_y into norm(x),
//                                                   in place, for the gradient of the weight behind it; writes the gain's
//                                                   gradient as SPLITS partial sums, [SPLITS, D]; reduce.wgsl adds them up
//
// LANES threads to a row: 16, or 1 on software adapters, where barriers cost most.

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> gain: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> d_y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> d_x: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> partial: array<vec4f>;

const D4 = D / 4u;
const THREADS = select(64u, 8u, LANES == 1u); // of the forward pass: small workgroups, so that a few rows keep every core busy
const ROWS = 64u / LANES; // at a time in a workgroup of the backward pass
const SHARES = select(1u, ROWS, LANES == 1u); // of the rows, in a workgroup: a thread on its own sums up only what it saw
const PARTS = (D4 + LANES - 1u) / LANES; // vec4s of a row to a thread
var<workgroup> lane_sums: array<vec2f, 64>;
var<workgroup> lane_gains: array<vec4f, 64>;

/// The sums over the threads of this thread's row. Every thread of the workgroup must call it.
fn row_sums(values: vec2f, thread: u32) -> vec2f {
  if (LANES == 1u) { return values; }
  workgroupBarrier();
  lane_sums[thread] = values;
  workgroupBarrier();
  let first = thread / LANES * LANES;
  var sums = vec2f();
  for (var lane = 0u; lane < LANES; lane++) { sums += lane_sums[first + lane]; }
  return sums;
}

fn inverse_rms(squares: f32) -> f32 {
  return inverseSqrt(squares / f32(D) + EPS);
}

@compute @workgroup_size(THREADS)
fn rms_norm_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = (group.x * THREADS + thread) / LANES;
  let at = min(n, rows - 1u) * D4;
  var squares = 0.0;
  for (var d = thread % LANES; d < D4; d += LANES) {
    let four = x[at + d];
    squares += dot(four, four);
  }
  let r = inverse_rms(row_sums(vec2f(squares, 0.0), thread).x);
  if (n >= rows) { return; }
  for (var d = thread % LANES; d < D4; d += LANES) { y[at + d] = gain[d] * x[at + d] * r; }
}

@compute @workgroup_size(64)
fn rms_norm_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % LANES;
  var d_gain: array<vec4f, PARTS>;
  for (var first = group.x * ROWS; first < rows; first += SPLITS / SHARES * ROWS) {
    let n = first + thread / LANES;
    let row = min(n, rows - 1u);
    let at = row * D4;
    var sums = vec2f(); // of squares, and of products with the gradient
    for (var d = lane; d < D4; d += LANES) { sums += vec2f(dot(x[at + d], x[at + d]), dot(gain[d] * d_y[at + d], x[at + d])); }
    sums = row_sums(sums, thread);
    let r = inverse_rms(sums.x);
    let pull = sums.y / f32(D) * r * r;
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
