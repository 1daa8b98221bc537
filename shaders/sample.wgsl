// One token for every live sequence, a row each, and the list of the sequences that live on. draw.wgsl is put in front.
//
// sample_token     grid (rows/64 * LANES)
// sample_advance   1 workgroup: drops finished sequences from the list, in order, and sets up the rows of the token ADVANCE further on
//
// LANES threads to a draw: 64, a thread a token, or 1 on software adapters, where barriers cost most. Both draw the same.

@group(0) @binding(5) var<storage, read> logits: array<f32>;         // [rows, VP]
@group(0) @binding(6) var<storage, read> row_sequences: array<u32>;  // the sequence of every row
@group(0) @binding(7) var<storage, read> row_positions: array<u32>;
@group(0) @binding(8) var<storage, read_write> live_rows: u32;
@group(0) @binding(9) var<storage, read_write> ids: array<u32>;
@group(0) @binding(10) var<storage, read_write> positions: array<u32>;
@group(0) @binding(11) var<storage, read_write> sequences: array<u32>;

@compute @workgroup_size(64)
fn sample_token(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) v: u32) {
  if (LANES == 1u) {
    draw_alone(group.x * 64u + v);
    return;
  }
  let n = group.x;
  if (n >= rows) { return; }
  draw_token(v, logits[n * VP + min(v, V - 1u)], row_sequences[n], row_positions[n] + 1u, true);
}

alias Scores = array<f32, V>; // z of every token, LOWEST where it is not allowed

/// The tokens that rank before token v.
struct Before { count: u32, mass: f32 }

fn before(z: ptr<function, Scores>, v: u32, highest: f32) -> Before {
  var found = Before();
  for (var u = 0u; u < V; u++) {
    if ((*z)[u] > (*z)[v] || ((*z)[u] == (*z)[v] && u < v)) {
      found.count += 1u;
      found.mass += exp((*z)[u] - highest);
    }
  }
  return found;
}

/// draw_token for row n, by one thread.
fn draw_alone(n: u32) {
  if (n >= rows) { return; }
  let sequence = row_sequences[n];
  let next = row_positions[n] + 1u;
  let state = states[sequence];
  if (next < state.x || state.w != 0u) { return; }
  let greedy = sampling.temperature == 0.0;
  var z: Scores;
  var highest = LOWEST;
  for (var v = 0u; v < V; v++) {
    let word = select(sampling.forbidden_low, sampling.forbidden_high, v >= 32u);
    let allowed = ((word >> (v % 32u)) & 1u) == 0u;
    z[v] = select(LOWEST, logits[n * VP + v] / select(sampling.temperature, 1.0, greedy), allowed);
    highest = max(highest, z[v]);
  }
  let filtered = sampling.top_k != 0u || sampling.top_p < 1.0;
  let most = select(sampling.top_k, V, sampling.top_k == 0u);
  var total = 0.0;
  var left = 0.0; // of it, after top-k
  for (var v = 0u; v < V; v++) {
    let mass = exp(z[v] - highest);
    total += mass;
    if (!filtered || before(&z, v, highest).count < most) { left += mass; }
  }
  var best = LOWEST;
  var winner = 0u;
  for (var v = 0u; v < V; v++) {
    if (z[v] == LOWEST || !(z[v] == highest || exp(z[v] - highest) >= sampling.min_p)) { continue; }
    if (filtered) {
      let ahead = before(&z, v, highest);
      if (ahead.count >= most || (sampling.top_p < 1.0 && ahead.mass >= sampling.top_p * left)) { continue; }
    }
    let noise = pcg4d(vec4u(sampling.seed, sampling.step, sampling.first_sequence + sequence, next * 64u + v)).x;
    let score = z[v] + select(gumbel(noise), 0.0, greedy);
    if (score > best) {
      best = score;
      winner = v;
    }
  }
  tokens[sequence * MAX_LENGTH + next] = winner;
  log_probs[sequence * MAX_LENGTH + next] = z[winner] - highest - log(total);
  states[sequence].z = next + 1u;
  if (winner == sampling.eos || next + 1u == state.y) { states[sequence].w = 1u; }
}

const ADVANCE_THREADS = min(256u, MAX_SEQUENCES);
var<workgroup> kept: array<u32, ADVANCE_THREADS>; // sequences that live on, up to and with this thread's

@compute @workgroup_size(ADVANCE_THREADS)
fn sample_advance(@builtin(local_invocation_index) thread: u32) {
  let count = live_rows;
  var base = 0u;
  for (var first = 0u; first < MAX_SEQUENCES; first += ADVANCE_THREADS) {
    let row = first + thread;
    let sequence = sequences[min(row, MAX_SEQUENCES - 1u)];
    let next = positions[min(row, MAX_SEQUENCES - 1u)] + ADVANCE;
    let lives = row < count && states[sequence].w == 0u;
    kept[thread] = select(0u, 1u, lives);
    for (var reach = 1u; reach < ADVANCE_THREADS; reach *= 2u) {
      workgroupBarrier();
      let before = select(0u, kept[max(thread, reach) - reach], thread >= reach);
      workgroupBarrier();
      kept[thread] += before;
    }
    workgroupBarrier();
    storageBarrier(); // no row is overwritten before it was read
    if (lives) {
      let place = base + kept[thread] - 1u;
      sequences[place] = sequence;
      positions[place] = next;
      ids[place] = tokens[sequence * MAX_LENGTH + next];
    }
    base += kept[ADVANCE_THREADS - 1u];
    workgroupBarrier();
    storageBarrier();
  }
  if (thread == 0u) { live_rows = base; }
}
