// The linear layer y = x W^T with W: [OUT, IN] as Hugging Face stores it, and its two gradients. IN and OUT are multiples of 4.
//   y[n,o]  = sum over i of x[n,i] W[o,i]
//   dx[n,i] = sum over o of dy[n,o] W[o,i]
//   dW[o,i] = sum over n of dy[n,o] x[n,i]       as SPLITS partial sums over shares of the rows; reduce.wgsl adds them up
//
// matmul_forward             grid (OUT/64, rows/8)           writes y
// matmul_forward_residual    grid (OUT/64, rows/8)           writes y = residual + x W^T
// matmul_forward_gated       grid (OUT/64, rows/8)           writes gate_up = x W^T and silu(gate) * up (Shazeer 2020); a row of
//                                                            gate_up holds OUT/2 gates, then OUT/2 ups
// matmul_backward_input      grid (IN/64, rows/8)            writes d_x
// matmul_backward_gated      grid (IN/64, rows/8)            where x = silu(gate) * up: writes x, and turns gate_up into its
//                                                            gradient, in place
// matmul_backward_weight     grid (IN/64, OUT/8, SPLITS)     writes partial: [SPLITS, OUT, IN]
//
// For software adapters, where loads and barriers cost most: a thread makes 8 x 8 results on its own, four numbers at a time of
// what it multiplies. Workgroups are small, so that a few rows keep every core busy.

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> residual: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> d_y: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> d_x: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> gate_up: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> gated: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> partial: array<vec4f>;

const IN4 = IN / 4u;
const OUT4 = OUT / 4u;

/// 8 rows of 8 results as four matrices, each with a row's four columns in a column: an array would not stay in registers.
struct Block { top_left: mat4x4f, top_right: mat4x4f, bottom_left: mat4x4f, bottom_right: mat4x4f }

/// Adds the products of four numbers: for the left and the right columns of results, and for the rows at the top and at the bottom.
fn add(block: ptr<function, Block>, left: mat4x4f, right: mat4x4f, top: mat4x4f, bottom: mat4x4f) {
  (*block).top_left += left * top;
  (*block).top_right += right * top;
  (*block).bottom_left += left * bottom;
  (*block).bottom_right += right * bottom;
}

/// Row j of a block: its left columns and its right ones.
fn block_row(block: ptr<function, Block>, j: u32) -> mat2x4f {
  if (j < 4u) { return mat2x4f((*block).top_left[j], (*block).top_right[j]); }
  return mat2x4f((*block).bottom_left[j - 4u], (*block).bottom_right[j - 4u]);
}

// What lies past the end of the rows or columns repeats the last, and is not stored.

/// The rows n to n + 3.
fn four_rows(n: u32) -> vec4u {
  return min(vec4u(n, n + 1u, n + 2u, n + 3u), vec4u(rows - 1u));
}

/// Numbers 4 i to 4 i + 3 of four rows of x.
fn x_rows(n: vec4u, i: u32) -> mat4x4f {
  let at = n * IN4 + min(i, IN4 - 1u);
  return mat4x4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

/// Numbers 4 o to 4 o + 3 of four rows of d_y.
fn d_y_rows(n: vec4u, o: u32) -> mat4x4f {
  let at = n * OUT4 + min(o, OUT4 - 1u);
  return mat4x4f(d_y[at.x], d_y[at.y], d_y[at.z], d_y[at.w]);
}

/// Numbers 4 i to 4 i + 3 of the weight's rows 4 o to 4 o + 3.
fn weight_rows(o: u32, i: u32) -> mat4x4f {
  let at = min(o, OUT4 - 1u) * 4u * IN4 + min(i, IN4 - 1u);
  return mat4x4f(weight[at], weight[at + IN4], weight[at + 2u * IN4], weight[at + 3u * IN4]);
}

/// Results of four columns from 4 `left` on and of four from 4 `right` on.
fn forward_block(left: u32, right: u32, n: u32) -> Block {
  var block: Block;
  let top = four_rows(n);
  let bottom = four_rows(n + 4u);
  for (var i = 0u; i < IN4; i++) {
    let left_rows = transpose(weight_rows(left, i));
    let right_rows = transpose(weight_rows(right, i));
    add(&block, left_rows, right_rows, x_rows(top, i), x_rows(bottom, i));
  }
  return block;
}

fn store_y(n: u32, o: u32, value: vec4f) {
  if (n < rows && o < OUT4) { y[n * OUT4 + o] = value; }
}

@compute @workgroup_size(8)
fn matmul_forward(@builtin(global_invocation_id) id: vec3u) {
  let o = id.x * 2u;
  let n = id.y * 8u;
  if (o >= OUT4 || n >= rows) { return; }
  var block = forward_block(o, o + 1u, n);
  for (var j = 0u; j < 8u; j++) {
    let row = block_row(&block, j);
    store_y(n + j, o, row[0]);
    store_y(n + j, o + 1u, row[1]);
  }
}

fn store_sum(n: u32, o: u32, value: vec4f) {
  if (n < rows && o < OUT4) { y[n * OUT4 + o] = residual[n * OUT4 + o] + value; }
}

@compute @workgroup_size(8)
fn matmul_forward_residual(@builtin(global_invocation_id) id: vec3u) {
  let o = id.x * 2u;
  let n = id.y * 8u;
  if (o >= OUT4 || n >= rows) { return; }
  var block = forward_block(o, o + 1u, n);
  for (var j = 0u; j < 8u; j++) {
    let row = block_row(&block, j);
    store_sum(n + j, o, row[0]);
    store_sum(n + j, o + 1u, row[1]);
  }
}

fn store_gated(n: u32, i: u32, gate: vec4f, up: vec4f) {
  if (n >= rows) { return; }
  gate_up[n * OUT4 + i] = gate;
  gate_up[n * OUT4 + OUT4 / 2u + i] = up;
  gated[n * (OUT4 / 2u) + i] = gate / (1.0 + exp(-gate)) * up;
}

@compute @workgroup_size(8)
fn matmul_forward_gated(@builtin(global_invocation_id) id: vec3u) {
  let n = id.y * 8u;
  if (id.x >= OUT4 / 2u || n >= rows) { return; }
  var block = forward_block(id.x, OUT4 / 2u + id.x, n);
  for (var j = 0u; j < 8u; j++) {
    let row = block_row(&block, j);
    store_gated(n + j, id.x, row[0], row[1]);
  }
}

fn backward_block(i: u32, n: u32) -> Block {
  var block: Block;
  let top = four_rows(n);
  let bottom = four_rows(n + 4u);
  for (var o = 0u; o < OUT4; o++) {
    add(&block, weight_rows(o, i), weight_rows(o, i + 1u), d_y_rows(top, o), d_y_rows(bottom, o));
  }
  return block;
}

fn store_d_x(n: u32, i: u32, value: vec4f) {
  if (n < rows && i < IN4) { d_x[n * IN4 + i] = value; }
}

@compute @workgroup_size(8)
fn matmul_backward_input(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x * 2u;
  let n = id.y * 8u;
  if (i >= IN4 || n >= rows) { return; }
  var block = backward_block(i, n);
  for (var j = 0u; j < 8u; j++) {
    let row = block_row(&block, j);
    store_d_x(n + j, i, row[0]);
    store_d_x(n + j, i + 1u, row[1]);
  }
}

/// dgate = d up sigmoid(gate) (1 + gate (1 - sigmoid(gate))),   dup = d silu(gate)
fn store_d_gate_up(n: u32, i: u32, d: vec4f) {
  if (n >= rows || i >= IN4) { return; }
  let at = n * 2u * IN4 + i;
  let gate = gate_up[at];
  let up = gate_up[at + IN4];
  let sigmoid = 1.0 / (1.0 + exp(-gate));
  gated[n * IN4 + i] = gate * sigmoid * up;
  gate_up[at] = d * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
  gate_up[at + IN4] = d * gate * sigmoid;
}

@compute @workgroup_size(8)
fn matmul_backward_gated(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x * 2u;
  let n = id.y * 8u;
  if (i >= IN4 || n >= rows) { return; }
  var block = backward_block(i, n);
  for (var j = 0u; j < 8u; j++) {
    let row = block_row(&block, j);
    store_d_gate_up(n + j, i, row[0]);
    store_d_gate_up(n + j, i + 1u, row[1]);
  }
}

@compute @workgroup_size(8)
fn matmul_backward_weight(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x * 2u;
  let o = id.y * 2u;
  if (i >= IN4 || o >= OUT4) { return; }
  var block: Block;
  let share = (rows + SPLITS - 1u) / SPLITS;
  let end = min((id.z + 1u) * share, rows);
  for (var n = id.z * share; n < end; n += 4u) {
    let four = four_rows(n);
    let d_left = share_rows(d_y_rows(four, o), end - n);
    let d_right = share_rows(d_y_rows(four, o + 1u), end - n);
    add(&block, x_rows(four, i), x_rows(four, i + 1u), transpose(d_left), transpose(d_right));
  }
  for (var j = 0u; j < 8u; j++) {
    let out = o * 4u + j;
    if (out >= OUT) { break; }
    let at = (id.z * OUT + out) * IN4 + i;
    let row = block_row(&block, j);
    partial[at] = row[0];
    if (i + 1u < IN4) { partial[at + 1u] = row[1]; }
  }
}

/// The first `count` of four rows, and zeros.
fn share_rows(four: mat4x4f, count: u32) -> mat4x4f {
  let zero = vec4f();
  return mat4x4f(
    four[0],
    select(zero, four[1], count > 1u),
    select(zero, four[2], count > 2u),
    select(zero, four[3], count > 3u),
  );
}
