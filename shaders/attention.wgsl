// Causal attention within each sequence of a packed batch, a head at a time:
//   score[n,s] = q_n . k_s / sqrt(K),   p = softmax over s <= n,   out_n = sum over s of p[n,s] v_s
// Only the log-sum-exp of every row is kept; the backward passes make the probabilities anew (Dao et al. 2022):
//   p = exp(score - lse),  delta_n = dout_n . out_n,  dscore = p (dout_n . v_s - delta_n),
//   dq_n = sum of dscore k_s / sqrt(K),  dk_s = sum of dscore q_n / sqrt(K),  dv_s = sum of p dout_n
// A row of qkv holds D queries, D keys, D values, head by head. Row n belongs to the rows spans[n].x to spans[n].y - 1.
//
// attention_forward              grid (rows/16, H)   writes out and lse
// attention_backward_query       grid (rows/16, H)   writes delta and the queries of d_qkv
// attention_backward_key_value   grid (rows/16, H)   writes the keys and values of d_qkv
// attention_decode               grid (rows, H)      one new token of each row's sequence against the cache; appends its key
//                                                    and value to the cache, writes out
//
// A workgroup of 64 threads holds 16 rows, four threads to a row: each takes every fourth key (or query) and the four sums are
// added up at the end. `Part` is vec4f, or vec2f where K is no multiple of 4; PARTS of them make a head.

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> qkv: array<Part>;
@group(0) @binding(3) var<storage, read_write> out: array<Part>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>; // [rows, H]
@group(0) @binding(5) var<storage, read> row_out: array<Part>;
@group(0) @binding(6) var<storage, read> row_lse: array<f32>;
@group(0) @binding(7) var<storage, read> d_out: array<Part>;
@group(0) @binding(8) var<storage, read_write> delta: array<f32>; // [rows, H]
@group(0) @binding(9) var<storage, read> row_delta: array<f32>;
@group(0) @binding(10) var<storage, read_write> d_qkv: array<Part>;
@group(0) @binding(11) var<storage, read> sequences: array<u32>; // the row's sequence in the cache
@group(0) @binding(12) var<storage, read> positions: array<u32>;
@group(0) @binding(13) var<storage, read_write> key_cache: array<Part>; // [sequences, MAX_LENGTH, D]
@group(0) @binding(14) var<storage, read_write> value_cache: array<Part>;

const WIDTH = D / (K / PARTS); // parts in a row of D
const SCALE = inverseSqrt(f32(K));
const LOWEST = -3e38;
const LANES = 4u;
const ROWS = 16u;

alias Head = array<Part, PARTS>;

var<workgroup> parts: array<Part, 64 * LANES>;
var<workgroup> numbers: array<f32, 64>;

/// Adds up the values of the four threads of a row. Afterwards thread `lane` holds the sums of the parts lane, lane + 4, ...
fn add_lanes(values: ptr<function, Head>, thread: u32) {
  let first = thread / LANES * LANES;
  let lane = thread % LANES;
  for (var k = 0u; k < PARTS; k += LANES) {
    workgroupBarrier();
    for (var j = 0u; j < LANES && k + j < PARTS; j++) { parts[j * 64u + thread] = (*values)[k + j]; }
    workgroupBarrier();
    if (k + lane < PARTS) {
      let at = lane * 64u + first;
      (*values)[k + lane] = parts[at] + parts[at + 1u] + parts[at + 2u] + parts[at + 3u];
    }
  }
}

@compute @workgroup_size(64)
fn attention_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = group.x * ROWS + thread / LANES;
  let row = min(n, rows - 1u);
  let h = group.y;
  let lane = thread % LANES;
  var q: Head;
  var sum: Head;
  for (var k = 0u; k < PARTS; k++) { q[k] = qkv[row * 3u * WIDTH + h * PARTS + k] * SCALE; }
  var highest = LOWEST;
  var total = 0.0;
  for (var s = spans[row].x + lane; s <= row; s += LANES) {
    let key = s * 3u * WIDTH + WIDTH + h * PARTS;
    var products = Part();
    for (var k = 0u; k < PARTS; k++) { products += q[k] * qkv[key + k]; }
    let score = dot(products, Part(1.0));
    let higher = max(highest, score);
    let fade = exp(highest - higher);
    let p = exp(score - higher);
    total = total * fade + p;
    for (var k = 0u; k < PARTS; k++) { sum[k] = sum[k] * fade + p * qkv[key + WIDTH + k]; }
    highest = higher;
  }
  let first = thread / LANES * LANES;
  numbers[thread] = highest;
  workgroupBarrier();
  let top = max(max(numbers[first], numbers[first + 1u]), max(numbers[first + 2u], numbers[first + 3u]));
  let fade = exp(highest - top);
  for (var k = 0u; k < PARTS; k++) { sum[k] *= fade; }
  workgroupBarrier();
  numbers[thread] = total * fade;
  workgroupBarrier();
  let all = numbers[first] + numbers[first + 1u] + numbers[first + 2u] + numbers[first + 3u];
  add_lanes(&sum, thread);
  if (n >= rows) { return; }
  for (var k = lane; k < PARTS; k += LANES) { out[n * WIDTH + h * PARTS + k] = sum[k] / all; }
  if (lane == 0u) { lse[n * H + h] = top + log(all); }
}

@compute @workgroup_size(64)
fn attention_backward_query(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = group.x * ROWS + thread / LANES;
  let row = min(n, rows - 1u);
  let h = group.y;
  let lane = thread % LANES;
  var q: Head;
  var d_o: Head;
  var d_q: Head;
  var pulls = Part();
  for (var k = 0u; k < PARTS; k++) {
    q[k] = qkv[row * 3u * WIDTH + h * PARTS + k] * SCALE;
    d_o[k] = d_out[row * WIDTH + h * PARTS + k];
    pulls += d_o[k] * row_out[row * WIDTH + h * PARTS + k];
  }
  let pull = dot(pulls, Part(1.0));
  for (var s = spans[row].x + lane; s <= row; s += LANES) {
    let key = s * 3u * WIDTH + WIDTH + h * PARTS;
    var scores = Part();
    var d_ps = Part();
    for (var k = 0u; k < PARTS; k++) {
      scores += q[k] * qkv[key + k];
      d_ps += d_o[k] * qkv[key + WIDTH + k];
    }
    let d_score = exp(dot(scores, Part(1.0)) - row_lse[row * H + h]) * (dot(d_ps, Part(1.0)) - pull) * SCALE;
    for (var k = 0u; k < PARTS; k++) { d_q[k] += d_score * qkv[key + k]; }
  }
  add_lanes(&d_q, thread);
  if (n >= rows) { return; }
  for (var k = lane; k < PARTS; k += LANES) { d_qkv[n * 3u * WIDTH + h * PARTS + k] = d_q[k]; }
  if (lane == 0u) { delta[n * H + h] = pull; }
}

@compute @workgroup_size(64)
fn attention_backward_key_value(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let s = group.x * ROWS + thread / LANES;
  let row = min(s, rows - 1u);
  let h = group.y;
  let lane = thread % LANES;
  let own = row * 3u * WIDTH + WIDTH + h * PARTS;
  var key: Head;
  var value: Head;
  var d_key: Head;
  var d_value: Head;
  for (var k = 0u; k < PARTS; k++) {
    key[k] = qkv[own + k] * SCALE;
    value[k] = qkv[own + WIDTH + k];
  }
  for (var n = row + lane; n < spans[row].y; n += LANES) {
    let query = n * 3u * WIDTH + h * PARTS;
    let at = n * WIDTH + h * PARTS;
    var scores = Part();
    var d_ps = Part();
    for (var k = 0u; k < PARTS; k++) {
      scores += key[k] * qkv[query + k];
      d_ps += value[k] * d_out[at + k];
    }
    let p = exp(dot(scores, Part(1.0)) - row_lse[n * H + h]);
    let d_score = p * (dot(d_ps, Part(1.0)) - row_delta[n * H + h]) * SCALE;
    for (var k = 0u; k < PARTS; k++) {
      d_key[k] += d_score * qkv[query + k];
      d_value[k] += p * d_out[at + k];
    }
  }
  add_lanes(&d_key, thread);
  add_lanes(&d_value, thread);
  if (s >= rows) { return; }
  for (var k = lane; k < PARTS; k += LANES) {
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
