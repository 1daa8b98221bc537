// Causal attention within each sequence of a packed batch, a head at a time:
//   score[n,s] = q_n . k_s / sqrt(K),   p = softmax over s <= n,   out_n = sum over s of p[n,s] v_s
// Only the log-sum-exp of every row is kept; the backward passes make the probabilities anew (Dao et al. 2022):
//   p = exp(score - lse),  delta_n = dout_n . out_n,  dscore = p (dout_n . v_s - delta_n),
//   dq_n = sum of dscore k_s / sqrt(K),  dk_s = sum of dscore q_n / sqrt(K),  dv_s = sum of p dout_n
// A row of qkv holds D queries, D keys, D values, head by head. Row n belongs to the rows spans[n].x to spans[n].y - 1.
//
// attention_forward              grid (rows/64, H)   writes out and lse
// attention_backward_query       grid (rows/64, H)   writes delta and the queries of d_qkv
// attention_backward_key_value   grid (rows/64, H)   writes the keys and values of d_qkv
// attention_decode               grid (rows, H)      one new token of each row's sequence against the cache; appends its key
//                                                    and value to the cache, writes out
// attention_decode_alone         grid (rows/8, H)    the same with a thread, not a workgroup, to a row and head: no barriers, which
//                                                    cost software adapters most
//
// Packed rows have a thread each, with all that it gathers in registers and no barriers: for software adapters. Threads side by side
// mostly read the same key or query at the same time: queries go through the keys from the first on, keys through the queries from
// the last back. GPUs take these passes from attention-tiled.wgsl.
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

alias Head = array<Part, PARTS>;

@compute @workgroup_size(64)
fn attention_forward(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  let h = id.y;
  if (n >= rows) { return; }
  var q: Head;
  var sum: Head;
  for (var k = 0u; k < PARTS; k++) { q[k] = qkv[n * 3u * WIDTH + h * PARTS + k] * SCALE; }
  var highest = -3e38;
  var total = 0.0;
  for (var s = spans[n].x; s <= n; s++) {
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
  for (var k = 0u; k < PARTS; k++) { out[n * WIDTH + h * PARTS + k] = sum[k] / total; }
  lse[n * H + h] = highest + log(total);
}

@compute @workgroup_size(64)
fn attention_backward_query(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  let h = id.y;
  if (n >= rows) { return; }
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
  for (var s = spans[n].x; s <= n; s++) {
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
  for (var k = 0u; k < PARTS; k++) { d_qkv[n * 3u * WIDTH + h * PARTS + k] = d_q[k]; }
  delta[n * H + h] = pull;
}

@compute @workgroup_size(64)
fn attention_backward_key_value(@builtin(global_invocation_id) id: vec3u) {
  let s = id.x;
  let h = id.y;
  if (s >= rows) { return; }
  let own = s * 3u * WIDTH + WIDTH + h * PARTS;
  var key: Head;
  var value: Head;
  var d_key: Head;
  var d_value: Head;
  for (var k = 0u; k < PARTS; k++) {
    key[k] = qkv[own + k] * SCALE;
    value[k] = qkv[own + WIDTH + k];
  }
  for (var end = spans[s].y; end > s; end--) {
    let n = end - 1u;
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
  for (var k = 0u; k < PARTS; k++) {
    d_qkv[own + k] = d_key[k];
    d_qkv[own + WIDTH + k] = d_value[k];
  }
}

const LOWEST = -3e38;
var<workgroup> numbers: array<f32, 64>;
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

@compute @workgroup_size(8)
fn attention_decode_alone(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  let h = id.y;
  if (n >= rows) { return; }
  let position = positions[n];
  let own = n * 3u * WIDTH + h * PARTS;
  let cache = sequences[n] * MAX_LENGTH * WIDTH + h * PARTS;
  var q: Head;
  var sum: Head;
  var products = Part();
  for (var k = 0u; k < PARTS; k++) {
    q[k] = qkv[own + k] * SCALE;
    let key = qkv[own + WIDTH + k];
    let value = qkv[own + 2u * WIDTH + k];
    key_cache[cache + position * WIDTH + k] = key;
    value_cache[cache + position * WIDTH + k] = value;
    products += q[k] * key;
    sum[k] = value;
  }
  var highest = dot(products, Part(1.0));
  var total = 1.0;
  for (var s = 0u; s < position; s++) {
    let at = cache + s * WIDTH;
    products = Part();
    for (var k = 0u; k < PARTS; k++) { products += q[k] * key_cache[at + k]; }
    let score = dot(products, Part(1.0));
    if (score > highest) {
      let fade = exp(highest - score);
      total *= fade;
      for (var k = 0u; k < PARTS; k++) { sum[k] *= fade; }
      highest = score;
    }
    let p = exp(score - highest);
    total += p;
    for (var k = 0u; k < PARTS; k++) { sum[k] += p * value_cache[at + k]; }
  }
  for (var k = 0u; k < PARTS; k++) { out[n * WIDTH + h * PARTS + k] = sum[k] / total; }
}
