// One token for every live sequence, and the list of the sequences that live on.
// A token is drawn by Gumbel-max: argmax of z_v + gumbel_v over the allowed tokens, z = logits / temperature. The noise is a
// hash of (seed, step, sequence, position, token): results depend on no grid, batch or order. Temperature 0 takes the likeliest.
// Allowed: not forbidden; then top-k; then top-p (the tokens above it hold less than top_p together); then min-p, each on what the
// one before left, as Hugging Face chains them.
//
// sample_token     grid (rows) workgroups of 64 threads, a thread a token
// sample_advance   1 workgroup: drops finished sequences from `live`, in order, and sets up the next token's rows

struct Sampling {
  temperature: f32,
  top_k: u32,          // 0: all
  top_p: f32,
  min_p: f32,
  seed: u32,
  step: u32,
  first_sequence: u32, // number of sequence 0 in the whole step
  eos: u32,
  forbidden_low: u32,  // bit v set: token v is never drawn
  forbidden_high: u32,
}

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<uniform> sampling: Sampling;
@group(0) @binding(2) var<storage, read> logits: array<f32>;         // [rows, VP]
@group(0) @binding(3) var<storage, read> row_sequences: array<u32>;  // the sequence of every row
@group(0) @binding(4) var<storage, read> row_positions: array<u32>;
@group(0) @binding(5) var<storage, read_write> tokens: array<u32>;   // [sequences, MAX_LENGTH]
@group(0) @binding(6) var<storage, read_write> log_probs: array<f32>; // [sequences, MAX_LENGTH], before top-k, top-p and min-p
@group(0) @binding(7) var<storage, read_write> states: array<vec4u>; // by sequence: prompt length, longest length, length, done
@group(0) @binding(8) var<storage, read_write> live_rows: u32;
@group(0) @binding(9) var<storage, read_write> ids: array<u32>;
@group(0) @binding(10) var<storage, read_write> positions: array<u32>;
@group(0) @binding(11) var<storage, read_write> sequences: array<u32>;

const LOWEST = -3e38;
var<workgroup> lanes: array<f32, 64>;

fn highest_lane(count: u32) -> f32 {
  var highest = LOWEST;
  for (var u = 0u; u < count; u++) { highest = max(highest, lanes[u]); }
  return highest;
}

@compute @workgroup_size(64)
fn sample_token(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) v: u32) {
  let n = group.x;
  if (n >= rows) { return; }
  let sequence = row_sequences[n];
  let position = row_positions[n];
  let next = position + 1u;
  let prompted = next < states[sequence].x; // the prompt goes on: draw, but keep nothing

  let greedy = sampling.temperature == 0.0;
  let word = select(sampling.forbidden_low, sampling.forbidden_high, v >= 32u);
  let allowed = v < V && ((word >> (v % 32u)) & 1u) == 0u;
  let z = select(LOWEST, logits[n * VP + min(v, V - 1u)] / select(sampling.temperature, 1.0, greedy), allowed);
  lanes[v] = z;
  workgroupBarrier();
  let highest = highest_lane(V);
  var total = 0.0;
  var rank = 0u;
  for (var u = 0u; u < V; u++) {
    total += exp(lanes[u] - highest);
    rank += select(0u, 1u, lanes[u] > z || (lanes[u] == z && u < v));
  }
  let log_prob = z - highest - log(total);

  var kept = allowed && (sampling.top_k == 0u || rank < sampling.top_k);
  workgroupBarrier();
  lanes[v] = select(LOWEST, z, kept);
  workgroupBarrier();
  if (sampling.top_p < 1.0) {
    var left = 0.0;
    var above = 0.0;
    for (var u = 0u; u < V; u++) {
      let mass = exp(lanes[u] - highest);
      left += mass;
      if (lanes[u] > z || (lanes[u] == z && u < v)) { above += mass; }
    }
    kept = kept && above < sampling.top_p * left;
  }
  kept = kept && (z == highest || exp(z - highest) >= sampling.min_p); // a GPU's exp(0) may fall short of a min_p of 1

  let noise = pcg4d(vec4u(sampling.seed, sampling.step, sampling.first_sequence + sequence, next * 64u + v)).x;
  let score = z + select(gumbel(noise), 0.0, greedy);
  workgroupBarrier();
  lanes[v] = select(LOWEST, score, kept);
  workgroupBarrier();
  let best = highest_lane(V);
  var winner = 0u;
  while (winner < V - 1u && lanes[winner] < best) { winner++; } // bounded: logits of a model gone wrong may be NaN
  if (v == winner && !prompted) {
    tokens[sequence * MAX_LENGTH + next] = v;
    log_probs[sequence * MAX_LENGTH + next] = log_prob;
    states[sequence].z = next + 1u;
    if (v == sampling.eos || next + 1u == states[sequence].y) { states[sequence].w = 1u; }
  }
}

const THREADS = 256u;
var<workgroup> kept_before: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn sample_advance(@builtin(local_invocation_index) thread: u32) {
  let count = live_rows;
  let next = positions[0] + 1u;
  storageBarrier();
  var base = 0u;
  for (var first = 0u; first < MAX_SEQUENCES; first += THREADS) {
    let row = first + thread;
    let sequence = sequences[min(row, MAX_SEQUENCES - 1u)];
    let lives = row < count && states[sequence].w == 0u;
    kept_before[thread] = select(0u, 1u, lives);
    storageBarrier(); // no row is overwritten before it was read
    workgroupBarrier();
    var place = base;
    var kept = 0u;
    for (var t = 0u; t < THREADS; t++) {
      if (t == thread) { place += kept; }
      kept += kept_before[t];
    }
    if (lives) {
      sequences[place] = sequence;
      positions[place] = next;
      ids[place] = tokens[sequence * MAX_LENGTH + next];
    }
    base += kept;
    storageBarrier();
    workgroupBarrier();
  }
  if (thread == 0u) { live_rows = base; }
}
