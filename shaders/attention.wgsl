// Causal attention within each sequence of a packed batch, a head at a time:
//   score[n,s] = q_n . k_s / sqrt(K),   p = softmax over s <= n,   out_n = sum over s of p[n,s] v_s
// Only the log-sum-exp of every row is kept; the backward passes make the probabilities anew (Dao et al. 2022):
//   p = exp(score - lse),  delta_n = dout_n . out_n,  dscore = p (dout_n . v_s - delta_n),
//   dq_n = sum of dscore k_s / sqrt(K),  dk_s = sum of dscore q_n / sqrt(K),  dv_s = sum of p dout_n
// A row of qkv holds D queries, D keys, D values, head by head. Row n belongs to the rows spans[n].x to spans[n].y - 1.
//
// attention_forward              grid (rows, H)   writes out and lse
// attention_backward_query       grid (rows, H)   writes delta and the queries of d_qkv
// attention_backward_key_value   grid (rows, H)   writes the keys and values of d_qkv
// attention_decode               grid (rows, H) workgroups: one new token of each row's sequence against the cache;
//                                appends its key and value to the cache, writes out

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> qkv: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>; // [rows, H]
@group(0) @binding(5) var<storage, read> row_out: array<vec2f>;
@group(0) @binding(6) var<storage, read> row_lse: array<f32>;
@group(0) @binding(7) var<storage, read> d_out: array<vec2f>;
@group(0) @binding(8) var<storage, read_write> delta: array<f32>; // [rows, H]
@group(0) @binding(9) var<storage, read> row_delta: array<f32>;
@group(0) @binding(10) var<storage, read_write> d_qkv: array<vec2f>;
@group(0) @binding(11) var<storage, read> sequences: array<u32>; // the row's sequence in the cache
@group(0) @binding(12) var<storage, read> positions: array<u32>;
@group(0) @binding(13) var<storage, read_write> key_cache: array<vec2f>; // [sequences, MAX_LENGTH, D]
@group(0) @binding(14) var<storage, read_write> value_cache: array<vec2f>;

const D2 = D / 2u;
const K2 = K / 2u;
const SCALE = inverseSqrt(f32(K));
const LOWEST = -3e38;

@compute @workgroup_size(64)
fn attention_forward(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  let h = id.y;
  if (n >= rows) { return; }
  var q: array<vec2f, K2>;
  var sum: array<vec2f, K2>;
  for (var k = 0u; k < K2; k++) { q[k] = qkv[n * 3u * D2 + h * K2 + k] * SCALE; }
  var highest = LOWEST;
  var total = 0.0;
  for (var s = spans[n].x; s <= n; s++) {
    let key = s * 3u * D2 + D2 + h * K2;
    var score = 0.0;
    for (var k = 0u; k < K2; k++) { score += dot(q[k], qkv[key + k]); }
    let higher = max(highest, score);
    let fade = exp(highest - higher);
    let p = exp(score - higher);
    total = total * fade + p;
    for (var k = 0u; k < K2; k++) { sum[k] = sum[k] * fade + p * qkv[key + D2 + k]; }
    highest = higher;
  }
  for (var k = 0u; k < K2; k++) { out[n * D2 + h * K2 + k] = sum[k] / total; }
  lse[n * H + h] = highest + log(total);
}

@compute @workgroup_size(64)
fn attention_backward_query(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  let h = id.y;
  if (n >= rows) { return; }
  var q: array<vec2f, K2>;
  var d_o: array<vec2f, K2>;
  var d_q: array<vec2f, K2>;
  var pull = 0.0;
  for (var k = 0u; k < K2; k++) {
    q[k] = qkv[n * 3u * D2 + h * K2 + k] * SCALE;
    d_o[k] = d_out[n * D2 + h * K2 + k];
    pull += dot(d_o[k], row_out[n * D2 + h * K2 + k]);
  }
  for (var s = spans[n].x; s <= n; s++) {
    let key = s * 3u * D2 + D2 + h * K2;
    var score = 0.0;
    var d_p = 0.0;
    for (var k = 0u; k < K2; k++) {
      score += dot(q[k], qkv[key + k]);
      d_p += dot(d_o[k], qkv[key + D2 + k]);
    }
    let d_score = exp(score - row_lse[n * H + h]) * (d_p - pull) * SCALE;
    for (var k = 0u; k < K2; k++) { d_q[k] += d_score * qkv[key + k]; }
  }
  delta[n * H + h] = pull;
  for (var k = 0u; k < K2; k++) { d_qkv[n * 3u * D2 + h * K2 + k] = d_q[k]; }
}

@compute @workgroup_size(64)
fn attention_backward_key_value(@builtin(global_invocation_id) id: vec3u) {
  let s = id.x;
  let h = id.y;
  if (s >= rows) { return; }
  let own = s * 3u * D2 + D2 + h * K2;
  var key: array<vec2f, K2>;
  var value: array<vec2f, K2>;
  var d_key: array<vec2f, K2>;
  var d_value: array<vec2f, K2>;
  for (var k = 0u; k < K2; k++) {
    key[k] = qkv[own + k] * SCALE;
    value[k] = qkv[own + D2 + k];
  }
  for (var n = s; n < spans[s].y; n++) {
    let query = n * 3u * D2 + h * K2;
    let at = n * D2 + h * K2;
    var score = 0.0;
    var d_p = 0.0;
    for (var k = 0u; k < K2; k++) {
      score += dot(key[k], qkv[query + k]);
      d_p += dot(value[k], d_out[at + k]);
    }
    let p = exp(score - row_lse[n * H + h]);
    let d_score = p * (d_p - row_delta[n * H + h]) * SCALE;
    for (var k = 0u; k < K2; k++) {
      d_key[k] += d_score * qkv[query + k];
      d_value[k] += p * d_out[at + k];
    }
  }
  for (var k = 0u; k < K2; k++) {
    d_qkv[own + k] = d_key[k];
    d_qkv[own + D2 + k] = d_value[k];
  }
}

var<workgroup> scores: array<f32, MAX_LENGTH>;
var<workgroup> lanes: array<f32, 64>;

@compute @workgroup_size(64)
fn attention_decode(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = group.x;
  let h = group.y;
  if (n >= rows) { return; }
  let position = positions[n];
  let own = n * 3u * D2 + h * K2;
  let cache = sequences[n] * MAX_LENGTH * D2 + h * K2;
  for (var k = thread; k < K2; k += 64u) {
    key_cache[cache + position * D2 + k] = qkv[own + D2 + k];
    value_cache[cache + position * D2 + k] = qkv[own + 2u * D2 + k];
  }
  var highest = LOWEST;
  for (var s = thread; s <= position; s += 64u) {
    var score = 0.0;
    if (s == position) { // its own key may not have reached the cache yet
      for (var k = 0u; k < K2; k++) { score += dot(qkv[own + k], qkv[own + D2 + k]); }
    } else {
      for (var k = 0u; k < K2; k++) { score += dot(qkv[own + k], key_cache[cache + s * D2 + k]); }
    }
    scores[s] = score * SCALE;
    highest = max(highest, score * SCALE);
  }
  lanes[thread] = highest;
  workgroupBarrier();
  for (var lane = 0u; lane < 64u; lane++) { highest = max(highest, lanes[lane]); }
  for (var s = thread; s <= position; s += 64u) { scores[s] = exp(scores[s] - highest); }
  workgroupBarrier();
  for (var k = thread; k < K2; k += 64u) {
    var total = scores[position];
    var sum = total * qkv[own + 2u * D2 + k];
    for (var s = 0u; s < position; s++) {
      total += scores[s];
      sum += scores[s] * value_cache[cache + s * D2 + k];
    }
    out[n * D2 + h * K2 + k] = sum / total;
  }
}
