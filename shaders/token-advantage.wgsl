// The advantage of every token:
//   A_t = A of its completion                  (advantage.wgsl; with a critic, critic.wgsl writes A_t instead)
//   A_t = 0 where entropy_t < threshold        topEntropyQuantile q: only the most uncertain tokens train (Wang et al. 2025,
//                                              "Beyond the 80/20 Rule", arXiv:2506.01939)
// The threshold is the (1 - q)-quantile of the tokens' entropies: an entropy is not below the interpolated quantile exactly
// where it is not below the entropy of the next whole rank, ceil((1 - q) (tokens - 1)) counted from 0.
//
// token_advantage_spread      grid (rows)    writes advantages of the batch's rows
// token_advantage_threshold   1 workgroup    writes threshold, from the entropies of the whole step
// token_advantage_mask        grid (rows)    clears advantages of the batch's rows
//
// Struct Objective: objective.wgsl. A row without a target has entropy -1 (softmax.wgsl).

struct Ranking {
  rows: u32,  // of the whole step
  rank: u32,
}

@group(0) @binding(0) var<uniform> objective: Objective;
@group(0) @binding(1) var<uniform> ranking: Ranking;
@group(0) @binding(2) var<storage, read> labels: array<vec2u>;
@group(0) @binding(3) var<storage, read> outcomes: array<vec4f>;  // by sequence; y is the advantage
@group(0) @binding(4) var<storage, read> entropies: array<f32>;   // by row of the step
@group(0) @binding(5) var<storage, read_write> threshold: array<f32>;
@group(0) @binding(6) var<storage, read> lowest: array<f32>;      // the threshold, once written
@group(0) @binding(7) var<storage, read_write> advantages: array<f32>; // by row of the step

@compute @workgroup_size(64)
fn token_advantage_spread(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= objective.rows) { return; }
  advantages[objective.row_offset + n] = outcomes[labels[n].y].y;
}

const THREADS = 256u;
var<workgroup> thread_counts: array<u32, THREADS>;
var<workgroup> found: u32;

/// Floats that are not negative are in the order of their bits: the entropy of a rank is the largest number that no more than
/// `rank` entropies are below, found bit by bit from the highest.
@compute @workgroup_size(THREADS)
fn token_advantage_threshold(@builtin(local_invocation_index) thread: u32) {
  for (var bit = 31u; bit > 0u; bit--) {
    let candidate = workgroupUniformLoad(&found) | (1u << (bit - 1u));
    var below = 0u;
    for (var row = thread; row < ranking.rows; row += THREADS) {
      if (entropies[row] >= 0.0 && bitcast<u32>(entropies[row]) < candidate) { below++; }
    }
    thread_counts[thread] = below;
    workgroupBarrier();
    if (thread == 0u) {
      var total = 0u;
      for (var t = 0u; t < THREADS; t++) { total += thread_counts[t]; }
      if (total <= ranking.rank) { found = candidate; }
    }
    workgroupBarrier();
  }
  if (thread == 0u) { threshold[0] = bitcast<f32>(found); }
}

@compute @workgroup_size(64)
fn token_advantage_mask(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= objective.rows) { return; }
  let row = objective.row_offset + n;
  if (entropies[row] < lowest[0]) { advantages[row] = 0.0; }
}
