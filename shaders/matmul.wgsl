// The linear layer y = x W^T with W: [OUT, IN] as Hugging Face stores it, and its two gradients. IN and OUT are multiples of 4.
//   y[n,o]  = sum over i of x[n,i] W[o,i]
//   dx[n,i] = sum over o of dy[n,o] W[o,i]
//   dW[o,i] = sum over n of dy[n,o] x[n,i]       as SPLITS partial sums over shares of the rows; reduce.wgsl adds them up
// x comes from input_at of one of the files input-*.wgsl, which is put in front.
//
// matmul_forward             grid (OUT/4, rows/4)            writes y
// matmul_forward_residual    grid (OUT/4, rows/4)            writes y = residual + x W^T
// matmul_backward_input      grid (IN/4, rows/4)             writes d_x
// matmul_backward_gated      grid (IN/4, rows/4)             where x = silu(gate) * up: turns gate_up into its gradient, in place
// matmul_backward_weight     grid (IN/4, OUT/4, SPLITS)      writes partial: [SPLITS, OUT, IN]
//
// A thread makes a block of 4 x 4 results in four named vec4s: arrays of accumulators spill on some drivers.

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> residual: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> d_y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> d_x: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> d_gate_up: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> partial: array<vec4f>;

const IN4 = IN / 4u;
const OUT4 = OUT / 4u;

/// Rows n0 to n0 + 3 of columns 4 o to 4 o + 3. Rows past the end repeat the last row and are not stored.
fn forward_block(o: u32, n0: u32) -> mat4x4f {
  let last = rows - 1u;
  let w = o * 4u * IN4;
  var y0 = vec4f();
  var y1 = vec4f();
  var y2 = vec4f();
  var y3 = vec4f();
  for (var i = 0u; i < IN4; i++) {
    let w0 = weight[w + i];
    let w1 = weight[w + IN4 + i];
    let w2 = weight[w + 2u * IN4 + i];
    let w3 = weight[w + 3u * IN4 + i];
    let a = input_at(n0, i);
    let b = input_at(min(n0 + 1u, last), i);
    let c = input_at(min(n0 + 2u, last), i);
    let d = input_at(min(n0 + 3u, last), i);
    y0 += vec4f(dot(a, w0), dot(a, w1), dot(a, w2), dot(a, w3));
    y1 += vec4f(dot(b, w0), dot(b, w1), dot(b, w2), dot(b, w3));
    y2 += vec4f(dot(c, w0), dot(c, w1), dot(c, w2), dot(c, w3));
    y3 += vec4f(dot(d, w0), dot(d, w1), dot(d, w2), dot(d, w3));
  }
  return mat4x4f(y0, y1, y2, y3);
}

@compute @workgroup_size(8, 8)
fn matmul_forward(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * 4u;
  if (id.x >= OUT4 || n >= rows) { return; }
  let block = forward_block(id.x, n);
  for (var j = 0u; j < min(4u, rows - n); j++) { y[(n + j) * OUT4 + id.x] = block[j]; }
}

@compute @workgroup_size(8, 8)
fn matmul_forward_residual(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * 4u;
  if (id.x >= OUT4 || n >= rows) { return; }
  let block = forward_block(id.x, n);
  for (var j = 0u; j < min(4u, rows - n); j++) {
    let at = (n + j) * OUT4 + id.x;
    y[at] = residual[at] + block[j];
  }
}

/// Rows n0 to n0 + 3 of columns 4 i to 4 i + 3 of d_y W.
fn backward_block(i: u32, n0: u32) -> mat4x4f {
  let last = rows - 1u;
  let n1 = min(n0 + 1u, last) * OUT4;
  let n2 = min(n0 + 2u, last) * OUT4;
  let n3 = min(n0 + 3u, last) * OUT4;
  var d_x0 = vec4f();
  var d_x1 = vec4f();
  var d_x2 = vec4f();
  var d_x3 = vec4f();
  for (var o = 0u; o < OUT4; o++) {
    let w0 = weight[o * 4u * IN4 + i];
    let w1 = weight[(o * 4u + 1u) * IN4 + i];
    let w2 = weight[(o * 4u + 2u) * IN4 + i];
    let w3 = weight[(o * 4u + 3u) * IN4 + i];
    let a = d_y[n0 * OUT4 + o];
    let b = d_y[n1 + o];
    let c = d_y[n2 + o];
    let d = d_y[n3 + o];
    d_x0 += a.x * w0 + a.y * w1 + a.z * w2 + a.w * w3;
    d_x1 += b.x * w0 + b.y * w1 + b.z * w2 + b.w * w3;
    d_x2 += c.x * w0 + c.y * w1 + c.z * w2 + c.w * w3;
    d_x3 += d.x * w0 + d.y * w1 + d.z * w2 + d.w * w3;
  }
  return mat4x4f(d_x0, d_x1, d_x2, d_x3);
}

@compute @workgroup_size(8, 8)
fn matmul_backward_input(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * 4u;
  if (id.x >= IN4 || n >= rows) { return; }
  let block = backward_block(id.x, n);
  for (var j = 0u; j < min(4u, rows - n); j++) { d_x[(n + j) * IN4 + id.x] = block[j]; }
}

/// dgate = d up sigmoid(gate) (1 + gate (1 - sigmoid(gate))),   dup = d silu(gate)
fn store_gate_up(n: u32, i: u32, d: vec4f) {
  if (n >= rows) { return; }
  let at = n * 2u * IN4 + i;
  let gate = d_gate_up[at];
  let up = d_gate_up[at + IN4];
  let sigmoid = 1.0 / (1.0 + exp(-gate));
  d_gate_up[at] = d * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
  d_gate_up[at + IN4] = d * gate * sigmoid;
}

@compute @workgroup_size(8, 8)
fn matmul_backward_gated(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * 4u;
  if (id.x >= IN4 || n >= rows) { return; }
  let block = backward_block(id.x, n);
  for (var j = 0u; j < 4u; j++) { store_gate_up(n + j, id.x, block[j]); }
}

@compute @workgroup_size(8, 8)
fn matmul_backward_weight(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let o = id.y;
  if (i >= IN4 || o >= OUT4) { return; }
  var d_w0 = vec4f();
  var d_w1 = vec4f();
  var d_w2 = vec4f();
  var d_w3 = vec4f();
  let share = (rows + SPLITS - 1u) / SPLITS;
  let end = min((id.z + 1u) * share, rows);
  for (var n = id.z * share; n < end; n++) {
    let dy = d_y[n * OUT4 + o];
    let xi = input_at(n, i);
    d_w0 += dy.x * xi;
    d_w1 += dy.y * xi;
    d_w2 += dy.z * xi;
    d_w3 += dy.w * xi;
  }
  let at = (id.z * OUT + o * 4u) * IN4 + i;
  partial[at] = d_w0;
  partial[at + IN4] = d_w1;
  partial[at + 2u * IN4] = d_w2;
  partial[at + 3u * IN4] = d_w3;
}
