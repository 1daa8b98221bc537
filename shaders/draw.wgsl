// The draw of a token, put in front of the files that sample: sample.wgsl and decode.wgsl.
// A token is drawn by Gumbel-max: argmax of z_v + gumbel_v over the allowed tokens, z = logits / temperature. The noise is a
// hash of (seed, step, sequence, position, token): results depend on no grid, batch or order. Temperature 0 takes the likeliest.
// Allowed: not forbidden; then top-k; then top-p (the tokens above it hold less than top_p together); then min-p, each on what the
// one before left, as Hugging Face chains them.

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

@group(0) @binding(0) var<uniform> rows: u32; // live sequences
@group(0) @binding(1) var<uniform> sampling: Sampling;
@group(0) @binding(2) var<storage, read_write> tokens: array<u32>;    // [sequences, MAX_LENGTH]
@group(0) @binding(3) var<storage, read_write> log_probs: array<f32>; // [sequences, MAX_LENGTH], before top-k, top-p and min-p
@group(0) @binding(4) var<storage, read_write> states: array<vec4u>;  // by sequence: prompt length, longest length, length, done

const LOWEST = -3e38;
var<workgroup> lanes: array<f32, 64 * DRAWS>;

fn highest_lane(first: u32, count: u32) -> f32 {
  var highest = vec4f(LOWEST);
  for (var u = 0u; u < count; u += 4u) { // four at a time: past the end the last
    highest = max(highest, vec4f(
      lanes[first + u],
      lanes[first + min(u + 1u, count - 1u)],
      lanes[first + min(u + 2u, count - 1u)],
      lanes[first + min(u + 3u, count - 1u)],
    ));
  }
  return max(max(highest.x, highest.y), max(highest.z, highest.w));
}

/// Draws token `next` of a sequence and keeps it where `lives`, unless the prompt goes on or the sequence is done. The workgroup
/// makes DRAWS draws at once, 64 threads each, a thread a token: `logit` is that of token thread % 64. All threads must call it.
fn draw_token(thread: u32, logit: f32, sequence: u32, next: u32, lives: bool) {
  let v = thread % 64u;
  let first = thread - v;
  let state = states[sequence];
  let greedy = sampling.temperature == 0.0;
  let word = select(sampling.forbidden_low, sampling.forbidden_high, v >= 32u);
  let allowed = v < V && ((word >> (v % 32u)) & 1u) == 0u;
  let z = select(LOWEST, logit / select(sampling.temperature, 1.0, greedy), allowed);
  lanes[thread] = z;
  workgroupBarrier();
  let highest = highest_lane(first, V);
  var total = 0.0;
  var rank = 0u;
  for (var u = 0u; u < V; u++) {
    let other = lanes[first + u];
    total += exp(other - highest);
    rank += select(0u, 1u, other > z || (other == z && u < v));
  }
  let log_prob = z - highest - log(total);

  var kept = allowed && (sampling.top_k == 0u || rank < sampling.top_k);
  workgroupBarrier();
  lanes[thread] = select(LOWEST, z, kept);
  workgroupBarrier();
  if (sampling.top_p < 1.0) {
    var left = 0.0;
    var above = 0.0;
    for (var u = 0u; u < V; u++) {
      let other = lanes[first + u];
      let mass = exp(other - highest);
      left += mass;
      if (other > z || (other == z && u < v)) { above += mass; }
    }
    kept = kept && above < sampling.top_p * left;
  }
  kept = kept && (z == highest || exp(z - highest) >= sampling.min_p); // a GPU's exp(0) may fall short of a min_p of 1

  let noise = pcg4d(vec4u(sampling.seed, sampling.step, sampling.first_sequence + sequence, next * 64u + v)).x;
  let score = z + select(gumbel(noise), 0.0, greedy);
  workgroupBarrier();
  lanes[thread] = select(LOWEST, score, kept);
  workgroupBarrier();
  let best = highest_lane(first, V);
  var winner = 0u;
  while (winner < V - 1u && lanes[first + winner] < best) { winner++; } // bounded: logits of a model gone wrong may be NaN
  if (v == winner && lives && next >= state.x && state.w == 0u) {
    tokens[sequence * MAX_LENGTH + next] = v;
    log_probs[sequence * MAX_LENGTH + next] = log_prob;
    states[sequence].z = next + 1u;
    if (v == sampling.eos || next + 1u == state.y) { states[sequence].w = 1u; }
  }
}
