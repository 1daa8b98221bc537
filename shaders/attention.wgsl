// Causal attention within each sequence of a packed batch, a head at a time:
//   score[n,s] = q_n . k_s / sqrt(K),   p = softmax over s <= n,   out_n = sum over s of p[n,s] v_s
// Only the log-sum-exp of every row is kept; the backward passes make the probabilities anew (Dao et al. 2022):
//   p = exp(score - lse),  delta_n = dout_n . out_n,  dscore = p (dout_n . v_s - delta_n),
//   dq_n = sum of dscore k_s / sqrt(K),  dk_s = sum of dscore q_n / sqrt(K),  dv_s = sum of p dout_n
// A row of qkv holds D queries, D keys, D values, head by head. Row n belongs to the rows spans[n].x to spans[n].y - 1.
//
// attention_forward              grid (rows/64, 1, H)   writes out and lse
// attention_backward_query       grid (rows/64, 1, H)   writes delta and the queries of d_qkv
// attention_backward_key_value   grid (rows/64, 1, H)   writes the keys and values of d_qkv
// attention_decode               grid (rows, H)      one new token of each row's sequence against the cache; appends its key
//                                                    and value to the cache, writes out
//
// A workgroup has 64 packed rows and LANES threads to each, with all that they gather in registers: lane l takes every LANES-th key
// (or query) from the l-th on, and what the lanes gathered is added up at the end. Threads side by side mostly read the same
// one at the same time: queries go through the keys from the first on, keys through the queries from the last back.
// `Part` is vec4f, or vec2f where K is no multiple of 4; PARTS of them make a head.

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> qkv: array<Part>;
@group(0) @binding(3) var<storage, read_write> out: array<Part>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;   // [rows, H]
@group(0) @binding(5) var<storage, read_write> d_out: array<Part>;
@group(0) @binding(6) var<storage, read_write> delta: array<f32>; // [rows, H]
@group(0) @binding(7) var<storage, read_write> d_qkv: array<Part>;
@group(0) @binding(8) var<storage, read> sequences: array<u32>;   // the row's sequence in the cache
@group(0) @binding(9) var<storage, read> positions: array<u32>;
@group(0) @binding(10) var<storage, read_write> key_cache: array<Part>; // [sequences, MAX_LENGTH, D]
@group(0) @binding(11) var<storage, read_write> value_cache: array<Part>;

const WIDTH = D / (K / PARTS); // parts in a row of D
const SCALE = inverseSqrt(f32(K));

const LOWEST = -3e38;

alias Head = array<Part, PARTS>;

var<workgroup> numbers: array<f32, 64u * LANES>;
var<workgroup> parts: array<Part, 64u * LANES>;

/// The highest number of the lanes of a row. Every thread of the workgroup must call it.
fn highest_of_lanes(number: f32, row: u32, lane: u32) -> f32 {
  if (LANES == 1u) { return number; }
  workgroupBarrier();
  numbers[lane * 64u + row] = number;
  workgroupBarrier();
  var highest = number;
  for (var l = 0u; l < LANES; l++) { highest = max(highest, numbers[l * 64u + row]); }
  return highest;
}

fn sum_of_lanes(number: f32, row: u32, lane: u32) -> f32 {
  if (LANES == 1u) { return number; }
  workgroupBarrier();
  numbers[lane * 64u + row] = number;
  workgroupBarrier();
  var sum = 0.0;
  for (var l = 0u; l < LANES; l++) { sum += numbers[l * 64u + row]; }
  return sum;
}

/// Adds up what the lanes of a row gathered. Afterwards lane l holds the sums of the parts l, l + LANES, ... An array stays in
/// registers only while no index of it is known at run time alone.
fn add_lanes(head: ptr<function, Head>, row: u32, lane: u32) {
  if (LANES == 1u) { return; }
  for (var k = 0u; k < PARTS; k++) {
    workgroupBarrier();
    parts[lane * 64u + row] = (*head)[k];
    workgroupBarrier();
    if (k % LANES == lane) {
      var sum = Part();
      for (var l = 0u; l < LANES; l++) { sum += parts[l * 64u + row]; }
      (*head)[k] = sum;
    }
  }
}

@compute @workgroup_size(64, LANES)
fn attention_forward(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
  let row = local.x;
  let lane = local.y;
  let h = group.z;
  let n = min(id.x, rows - 1u);
  var q: Head;
  var sum: Head;
  for (var k = 0u; k < PARTS; k++) { q[k] = qkv[n * 3u * WIDTH + h * PARTS + k] * SCALE; }
  var highest = LOWEST;
  var total = 0.0;
  for (var s = spans[n].x + lane; s <= n; s += LANES) {
    let key = s * 3u * WIDTH + WIDTH + h * PARTS;
    var products = Part();
    for (var k = 0u; k < PARTS; k++) { products += q[k] * qkv[key + k]; }
    let score = dot(products, Part(1.0));
    if (score > highest) {
      let fade = exp(highest - score);
      total *= fade;
      for (var k = 0u; k < PARTS; k++) { sum[k] *= fade; }
      highest = score;
    }
    let p = exp(score - highest);
    total += p;
    for (var k = 0u; k < PARTS; k++) { sum[k] += p * qkv[key + WIDTH + k]; }
  }
  let top = highest_of_lanes(highest, row, lane);
  let fade = exp(highest - top);
  for (var k = 0u; k < PARTS; k++) { sum[k] *= fade; }
  let all = sum_of_lanes(total * fade, row, lane);
  add_lanes(&sum, row, lane);
  if (id.x >= rows) { return; }
  for (var k = 0u; k < PARTS; k++) {
    if (k % LANES == lane) { out[n * WIDTH + h * PARTS + k] = sum[k] / all; }
  }
  if (lane == 0u) { lse[n * H + h] = top + log(all); }
}

@compute @workgroup_size(64, LANES)
fn attention_backward_query(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
  let row = local.x;
  let lane = local.y;
  let h = group.z;
  let n = min(id.x, rows - 1u);
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
  for (var s = spans[n].x + lane; s <= n; s += LANES) {
    let key = s * 3u * WIDTH + WIDTH + h * PARTS;
    var other: Head; // read once: a compiler may not know that no one writes it
    var scores = Part();
    var d_ps = Part();
    for (var k = 0u; k < PARTS; k++) {
      other[k] = qkv[key + k];
      scores += q[k] * other[k];
      d_ps += d_o[k] * qkv[key + WIDTH + k];
    }
    let d_score = exp(dot(scores, Part(1.0)) - row_lse) * (dot(d_ps, Part(1.0)) - pull) * SCALE;
    for (var k = 0u; k < PARTS; k++) { d_q[k] += d_score * other[k]; }
  }
  add_lanes(&d_q, row, lane);
  if (id.x >= rows) { return; }
  for (var k = 0u; k < PARTS; k++) {
    if (k % LANES == lane) { d_qkv[n * 3u * WIDTH + h * PARTS + k] = d_q[k]; }
  }
  if (lane == 0u) { delta[n * H + h] = pull; }
}

@compute @workgroup_size(64, LANES)
fn attention_backward_key_value(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
  let row = local.x;
  let lane = local.y;
  let h = group.z;
  let s = min(id.x, rows - 1u);
  let own = s * 3u * WIDTH + WIDTH + h * PARTS;
  var key: Head;
  var value: Head;
  var d_key: Head;
  var d_value: Head;
  for (var k = 0u; k < PARTS; k++) {
    key[k] = qkv[own + k] * SCALE;
    value[k] = qkv[own + WIDTH + k];
  }
  let queries = spans[s].y - s;
  for (var back = lane; back < queries; back += LANES) {
    let n = s + queries - 1u - back;
    let query = n * 3u * WIDTH + h * PARTS;
    let at = n * WIDTH + h * PARTS;
    var other: Head;
    var d_o: Head;
    var scores = Part();
    var d_ps = Part();
    for (var k = 0u; k < PARTS; k++) {
      other[k] = qkv[query + k];
      d_o[k] = d_out[at + k];
      scores += key[k] * other[k];
      d_ps += value[k] * d_o[k];
    }
    let p = exp(dot(scores, Part(1.0)) - lse[n * H + h]);
    let d_score = p * (dot(d_ps, Part(1.0)) - delta[n * H + h]) * SCALE;
    for (var k = 0u; k < PARTS; k++) {
      d_key[k] += d_score * other[k];
      d_value[k] += p * d_o[k];
    }
  }
  add_lanes(&d_key, row, lane);
  add_lanes(&d_value, row, lane);
  if (id.x >= rows) { return; }
  for (var k = 0u; k < PARTS; k++) {
    if (k % LANES != lane) { continue; }
    d_qkv[own + k] = d_key[k];
    d_qkv[own + WIDTH + k] = d_value[k];
  }
}

var<workgroup> scores: array<f32, MAX_LENGTH>;

@compute @workgroup_size(64)
fn attention_decode(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = group.x;
  let h = group.y;
  if (n >= rows) { return; }
  let position = positions[n];
  let own = n * 3u * WIDTH + h * PARTS;
  let cache = sequences[n] * MAX_LENGTH * WIDTH + h * PARTS;
  for (var k = thread; k < PARTS; k += 64u) {
    key_cache[cache + position * WIDTH + k] = qkv[own + WIDTH + k];
    value_cache[cache + position * WIDTH + k] = qkv[own + 2u * WIDTH + k];
  }
  var highest = LOWEST;
  for (var s = thread; s <= position; s += 64u) {
    var products = Part();
    if (s == position) { // its own key may not have reached the cache yet
      for (var k = 0u; k < PARTS; k++) { products += qkv[own + k] * qkv[own + WIDTH + k]; }
    } else {
      for (var k = 0u; k < PARTS; k++) { products += qkv[own + k] * key_cache[cache + s * WIDTH + k]; }
    }
    scores[s] = dot(products, Part(1.0)) * SCALE;
    highest = max(highest, scores[s]);
  }
  numbers[thread] = highest;
  workgroupBarrier();
  for (var lane = 0u; lane < 64u; lane++) { highest = max(highest, numbers[lane]); }
  for (var s = thread; s <= position; s += 64u) { scores[s] = exp(scores[s] - highest); }
  workgroupBarrier();
  for (var k = thread; k < PARTS; k += 64u) {
    var total = scores[position];
    var sum = total * qkv[own + 2u * WIDTH + k];
    for (var s = 0u; s < position; s++) {
      total += scores[s];
      sum += scores[s] * value_cache[cache + s * WIDTH + k];
    }
    out[n * WIDTH + h * PARTS + k] = sum / total;
  }
}
