// The products of matmul.wgsl through tiles in workgroup memory: for GPUs. Same bindings, same entry points, same meaning.
// A workgroup of 64 threads makes a tile of 64 x 64 results, a thread 8 x 8 of them, in steps of 16 along the sum. What the next
// steps need is loaded while these are multiplied.
//
// matmul_forward             grid (OUT/64, rows/64)            writes y
// matmul_forward_residual    grid (OUT/64, rows/64)            writes y = residual + x W^T
// matmul_forward_gated       grid (OUT/64, rows/64)            writes gate_up = x W^T and silu(gate) * up
// matmul_backward_input      grid (IN/64, rows/64)             writes d_x
// matmul_backward_gated      grid (IN/64, rows/64)             where x = silu(gate) * up: writes x, and turns gate_up into its
//                                                              gradient, in place
// matmul_backward_weight     grid (IN/64, OUT/64, SPLITS)      writes partial: [SPLITS, OUT, IN]

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
const SIDE = 64u;   // rows, and columns, of a tile of results
const SIDE4 = SIDE / 4u;
const HALF4 = SIDE4 / 2u;
const DEPTH = 16u;  // steps along the sum
const DEPTH4 = DEPTH / 4u;

/// left: the tile's 64 rows at each step, in vec4s; right: its 64 columns. Behind every four steps two places stay free, so that
/// threads that write blocks of four rows by four steps meet in no bank.
const FOUR_STEPS = 4u * SIDE4 + 2u;
var<workgroup> left: array<vec4f, DEPTH4 * FOUR_STEPS>;
var<workgroup> right: array<vec4f, DEPTH4 * FOUR_STEPS>;

/// Results of a thread: four rows, each a column of a matrix, of four columns, and the same half a tile further down and right.
var<private> top_left: mat4x4f;
var<private> top_right: mat4x4f;
var<private> bottom_left: mat4x4f;
var<private> bottom_right: mat4x4f;

fn outer(a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(a.x * b, a.y * b, a.z * b, a.w * b);
}

fn add_step(top: vec4f, bottom: vec4f, at_left: vec4f, at_right: vec4f) {
  top_left += outer(top, at_left);
  top_right += outer(top, at_right);
  bottom_left += outer(bottom, at_left);
  bottom_right += outer(bottom, at_right);
}

/// Written out, since compilers keep a loop that long, and then load a step only when the one before it is done.
fn multiply_tiles(thread: u32) {
  let r = thread / HALF4 % HALF4;
  let c = thread % HALF4;
  add_step(left[r], left[r + 8u], right[c], right[c + 8u]);
  add_step(left[r + 16u], left[r + 24u], right[c + 16u], right[c + 24u]);
  add_step(left[r + 32u], left[r + 40u], right[c + 32u], right[c + 40u]);
  add_step(left[r + 48u], left[r + 56u], right[c + 48u], right[c + 56u]);
  add_step(left[r + 66u], left[r + 74u], right[c + 66u], right[c + 74u]);
  add_step(left[r + 82u], left[r + 90u], right[c + 82u], right[c + 90u]);
  add_step(left[r + 98u], left[r + 106u], right[c + 98u], right[c + 106u]);
  add_step(left[r + 114u], left[r + 122u], right[c + 114u], right[c + 122u]);
  add_step(left[r + 132u], left[r + 140u], right[c + 132u], right[c + 140u]);
  add_step(left[r + 148u], left[r + 156u], right[c + 148u], right[c + 156u]);
  add_step(left[r + 164u], left[r + 172u], right[c + 164u], right[c + 172u]);
  add_step(left[r + 180u], left[r + 188u], right[c + 180u], right[c + 188u]);
  add_step(left[r + 198u], left[r + 206u], right[c + 198u], right[c + 206u]);
  add_step(left[r + 214u], left[r + 222u], right[c + 214u], right[c + 222u]);
  add_step(left[r + 230u], left[r + 238u], right[c + 230u], right[c + 238u]);
  add_step(left[r + 246u], left[r + 254u], right[c + 246u], right[c + 254u]);
}

/// Four steps, each a column, of four rows of the tile.
fn store_left(k4: u32, r: u32, steps: mat4x4f) {
  let at = k4 * FOUR_STEPS + r;
  left[at] = steps[0];
  left[at + SIDE4] = steps[1];
  left[at + 2u * SIDE4] = steps[2];
  left[at + 3u * SIDE4] = steps[3];
}

fn store_right(k4: u32, c: u32, steps: mat4x4f) {
  let at = k4 * FOUR_STEPS + c;
  right[at] = steps[0];
  right[at + SIDE4] = steps[1];
  right[at + 2u * SIDE4] = steps[2];
  right[at + 3u * SIDE4] = steps[3];
}

// Reads past an end give zeros along the sum, and elsewhere numbers that are not stored.

fn x_at(n: u32, i: u32) -> vec4f {
  if (IN % DEPTH == 0u) { return x[min(n, rows - 1u) * IN4 + i]; }
  return select(vec4f(), x[min(n, rows - 1u) * IN4 + min(i, IN4 - 1u)], i < IN4);
}

fn d_y_at(n: u32, o: u32) -> vec4f {
  if (OUT % DEPTH == 0u) { return d_y[min(n, rows - 1u) * OUT4 + o]; }
  return select(vec4f(), d_y[min(n, rows - 1u) * OUT4 + min(o, OUT4 - 1u)], o < OUT4);
}

fn weight_at(o: u32, i: u32) -> vec4f {
  if (IN % SIDE == 0u && OUT % SIDE == 0u) { return weight[o * IN4 + i]; }
  return select(vec4f(), weight[min(o, OUT - 1u) * IN4 + min(i, IN4 - 1u)], i < IN4 && o < OUT);
}

/// Numbers 4 i to 4 i + 3 of four rows, each a column.
fn x_rows(n: u32, i: u32) -> mat4x4f {
  return mat4x4f(x_at(n, i), x_at(n + 1u, i), x_at(n + 2u, i), x_at(n + 3u, i));
}

fn d_y_rows(n: u32, o: u32) -> mat4x4f {
  return mat4x4f(d_y_at(n, o), d_y_at(n + 1u, o), d_y_at(n + 2u, o), d_y_at(n + 3u, o));
}

fn weight_rows(o: u32, i: u32) -> mat4x4f {
  return mat4x4f(weight_at(o, i), weight_at(o + 1u, i), weight_at(o + 2u, i), weight_at(o + 3u, i));
}

/// `o`: the weight's rows that this thread loads.
fn forward_tile(group: vec3u, o: u32, thread: u32) {
  let k = thread % DEPTH4;
  let r = thread / DEPTH4;
  let n = group.y * SIDE + r * 4u;
  var x_ahead = x_rows(n, k);
  var weight_ahead = weight_rows(o, k);
  for (var first = 0u; first < IN4; first += DEPTH4) {
    store_left(k, r, transpose(x_ahead));
    store_right(k, r, transpose(weight_ahead));
    workgroupBarrier();
    if (first + DEPTH4 < IN4) {
      x_ahead = x_rows(n, first + DEPTH4 + k);
      weight_ahead = weight_rows(o, first + DEPTH4 + k);
    }
    multiply_tiles(thread);
    workgroupBarrier();
  }
}

fn backward_tile(group: vec3u, thread: u32) {
  let k = thread % DEPTH4;
  let r = thread / DEPTH4;
  let n = group.y * SIDE + r * 4u;
  let i = group.x * SIDE4 + thread % SIDE4;
  let o = thread / SIDE4 * 4u;
  var d_y_ahead = d_y_rows(n, k);
  var weight_ahead = weight_rows(o, i);
  for (var first = 0u; first < OUT4; first += DEPTH4) {
    store_left(k, r, transpose(d_y_ahead));
    store_right(thread / SIDE4, thread % SIDE4, weight_ahead);
    workgroupBarrier();
    if (first + DEPTH4 < OUT4) {
      d_y_ahead = d_y_rows(n, first + DEPTH4 + k);
      weight_ahead = weight_rows((first + DEPTH4) * 4u + o, i);
    }
    multiply_tiles(thread);
    workgroupBarrier();
  }
}

/// A thread's first row, and its first column in vec4s.
fn first_row(group: vec3u, thread: u32) -> u32 { return (group.y * SIDE4 + thread / HALF4) * 4u; }
fn first_column(group: vec3u, thread: u32) -> u32 { return group.x * SIDE4 + thread % HALF4; }

fn store_y(n: u32, o: u32, value: vec4f) {
  if (n < rows && o < OUT4) { y[n * OUT4 + o] = value; }
}

fn store_y_rows(n: u32, o: u32, block: mat4x4f) {
  store_y(n, o, block[0]);
  store_y(n + 1u, o, block[1]);
  store_y(n + 2u, o, block[2]);
  store_y(n + 3u, o, block[3]);
}

@compute @workgroup_size(64)
fn matmul_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * SIDE >= rows) { return; }
  forward_tile(group, (group.x * SIDE4 + thread / DEPTH4) * 4u, thread);
  let n = first_row(group, thread);
  let o = first_column(group, thread);
  store_y_rows(n, o, top_left);
  store_y_rows(n, o + HALF4, top_right);
  store_y_rows(n + SIDE / 2u, o, bottom_left);
  store_y_rows(n + SIDE / 2u, o + HALF4, bottom_right);
}

fn residual_at(n: u32, o: u32) -> vec4f {
  return residual[min(n, rows - 1u) * OUT4 + min(o, OUT4 - 1u)];
}

/// Reads all before it writes any: what is written might be what is read, for all that a compiler knows.
fn store_sum_rows(n: u32, o: u32, block: mat4x4f) {
  let sums = block + mat4x4f(residual_at(n, o), residual_at(n + 1u, o), residual_at(n + 2u, o), residual_at(n + 3u, o));
  store_y_rows(n, o, sums);
}

@compute @workgroup_size(64)
fn matmul_forward_residual(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * SIDE >= rows) { return; }
  forward_tile(group, (group.x * SIDE4 + thread / DEPTH4) * 4u, thread);
  let n = first_row(group, thread);
  let o = first_column(group, thread);
  store_sum_rows(n, o, top_left);
  store_sum_rows(n, o + HALF4, top_right);
  store_sum_rows(n + SIDE / 2u, o, bottom_left);
  store_sum_rows(n + SIDE / 2u, o + HALF4, bottom_right);
}

fn store_gated(n: u32, i: u32, gate: vec4f, up: vec4f) {
  if (n >= rows || i >= OUT4 / 2u) { return; }
  gate_up[n * OUT4 + i] = gate;
  gate_up[n * OUT4 + OUT4 / 2u + i] = up;
  gated[n * (OUT4 / 2u) + i] = gate / (1.0 + exp(-gate)) * up;
}

fn store_gated_rows(n: u32, i: u32, gates: mat4x4f, ups: mat4x4f) {
  store_gated(n, i, gates[0], ups[0]);
  store_gated(n + 1u, i, gates[1], ups[1]);
  store_gated(n + 2u, i, gates[2], ups[2]);
  store_gated(n + 3u, i, gates[3], ups[3]);
}

/// The left half of a tile are gates, the right half the ups that belong to them.
@compute @workgroup_size(64)
fn matmul_forward_gated(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * SIDE >= rows) { return; }
  let four = thread / DEPTH4;
  forward_tile(group, (group.x * HALF4 + four % HALF4) * 4u + four / HALF4 * (OUT / 2u), thread);
  let n = first_row(group, thread);
  let i = group.x * HALF4 + thread % HALF4;
  store_gated_rows(n, i, top_left, top_right);
  store_gated_rows(n + SIDE / 2u, i, bottom_left, bottom_right);
}

fn store_d_x(n: u32, i: u32, value: vec4f) {
  if (n < rows && i < IN4) { d_x[n * IN4 + i] = value; }
}

fn store_d_x_rows(n: u32, i: u32, block: mat4x4f) {
  store_d_x(n, i, block[0]);
  store_d_x(n + 1u, i, block[1]);
  store_d_x(n + 2u, i, block[2]);
  store_d_x(n + 3u, i, block[3]);
}

@compute @workgroup_size(64)
fn matmul_backward_input(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * SIDE >= rows) { return; }
  backward_tile(group, thread);
  let n = first_row(group, thread);
  let i = first_column(group, thread);
  store_d_x_rows(n, i, top_left);
  store_d_x_rows(n, i + HALF4, top_right);
  store_d_x_rows(n + SIDE / 2u, i, bottom_left);
  store_d_x_rows(n + SIDE / 2u, i + HALF4, bottom_right);
}

fn gate_up_at(n: u32, i: u32) -> vec4f {
  return gate_up[min(n, rows - 1u) * 2u * IN4 + min(i, 2u * IN4 - 1u)];
}

/// dgate = d up sigmoid(gate) (1 + gate (1 - sigmoid(gate))),   dup = d silu(gate)
fn store_d_gate_up(n: u32, i: u32, d: vec4f, gate: vec4f, up: vec4f) {
  if (n >= rows || i >= IN4) { return; }
  let at = n * 2u * IN4 + i;
  let sigmoid = 1.0 / (1.0 + exp(-gate));
  gated[n * IN4 + i] = gate * sigmoid * up;
  gate_up[at] = d * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
  gate_up[at + IN4] = d * gate * sigmoid;
}

fn store_d_gate_up_rows(n: u32, i: u32, d: mat4x4f) {
  let gates = mat4x4f(gate_up_at(n, i), gate_up_at(n + 1u, i), gate_up_at(n + 2u, i), gate_up_at(n + 3u, i));
  let u = IN4 + i;
  let ups = mat4x4f(gate_up_at(n, u), gate_up_at(n + 1u, u), gate_up_at(n + 2u, u), gate_up_at(n + 3u, u));
  store_d_gate_up(n, i, d[0], gates[0], ups[0]);
  store_d_gate_up(n + 1u, i, d[1], gates[1], ups[1]);
  store_d_gate_up(n + 2u, i, d[2], gates[2], ups[2]);
  store_d_gate_up(n + 3u, i, d[3], gates[3], ups[3]);
}

@compute @workgroup_size(64)
fn matmul_backward_gated(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * SIDE >= rows) { return; }
  backward_tile(group, thread);
  let n = first_row(group, thread);
  let i = first_column(group, thread);
  store_d_gate_up_rows(n, i, top_left);
  store_d_gate_up_rows(n, i + HALF4, top_right);
  store_d_gate_up_rows(n + SIDE / 2u, i, bottom_left);
  store_d_gate_up_rows(n + SIDE / 2u, i + HALF4, bottom_right);
}

/// Four rows of d_y of a share of the rows; zeros past its end, which is the end of all rows.
fn d_y_steps(n: u32, o: u32, end: u32) -> mat4x4f {
  let column = min(o, OUT4 - 1u);
  let zero = vec4f();
  return mat4x4f(
    select(zero, d_y[min(n, rows - 1u) * OUT4 + column], n < end),
    select(zero, d_y[min(n + 1u, rows - 1u) * OUT4 + column], n + 1u < end),
    select(zero, d_y[min(n + 2u, rows - 1u) * OUT4 + column], n + 2u < end),
    select(zero, d_y[min(n + 3u, rows - 1u) * OUT4 + column], n + 3u < end),
  );
}

fn x_steps(n: u32, i: u32) -> mat4x4f {
  return x_rows(n, min(i, IN4 - 1u));
}

fn store_partial(split: u32, o: u32, i: u32, block: mat4x4f) {
  if (o >= OUT || i >= IN4) { return; } // OUT is a multiple of 4: all four rows or none
  let at = (split * OUT + o) * IN4 + i;
  partial[at] = block[0];
  partial[at + IN4] = block[1];
  partial[at + 2u * IN4] = block[2];
  partial[at + 3u * IN4] = block[3];
}

@compute @workgroup_size(64)
fn matmul_backward_weight(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let k = thread / SIDE4;
  let o = group.y * SIDE4 + thread % SIDE4;
  let i = group.x * SIDE4 + thread % SIDE4;
  let share = (rows + SPLITS * DEPTH - 1u) / (SPLITS * DEPTH) * DEPTH; // whole tiles: only the last of all needs zeros
  let end = min((group.z + 1u) * share, rows);
  let begin = group.z * share;
  var d_y_ahead = d_y_steps(begin + k * 4u, o, end);
  var x_ahead = x_steps(begin + k * 4u, i);
  for (var first = begin; first < end; first += DEPTH) {
    store_left(k, thread % SIDE4, d_y_ahead);
    store_right(k, thread % SIDE4, x_ahead);
    workgroupBarrier();
    d_y_ahead = d_y_steps(first + DEPTH + k * 4u, o, end);
    x_ahead = x_steps(first + DEPTH + k * 4u, i);
    multiply_tiles(thread);
    workgroupBarrier();
  }
  let row = first_row(group, thread);
  let column = first_column(group, thread);
  store_partial(group.z, row, column, top_left);
  store_partial(group.z, row, column + HALF4, top_right);
  store_partial(group.z, row + SIDE / 2u, column, bottom_left);
  store_partial(group.z, row + SIDE / 2u, column + HALF4, bottom_right);
}
