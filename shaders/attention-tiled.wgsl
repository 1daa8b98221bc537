// The passes of attention.wgsl over packed rows through tiles in workgroup memory: for GPUs. Same bindings, same entry points, same
// meaning. A workgroup has 64 rows of one head, a thread each, and goes through all keys (or queries) that any of them meets, TILE
// at a time: loaded once for all, and most threads read the same one at the same time.
//
// attention_forward              grid (rows/64, H)   writes out and lse
// attention_backward_query       grid (rows/64, H)   writes delta and the queries of d_qkv
// attention_backward_key_value   grid (rows/64, H)   writes the keys and values of d_qkv

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> qkv: array<Part>;
@group(0) @binding(3) var<storage, read_write> out: array<Part>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;   // [rows, H]
@group(0) @binding(5) var<storage, read_write> d_out: array<Part>;
@group(0) @binding(6) var<storage, read_write> delta: array<f32>; // [rows, H]
@group(0) @binding(7) var<storage, read_write> d_qkv: array<Part>;

const WIDTH = D / (K / PARTS); // parts in a row of D
const SCALE = inverseSqrt(f32(K));
const GROUP = 64u;
const TILE = min(32u, 2048u / (K + 1u)); // fits in 16 KiB

alias Head = array<Part, PARTS>;

var<workgroup> tile_keys: array<Part, TILE * PARTS>; // or queries
var<workgroup> tile_values: array<Part, TILE * PARTS>; // or d_out
var<workgroup> tile_lse: array<f32, TILE>;
var<workgroup> tile_delta: array<f32, TILE>;

fn load_keys(base: u32, h: u32, thread: u32) {
  for (var i = thread; i < TILE * PARTS; i += GROUP) {
    let at = min(base + i / PARTS, rows - 1u) * 3u * WIDTH + WIDTH + h * PARTS + i % PARTS;
    tile_keys[i] = qkv[at];
    tile_values[i] = qkv[at + WIDTH];
  }
}

@compute @workgroup_size(64)
fn attention_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = min(group.x * GROUP + thread, rows - 1u);
  let h = group.y;
  var q: Head;
  var sum: Head;
  for (var k = 0u; k < PARTS; k++) { q[k] = qkv[n * 3u * WIDTH + h * PARTS + k] * SCALE; }
  var highest = -3e38;
  var total = 0.0;
  let begin = spans[n].x;
  let last = min((group.x + 1u) * GROUP - 1u, rows - 1u);
  for (var base = spans[min(group.x * GROUP, rows - 1u)].x; base <= last; base += TILE) {
    workgroupBarrier();
    load_keys(base, h, thread);
    workgroupBarrier();
    let end = min(n + 1u, base + TILE);
    for (var s = max(begin, base); s < end; s++) {
      let at = (s - base) * PARTS;
      var products = Part();
      for (var k = 0u; k < PARTS; k++) { products += q[k] * tile_keys[at + k]; }
      let score = dot(products, Part(1.0));
      if (score > highest) {
        let fade = exp(highest - score);
        total *= fade;
        for (var k = 0u; k < PARTS; k++) { sum[k] *= fade; }
        highest = score;
      }
      let p = exp(score - highest);
      total += p;
      for (var k = 0u; k < PARTS; k++) { sum[k] += p * tile_values[at + k]; }
    }
  }
  if (group.x * GROUP + thread >= rows) { return; }
  for (var k = 0u; k < PARTS; k++) { out[n * WIDTH + h * PARTS + k] = sum[k] / total; }
  lse[n * H + h] = highest + log(total);
}

@compute @workgroup_size(64)
fn attention_backward_query(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = min(group.x * GROUP + thread, rows - 1u);
  let h = group.y;
  var q: Head;
  var d_o: Head;
  var d_q: Head;
  var pulls = Part();
  for (var k = 0u; k < PARTS; k++) {
    q[k] = qkv[n * 3u * WIDTH + h * PARTS + k] * SCALE;
    d_o[k] = d_out[n * WIDTH + h * PARTS + k];
    pulls += d_o[k] * out[n * WIDTH + h * PARTS + k];
  }
  let pull = dot(pulls, Part(1.0));
  let row_lse = lse[n * H + h];
  let begin = spans[n].x;
  let last = min((group.x + 1u) * GROUP - 1u, rows - 1u);
  for (var base = spans[min(group.x * GROUP, rows - 1u)].x; base <= last; base += TILE) {
    workgroupBarrier();
    load_keys(base, h, thread);
    workgroupBarrier();
    let end = min(n + 1u, base + TILE);
    for (var s = max(begin, base); s < end; s++) {
      let at = (s - base) * PARTS;
      var other: Head;
      var scores = Part();
      var d_ps = Part();
      for (var k = 0u; k < PARTS; k++) {
        other[k] = tile_keys[at + k];
        scores += q[k] * other[k];
        d_ps += d_o[k] * tile_values[at + k];
      }
      let d_score = exp(dot(scores, Part(1.0)) - row_lse) * (dot(d_ps, Part(1.0)) - pull) * SCALE;
      for (var k = 0u; k < PARTS; k++) { d_q[k] += d_score * other[k]; }
    }
  }
  if (group.x * GROUP + thread >= rows) { return; }
  for (var k = 0u; k < PARTS; k++) { d_qkv[n * 3u * WIDTH + h * PARTS + k] = d_q[k]; }
  delta[n * H + h] = pull;
}

@compute @workgroup_size(64)
fn attention_backward_key_value(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let s = min(group.x * GROUP + thread, rows - 1u);
  let h = group.y;
  let own = s * 3u * WIDTH + WIDTH + h * PARTS;
  var key: Head;
  var value: Head;
  var d_key: Head;
  var d_value: Head;
  for (var k = 0u; k < PARTS; k++) {
    key[k] = qkv[own + k] * SCALE;
    value[k] = qkv[own + WIDTH + k];
  }
  let end = spans[s].y;
  let last = spans[min((group.x + 1u) * GROUP - 1u, rows - 1u)].y; // queries end here
  let first = group.x * GROUP;
  for (var base = first; base < last; base += TILE) {
    workgroupBarrier();
    for (var i = thread; i < TILE * PARTS; i += GROUP) {
      let row = min(base + i / PARTS, rows - 1u);
      tile_keys[i] = qkv[row * 3u * WIDTH + h * PARTS + i % PARTS];
      tile_values[i] = d_out[row * WIDTH + h * PARTS + i % PARTS];
    }
    if (thread < TILE) {
      let row = min(base + thread, rows - 1u);
      tile_lse[thread] = lse[row * H + h];
      tile_delta[thread] = delta[row * H + h];
    }
    workgroupBarrier();
    for (var n = min(end, base + TILE); n > max(s, base); n--) {
      let at = (n - 1u - base) * PARTS;
      var other: Head;
      var d_o: Head;
      var scores = Part();
      var d_ps = Part();
      for (var k = 0u; k < PARTS; k++) {
        other[k] = tile_keys[at + k];
        d_o[k] = tile_values[at + k];
        scores += key[k] * other[k];
        d_ps += value[k] * d_o[k];
      }
      let p = exp(dot(scores, Part(1.0)) - tile_lse[n - 1u - base]);
      let d_score = p * (dot(d_ps, Part(1.0)) - tile_delta[n - 1u - base]) * SCALE;
      for (var k = 0u; k < PARTS; k++) {
        d_key[k] += d_score * other[k];
        d_value[k] += p * d_o[k];
      }
    }
  }
  if (group.x * GROUP + thread >= rows) { return; }
  for (var k = 0u; k < PARTS; k++) {
    d_qkv[own + k] = d_key[k];
    d_qkv[own + WIDTH + k] = d_value[k];
  }
}
