// The products of matmul.wgsl through tiles in workgroup memory: for GPUs. Same bindings, same entry points, same meaning.
// A workgroup of 128 threads makes a tile of 64 x 32 results, a thread 4 x 4 of them, in steps of 32 along the sum.
//
// matmul_forward             grid (OUT/32, rows/64)            writes y
// matmul_forward_residual    grid (OUT/32, rows/64)            writes y = residual + x W^T
// matmul_backward_input      grid (IN/32, rows/64)             writes d_x
// matmul_backward_gated      grid (IN/32, rows/64)             where x = silu(gate) * up: turns gate_up into its gradient, in place
// matmul_backward_weight     grid (IN/32, OUT/64, SPLITS)      writes partial: [SPLITS, OUT, IN]

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
const DEPTH = 32u;         // along the sum
const DEPTH4 = DEPTH / 4u;
const TALL4 = 16u;         // rows of the tile, in vec4s
const WIDE4 = 8u;          // columns of the tile, in vec4s

/// left[k, r]: four rows of the left factor at step k; right[k, c]: four columns of the right factor. Where memory holds a factor
/// the other way round, blocks of 4 x 4 are turned on the way, and their places are mixed (XOR) so that no two threads that
/// write together meet in a bank.
var<workgroup> left: array<vec4f, DEPTH * TALL4>;
var<workgroup> right: array<vec4f, DEPTH * WIDE4>;
const STRAIGHT = 0u;
const TURNED = 7u;

/// Results of a thread: rows 0 to 3 of four columns each.
var<private> sum0: vec4f;
var<private> sum1: vec4f;
var<private> sum2: vec4f;
var<private> sum3: vec4f;

fn multiply_tiles(r: u32, c: u32, left_turned: u32, right_turned: u32) {
  for (var k = 0u; k < DEPTH; k++) {
    let a = left[k * TALL4 + (r ^ ((k / 4u) & left_turned))];
    let b = right[k * WIDE4 + (c ^ ((k / 4u) & right_turned))];
    sum0 += a.x * b;
    sum1 += a.y * b;
    sum2 += a.z * b;
    sum3 += a.w * b;
  }
}

/// Turns a block of four rows of four steps each, as stored in memory, into four steps of four rows each.
fn store_left(r: u32, k4: u32, block: mat4x4f) {
  let turned = transpose(block);
  let at = k4 * 4u * TALL4 + (r ^ k4);
  left[at] = turned[0];
  left[at + TALL4] = turned[1];
  left[at + 2u * TALL4] = turned[2];
  left[at + 3u * TALL4] = turned[3];
}

fn store_right(c: u32, k4: u32, block: mat4x4f) {
  let turned = transpose(block);
  let at = k4 * 4u * WIDE4 + (c ^ k4);
  right[at] = turned[0];
  right[at + WIDE4] = turned[1];
  right[at + 2u * WIDE4] = turned[2];
  right[at + 3u * WIDE4] = turned[3];
}

// Reads past an end give zeros along the sum, and elsewhere numbers that are not stored.

fn x_at(n: u32, i: u32) -> vec4f {
  if (IN % DEPTH == 0u) { return input_at(min(n, rows - 1u), i); }
  return select(vec4f(), input_at(min(n, rows - 1u), min(i, IN4 - 1u)), i < IN4);
}

fn weight_at(o: u32, i: u32) -> vec4f {
  if (IN % DEPTH == 0u && OUT % DEPTH == 0u) { return weight[o * IN4 + i]; }
  return select(vec4f(), weight[min(o, OUT - 1u) * IN4 + min(i, IN4 - 1u)], i < IN4 && o < OUT);
}

fn d_y_at(n: u32, o: u32) -> vec4f {
  if (OUT % DEPTH == 0u) { return d_y[min(n, rows - 1u) * OUT4 + o]; }
  return select(vec4f(), d_y[min(n, rows - 1u) * OUT4 + min(o, OUT4 - 1u)], o < OUT4);
}

fn forward_tile(n: u32, o: u32, thread: u32) {
  let r = thread / DEPTH4;
  let k = thread % DEPTH4;
  for (var first = 0u; first < IN4; first += DEPTH4) {
    let i = first + k;
    let row = n + r * 4u;
    store_left(r, k, mat4x4f(x_at(row, i), x_at(row + 1u, i), x_at(row + 2u, i), x_at(row + 3u, i)));
    if (r < WIDE4) {
      let column = o + r * 4u;
      store_right(r, k, mat4x4f(weight_at(column, i), weight_at(column + 1u, i), weight_at(column + 2u, i), weight_at(column + 3u, i)));
    }
    workgroupBarrier();
    multiply_tiles(thread / WIDE4, thread % WIDE4, TURNED, TURNED);
    workgroupBarrier();
  }
}

fn store_forward(n: u32, o: u32, value: vec4f) {
  if (n < rows && o < OUT4) { y[n * OUT4 + o] = value; }
}

@compute @workgroup_size(128)
fn matmul_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * TALL4 * 4u >= rows) { return; }
  forward_tile(group.y * TALL4 * 4u, group.x * WIDE4 * 4u, thread);
  let n = (group.y * TALL4 + thread / WIDE4) * 4u;
  let o = group.x * WIDE4 + thread % WIDE4;
  store_forward(n, o, sum0);
  store_forward(n + 1u, o, sum1);
  store_forward(n + 2u, o, sum2);
  store_forward(n + 3u, o, sum3);
}

fn store_added(n: u32, o: u32, value: vec4f) {
  if (n < rows && o < OUT4) { y[n * OUT4 + o] = residual[n * OUT4 + o] + value; }
}

@compute @workgroup_size(128)
fn matmul_forward_residual(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * TALL4 * 4u >= rows) { return; }
  forward_tile(group.y * TALL4 * 4u, group.x * WIDE4 * 4u, thread);
  let n = (group.y * TALL4 + thread / WIDE4) * 4u;
  let o = group.x * WIDE4 + thread % WIDE4;
  store_added(n, o, sum0);
  store_added(n + 1u, o, sum1);
  store_added(n + 2u, o, sum2);
  store_added(n + 3u, o, sum3);
}

fn backward_tile(n: u32, i: u32, thread: u32) {
  let r = thread / DEPTH4;
  let k = thread % DEPTH4;
  for (var first = 0u; first < OUT4; first += DEPTH4) {
    let o = first + k;
    let row = n + r * 4u;
    store_left(r, k, mat4x4f(d_y_at(row, o), d_y_at(row + 1u, o), d_y_at(row + 2u, o), d_y_at(row + 3u, o)));
    for (var at = thread; at < DEPTH * WIDE4; at += 128u) {
      right[at] = weight_at(first * 4u + at / WIDE4, i + at % WIDE4);
    }
    workgroupBarrier();
    multiply_tiles(thread / WIDE4, thread % WIDE4, TURNED, STRAIGHT);
    workgroupBarrier();
  }
}

fn store_backward(n: u32, i: u32, value: vec4f) {
  if (n < rows && i < IN4) { d_x[n * IN4 + i] = value; }
}

@compute @workgroup_size(128)
fn matmul_backward_input(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * TALL4 * 4u >= rows) { return; }
  backward_tile(group.y * TALL4 * 4u, group.x * WIDE4, thread);
  let n = (group.y * TALL4 + thread / WIDE4) * 4u;
  let i = group.x * WIDE4 + thread % WIDE4;
  store_backward(n, i, sum0);
  store_backward(n + 1u, i, sum1);
  store_backward(n + 2u, i, sum2);
  store_backward(n + 3u, i, sum3);
}

/// dgate = d up sigmoid(gate) (1 + gate (1 - sigmoid(gate))),   dup = d silu(gate)
fn store_gate_up(n: u32, i: u32, d: vec4f) {
  if (n >= rows || i >= IN4) { return; }
  let at = n * 2u * IN4 + i;
  let gate = d_gate_up[at];
  let up = d_gate_up[at + IN4];
  let sigmoid = 1.0 / (1.0 + exp(-gate));
  d_gate_up[at] = d * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
  d_gate_up[at + IN4] = d * gate * sigmoid;
}

@compute @workgroup_size(128)
fn matmul_backward_gated(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * TALL4 * 4u >= rows) { return; }
  backward_tile(group.y * TALL4 * 4u, group.x * WIDE4, thread);
  let n = (group.y * TALL4 + thread / WIDE4) * 4u;
  let i = group.x * WIDE4 + thread % WIDE4;
  store_gate_up(n, i, sum0);
  store_gate_up(n + 1u, i, sum1);
  store_gate_up(n + 2u, i, sum2);
  store_gate_up(n + 3u, i, sum3);
}

@compute @workgroup_size(128)
fn matmul_backward_weight(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let r = thread / WIDE4;
  let c = thread % WIDE4;
  let o = group.y * TALL4;
  let i = group.x * WIDE4;
  let share = (rows + SPLITS * DEPTH - 1u) / (SPLITS * DEPTH) * DEPTH; // whole tiles: only the last of all needs zeros
  let end = min((group.z + 1u) * share, rows);
  for (var first = group.z * share; first < end; first += DEPTH) {
    for (var at = thread; at < DEPTH * TALL4; at += 128u) {
      let n = first + at / TALL4;
      left[at] = select(vec4f(), d_y[min(n, rows - 1u) * OUT4 + min(o + at % TALL4, OUT4 - 1u)], n < rows);
    }
    for (var at = thread; at < DEPTH * WIDE4; at += 128u) {
      right[at] = input_at(min(first + at / WIDE4, rows - 1u), min(i + at % WIDE4, IN4 - 1u));
    }
    workgroupBarrier();
    multiply_tiles(r, c, STRAIGHT, STRAIGHT);
    workgroupBarrier();
  }
  if (i + c >= IN4) { return; }
  let row = (o + r) * 4u;
  let at = (group.z * OUT + row) * IN4 + i + c;
  if (row < OUT) { // OUT is a multiple of 4: all four rows or none
    partial[at] = sum0;
    partial[at + IN4] = sum1;
    partial[at + 2u * IN4] = sum2;
    partial[at + 3u * IN4] = sum3;
  }
}
