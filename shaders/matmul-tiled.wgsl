// The products of matmul.wgsl through tiles in workgroup memory: for GPUs. Same bindings, same entry points, same meaning.
// A workgroup of 128 threads makes a tile of 64 x 32 results, a thread 4 x 4 of them, in steps of 32 along the sum.
//
// matmul_forward             grid (OUT/32, rows/64)            writes y
// matmul_forward_residual    grid (OUT/32, rows/64)            writes y = residual + x W^T
// matmul_backward_input      grid (IN/32, rows/64)             writes d_x
// matmul_backward_weight     grid (IN/32, OUT/64, SPLITS)      accumulates into partial: [SPLITS, OUT, IN]

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> d_y: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> d_x: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> partial: array<vec4f>;

const IN4 = IN / 4u;
const OUT4 = OUT / 4u;
const DEPTH = 32u;   // along the sum
const TALL4 = 16u;   // rows of the tile, in vec4s
const WIDE4 = 8u;    // columns of the tile, in vec4s

/// left[k, r]: four rows of the left factor at step k; right[k, c]: four columns of the right factor.
var<workgroup> left: array<vec4f, DEPTH * TALL4>;
var<workgroup> right: array<vec4f, DEPTH * WIDE4>;

/// Results of a thread: rows 0 to 3 of four columns each.
var<private> sum0: vec4f;
var<private> sum1: vec4f;
var<private> sum2: vec4f;
var<private> sum3: vec4f;

fn multiply_tiles(r: u32, c: u32) {
  for (var k = 0u; k < DEPTH; k++) {
    let a = left[k * TALL4 + r];
    let b = right[k * WIDE4 + c];
    sum0 += a.x * b;
    sum1 += a.y * b;
    sum2 += a.z * b;
    sum3 += a.w * b;
  }
}

/// Turns a block of four rows of four steps each, as stored in memory, into four steps of four rows each.
fn store_left(r: u32, k4: u32, block: mat4x4f) {
  let turned = transpose(block);
  left[(k4 * 4u) * TALL4 + r] = turned[0];
  left[(k4 * 4u + 1u) * TALL4 + r] = turned[1];
  left[(k4 * 4u + 2u) * TALL4 + r] = turned[2];
  left[(k4 * 4u + 3u) * TALL4 + r] = turned[3];
}

fn store_right(c: u32, k4: u32, block: mat4x4f) {
  let turned = transpose(block);
  right[(k4 * 4u) * WIDE4 + c] = turned[0];
  right[(k4 * 4u + 1u) * WIDE4 + c] = turned[1];
  right[(k4 * 4u + 2u) * WIDE4 + c] = turned[2];
  right[(k4 * 4u + 3u) * WIDE4 + c] = turned[3];
}

fn x_at(n: u32, i4: u32) -> vec4f {
  return select(vec4f(), x[min(n, rows - 1u) * IN4 + min(i4, IN4 - 1u)], i4 < IN4);
}

fn weight_at(o: u32, i4: u32) -> vec4f {
  return select(vec4f(), weight[min(o, OUT - 1u) * IN4 + min(i4, IN4 - 1u)], i4 < IN4 && o < OUT);
}

fn d_y_at(n: u32, o4: u32) -> vec4f {
  return select(vec4f(), d_y[min(n, rows - 1u) * OUT4 + min(o4, OUT4 - 1u)], o4 < OUT4);
}

fn forward_tile(group: vec3u, thread: u32) {
  let r = thread / WIDE4;
  let c = thread % WIDE4;
  let n = group.y * TALL4 * 4u;
  let o = group.x * WIDE4 * 4u;
  for (var k4 = 0u; k4 < IN4; k4 += DEPTH / 4u) {
    let block = n + r * 4u;
    store_left(r, c, mat4x4f(x_at(block, k4 + c), x_at(block + 1u, k4 + c), x_at(block + 2u, k4 + c), x_at(block + 3u, k4 + c)));
    if (thread < WIDE4 * DEPTH / 4u) {
      let wide = o + r * 4u;
      store_right(r, c, mat4x4f(weight_at(wide, k4 + c), weight_at(wide + 1u, k4 + c), weight_at(wide + 2u, k4 + c), weight_at(wide + 3u, k4 + c)));
    }
    workgroupBarrier();
    multiply_tiles(r, c);
    workgroupBarrier();
  }
}

@compute @workgroup_size(128)
fn matmul_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * TALL4 * 4u >= rows) { return; }
  forward_tile(group, thread);
  let n = (group.y * TALL4 + thread / WIDE4) * 4u;
  let o = group.x * WIDE4 + thread % WIDE4;
  if (o >= OUT4) { return; }
  if (n < rows) { y[n * OUT4 + o] = sum0; }
  if (n + 1u < rows) { y[(n + 1u) * OUT4 + o] = sum1; }
  if (n + 2u < rows) { y[(n + 2u) * OUT4 + o] = sum2; }
  if (n + 3u < rows) { y[(n + 3u) * OUT4 + o] = sum3; }
}

fn store_added(n: u32, o: u32, value: vec4f) {
  if (n < rows) { y[n * OUT4 + o] = residual[n * OUT4 + o] + value; }
}

@compute @workgroup_size(128)
fn matmul_forward_residual(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * TALL4 * 4u >= rows) { return; }
  forward_tile(group, thread);
  let n = (group.y * TALL4 + thread / WIDE4) * 4u;
  let o = group.x * WIDE4 + thread % WIDE4;
  if (o >= OUT4) { return; }
  store_added(n, o, sum0);
  store_added(n + 1u, o, sum1);
  store_added(n + 2u, o, sum2);
  store_added(n + 3u, o, sum3);
}

@compute @workgroup_size(128)
fn matmul_backward_input(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.y * TALL4 * 4u >= rows) { return; }
  let r = thread / WIDE4;
  let c = thread % WIDE4;
  let n = (group.y * TALL4 + r) * 4u;
  let i = group.x * WIDE4 + c;
  for (var k4 = 0u; k4 < OUT4; k4 += DEPTH / 4u) {
    store_left(r, c, mat4x4f(d_y_at(n, k4 + c), d_y_at(n + 1u, k4 + c), d_y_at(n + 2u, k4 + c), d_y_at(n + 3u, k4 + c)));
    for (var k = r; k < DEPTH; k += TALL4) {
      right[k * WIDE4 + c] = weight_at(k4 * 4u + k, i);
    }
    workgroupBarrier();
    multiply_tiles(r, c);
    workgroupBarrier();
  }
  if (i >= IN4) { return; }
  if (n < rows) { d_x[n * IN4 + i] = sum0; }
  if (n + 1u < rows) { d_x[(n + 1u) * IN4 + i] = sum1; }
  if (n + 2u < rows) { d_x[(n + 2u) * IN4 + i] = sum2; }
  if (n + 3u < rows) { d_x[(n + 3u) * IN4 + i] = sum3; }
}

@compute @workgroup_size(128)
fn matmul_backward_weight(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let r = thread / WIDE4;
  let c = thread % WIDE4;
  let o = group.y * TALL4;
  let i = group.x * WIDE4;
  let share = (rows + SPLITS - 1u) / SPLITS;
  let end = min((group.z + 1u) * share, rows);
  for (var first = group.z * share; first < end; first += DEPTH) {
    for (var at = thread; at < DEPTH * TALL4; at += 128u) {
      let n = first + at / TALL4;
      let o4 = o + at % TALL4;
      left[at] = select(vec4f(), d_y[min(n, rows - 1u) * OUT4 + min(o4, OUT4 - 1u)], n < end);
    }
    for (var at = thread; at < DEPTH * WIDE4; at += 128u) {
      let n = first + at / WIDE4;
      let i4 = i + at % WIDE4;
      right[at] = x[min(n, rows - 1u) * IN4 + min(i4, IN4 - 1u)];
    }
    workgroupBarrier();
    multiply_tiles(r, c);
    workgroupBarrier();
  }
  if (i + c >= IN4) { return; }
  let row = (o + r) * 4u;
  let at = (group.z * OUT + row) * IN4 + i + c;
  if (row < OUT) { // OUT is a multiple of 4: all four rows or none
    partial[at] += sum0;
    partial[at + IN4] += sum1;
    partial[at + 2u * IN4] += sum2;
    partial[at + 3u * IN4] += sum3;
  }
}
