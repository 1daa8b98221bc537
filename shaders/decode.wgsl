// Fused decoding: a workgroup runs the whole model for four sequences, TOKENS tokens on end, and draws each token itself.
// draw.wgsl is put in front.
//
//   x = E[token];  per layer:  x += attention(norm(x)) Wo,  x += swiglu(norm(x) Wgu) Wdown;  logits = norm(x) E^T;  draw
//
// decode_tokens    grid (rows/4)    appends to the caches, writes tokens, log_probs and states; leaves early when its sequences are done
//
// All live sequences are at the same position: prompts are tokens that are given instead of drawn. Activations stay in workgroup
// memory: a vec4 is a channel of the four sequences, and channel c of N lies at place(c, N/4), as products leave it. A thread makes
// four columns of a product: sixteen multiplications for a vec4 of a transposed weight, read coalesced, and a broadcast vec4 of x.
// SPLITS threads share the sums of such a block; all threads then add up the parts. norm(x) = gain x / rms(x): products take gain x,
// and what comes out is divided by the rms. A phase begins with its barrier, so that loads which need no other thread are under way
// before it. No two threads write components of one vec4: a compiler may write it whole.

@group(0) @binding(5) var<uniform> position: u32;                      // of the first token
@group(0) @binding(6) var<storage, read> weights: array<vec4f>;        // all parameters, matrices transposed to [IN, OUT]
@group(0) @binding(7) var<storage, read> turns: array<vec2f>;          // [MAX_LENGTH, K/2] of (cos, sin)
@group(0) @binding(8) var<storage, read> sequences: array<u32>;        // the sequence of every row
@group(0) @binding(9) var<storage, read_write> keys: array<vec4f>;     // [sequences, L, H, K4, MAX_LENGTH], vec4s over channels
@group(0) @binding(10) var<storage, read_write> values: array<vec4f>;  // [sequences, L, MAX_LENGTH, H, K4], vec4s over channels

const S = 4u;
const D4 = D / 4u;
const F4 = F / 4u;
const V4 = VP / 4u;
const K4 = (K + 3u) / 4u; // vec4s of a head's channels, the last filled up with zeros
const HEADS4 = H * K4;
const HALF = K / 2u;
const NORM_LANES = 4u;
const ATTEND_ROWS = S * ATTEND_HEADS;            // a row: a sequence and a head
const ATTEND_LANES = THREADS / ATTEND_ROWS;      // threads to a row's scores
const MIX_SPLITS = THREADS / (ATTEND_ROWS * K4); // threads to a vec4 of a row's values

// Workgroup memory, in vec4s
const X = 0u;                      // [D] the residual stream
const INPUT = X + D;               // [D] what the next product takes: gain x, or what attention gives
const SQUARES = INPUT + D;         // [NORM_LANES] parts of the sum of x^2
const WIDE = SQUARES + NORM_LANES; // [F] of the MLP or [VP] logits, parts of sums, [MIX_SPLITS, ATTEND_ROWS, K4] of attention
const HEADS = WIDE + max(3u * D, THREADS); // [3, S, H, K4] queries, keys and values at hand, vec4s over channels
var<workgroup> memory: array<vec4f, WIDE + WIDE_SIZE>;
var<workgroup> scores: array<f32, ATTEND_ROWS * MAX_LENGTH>;
var<workgroup> angles: array<vec2f, HALF>; // (cos, sin) at the position
var<workgroup> slots: array<u32, S>;       // the workgroup's sequences
var<workgroup> alive: u32;

fn place(c: u32, N4: u32) -> u32 {
  return c % 4u * N4 + c / 4u;
}

struct Four { a: vec4f, b: vec4f, c: vec4f, d: vec4f }
struct Eight { a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f, g: vec4f, h: vec4f }

/// Eight rows of a weight, in four columns.
fn eight_rows(w: u32, OUT4: u32) -> Eight {
  return Eight(
    weights[w],
    weights[w + OUT4],
    weights[w + 2u * OUT4],
    weights[w + 3u * OUT4],
    weights[w + 4u * OUT4],
    weights[w + 5u * OUT4],
    weights[w + 6u * OUT4],
    weights[w + 7u * OUT4],
  );
}

fn add_row(y: Four, x: vec4f, w: vec4f) -> Four {
  return Four(y.a + w.x * x, y.b + w.y * x, y.c + w.z * x, y.d + w.w * x);
}

fn add_rows(sum: Four, x: u32, IN4: u32, w: Eight) -> Four {
  var y = add_row(sum, memory[x], w.a);
  y = add_row(y, memory[x + IN4], w.b);
  y = add_row(y, memory[x + 2u * IN4], w.c);
  y = add_row(y, memory[x + 3u * IN4], w.d);
  y = add_row(y, memory[x + 1u], w.e);
  y = add_row(y, memory[x + 1u + IN4], w.f);
  y = add_row(y, memory[x + 1u + 2u * IN4], w.g);
  return add_row(y, memory[x + 1u + 3u * IN4], w.h);
}

/// Parts of x W in WIDTH blocks of four columns, [SPLITS, 4, WIDTH] from `parts` on. `weight` counts vec4s; OUT4 is a row of W. Blocks
/// from PERIOD on lie F4 - PERIOD further right in W. With `squares` also the parts of the sum of x^2, by the last threads: those that
/// are left idle, if there are any.
fn product(
  thread: u32, input: u32, IN4: u32, weight: u32, OUT4: u32, PERIOD: u32, WIDTH: u32, SPLITS: u32, parts: u32, squares: bool,
) {
  let SHARE = 4u * IN4 / SPLITS;
  let split = thread / WIDTH;
  let block = thread % WIDTH;
  var w = weight + split * SHARE * OUT4 + block % PERIOD + block / PERIOD * F4;
  var rows: Eight;
  if (split < SPLITS) { rows = eight_rows(w, OUT4); }
  workgroupBarrier();
  let lane = THREADS - 1u - thread;
  if (squares && lane < NORM_LANES) {
    var sum = vec4f();
    for (var n = lane; n < D; n += NORM_LANES) { sum += memory[X + n] * memory[X + n]; }
    memory[SQUARES + lane] = sum;
  }
  if (split < SPLITS) {
    var x = input + split * SHARE / 4u;
    var y = Four();
    for (var i = 8u; i < SHARE; i += 8u) {
      w += 8u * OUT4;
      let next = eight_rows(w, OUT4);
      y = add_rows(y, x, IN4, rows);
      x += 2u;
      rows = next;
    }
    y = add_rows(y, x, IN4, rows);
    let at = parts + split * 4u * WIDTH + block;
    memory[at] = y.a;
    memory[at + WIDTH] = y.b;
    memory[at + 2u * WIDTH] = y.c;
    memory[at + 3u * WIDTH] = y.d;
  }
  workgroupBarrier();
}

/// The column of a product that lies at `place`.
fn add_parts(parts: u32, place: u32, WIDTH: u32, SPLITS: u32) -> vec4f {
  var sum = memory[parts + place];
  for (var split = 1u; split < SPLITS; split++) { sum += memory[parts + split * 4u * WIDTH + place]; }
  return sum;
}

/// 1 / rms(x)
fn inverse_rms() -> vec4f {
  let squares = memory[SQUARES] + memory[SQUARES + 1u] + memory[SQUARES + 2u] + memory[SQUARES + 3u];
  return inverseSqrt(squares / f32(D) + EPS);
}

/// The number that channel `n % D4 * 4 + n / D4`, which lies at n, has in a vector of the weights.
fn gain_at(gains: u32, n: u32) -> f32 {
  return weights[gains + n % D4][n / D4 % 4u];
}

/// X += input W, and what the next product takes.
fn add_product(thread: u32, input: u32, IN4: u32, weight: u32, SPLITS: u32, parts: u32, gains: u32) {
  let gain = gain_at(gains, thread);
  product(thread, input, IN4, weight, D4, D4, D4, SPLITS, parts, false);
  if (thread < D) {
    let x = memory[X + thread] + add_parts(parts, thread, D4, SPLITS);
    memory[X + thread] = x;
    memory[INPUT + thread] = gain * x;
  }
}

fn swiglu(gate: vec4f, up: vec4f) -> vec4f {
  return gate / (1.0 + exp(-gate)) * up;
}

/// WIDE = swiglu(norm(x) Wgu), GATE_UP_BLOCKS blocks of gates and of ups at a time.
fn gate_up(thread: u32, weight: u32) {
  const PARTS = WIDE + F;
  const WIDTH = 2u * GATE_UP_BLOCKS;
  for (var first = 0u; first < F4; first += GATE_UP_BLOCKS) {
    product(thread, INPUT, D4, weight + first, 2u * F4, GATE_UP_BLOCKS, WIDTH, GATE_UP_SPLITS, PARTS, true);
    let scale = inverse_rms();
    for (var n = thread; n < 4u * GATE_UP_BLOCKS; n += THREADS) {
      let column = n / GATE_UP_BLOCKS;
      let block = n % GATE_UP_BLOCKS;
      let gate = scale * add_parts(PARTS, column * WIDTH + block, WIDTH, GATE_UP_SPLITS);
      let up = scale * add_parts(PARTS, column * WIDTH + GATE_UP_BLOCKS + block, WIDTH, GATE_UP_SPLITS);
      memory[WIDE + column * F4 + first + block] = swiglu(gate, up);
    }
  }
}

/// HEADS = queries, keys and values; keys and values of the sequences that there are also go to the caches, for later tokens.
fn query_key_value(thread: u32, weight: u32, layer: u32, at: u32, present: u32) {
  const WIDTH = 3u * D4;
  product(thread, INPUT, D4, weight, WIDTH, WIDTH, WIDTH, QKV_SPLITS, WIDE, true);
  let scale = inverse_rms();
  for (var n = thread; n < 2u * D; n += THREADS) { // D pairs of channels to turn (rope.wgsl has the formula), then D of values
    if (n < D) {
      let c = n / HALF * K + n % HALF;
      let first = place(c, WIDTH);
      let second = place(c + HALF, WIDTH);
      let angle = angles[n % HALF];
      let a = scale * add_parts(WIDE, first, WIDTH, QKV_SPLITS);
      let b = scale * add_parts(WIDE, second, WIDTH, QKV_SPLITS);
      memory[WIDE + first] = a * angle.x - b * angle.y;
      memory[WIDE + second] = b * angle.x + a * angle.y;
    } else {
      let value = place(D + n, WIDTH);
      memory[WIDE + value] = scale * add_parts(WIDE, value, WIDTH, QKV_SPLITS);
    }
  }
  workgroupBarrier();
  for (var n = thread; n < 3u * S * HEADS4; n += THREADS) { // from vec4s over sequences to vec4s over channels
    let s = n % S;
    let part = n / S % HEADS4;
    let kind = n / S / HEADS4;
    let first = kind * D + part / K4 * K;
    let k = part % K4 * 4u;
    let y = vec4f(
      head_channel(first, k, s),
      head_channel(first, k + 1u, s),
      head_channel(first, k + 2u, s),
      head_channel(first, k + 3u, s),
    );
    memory[HEADS + (kind * S + s) * HEADS4 + part] = y;
    if (s < present) {
      let cache = slots[s] * L + layer;
      if (kind == 1u) { keys[(cache * HEADS4 + part) * MAX_LENGTH + at] = y; }
      if (kind == 2u) { values[(cache * MAX_LENGTH + at) * HEADS4 + part] = y; }
    }
  }
}

/// Channel k of a head that begins at channel `first` of queries, keys and values; 0 past its end.
fn head_channel(first: u32, k: u32, s: u32) -> f32 {
  return select(0.0, memory[WIDE + place(first + min(k, K - 1u), 3u * D4)][s], k < K);
}

/// Eight vec4s of a head's keys at one position, from the i-th on; past the end the last.
fn eight_keys(cached: u32, i: u32) -> Eight {
  return Eight(
    keys[cached + i * MAX_LENGTH],
    keys[cached + min(i + 1u, K4 - 1u) * MAX_LENGTH],
    keys[cached + min(i + 2u, K4 - 1u) * MAX_LENGTH],
    keys[cached + min(i + 3u, K4 - 1u) * MAX_LENGTH],
    keys[cached + min(i + 4u, K4 - 1u) * MAX_LENGTH],
    keys[cached + min(i + 5u, K4 - 1u) * MAX_LENGTH],
    keys[cached + min(i + 6u, K4 - 1u) * MAX_LENGTH],
    keys[cached + min(i + 7u, K4 - 1u) * MAX_LENGTH],
  );
}

/// A vec4 of a head's query; 0 past the end.
fn query_at(query: u32, i: u32) -> vec4f {
  return select(vec4f(), memory[query + min(i, K4 - 1u)], i < K4);
}

fn dot_eight(query: u32, i: u32, k: Eight) -> f32 {
  return dot(query_at(query, i), k.a) +
    dot(query_at(query, i + 1u), k.b) +
    dot(query_at(query, i + 2u), k.c) +
    dot(query_at(query, i + 3u), k.d) +
    dot(query_at(query, i + 4u), k.e) +
    dot(query_at(query, i + 5u), k.f) +
    dot(query_at(query, i + 6u), k.g) +
    dot(query_at(query, i + 7u), k.h);
}

/// A vec4 of values at four positions, MIX_SPLITS apart; past the end the last.
fn four_values(cached: u32, t: u32, last: u32) -> Four {
  return Four(
    values[cached + min(t, last) * HEADS4],
    values[cached + min(t + MIX_SPLITS, last) * HEADS4],
    values[cached + min(t + 2u * MIX_SPLITS, last) * HEADS4],
    values[cached + min(t + 3u * MIX_SPLITS, last) * HEADS4],
  );
}

/// A row's unnormalized weights at those positions; past the end 0.
fn four_weights(row: u32, t: u32, end: u32) -> vec4f {
  let at = row * MAX_LENGTH + t;
  return select(
    vec4f(),
    vec4f(scores[at], scores[at + MIX_SPLITS], scores[at + 2u * MIX_SPLITS], scores[at + 3u * MIX_SPLITS]),
    t + MIX_SPLITS * vec4u(0u, 1u, 2u, 3u) < vec4u(end),
  );
}

/// INPUT = softmax(q k^T / sqrt(K)) v over positions 0 to `at`, ATTEND_HEADS heads at a time: the position at hand from HEADS, those
/// before it from the caches, whose first loads wait for nobody.
fn attend(thread: u32, layer: u32, at: u32) {
  let last = max(at, 1u) - 1u; // in the caches
  for (var head = 0u; head < H; head += ATTEND_HEADS) {
    let row = thread / ATTEND_LANES;
    let lane = thread % ATTEND_LANES;
    let s = min(row / ATTEND_HEADS, S - 1u);
    let h = head + row % ATTEND_HEADS;
    let cached_keys = ((slots[s] * L + layer) * H + h) * K4 * MAX_LENGTH;
    var next_keys = eight_keys(cached_keys + min(lane, last), 0u);
    workgroupBarrier();
    if (row < ATTEND_ROWS) {
      let query = HEADS + s * HEADS4 + h * K4;
      var highest = LOWEST;
      for (var t = lane; t <= at; t += ATTEND_LANES) {
        let eight = next_keys;
        next_keys = eight_keys(cached_keys + min(t + ATTEND_LANES, last), 0u);
        var score = 0.0;
        if (t < at) {
          score = dot_eight(query, 0u, eight);
          for (var i = 8u; i < K4; i += 8u) { score += dot_eight(query, i, eight_keys(cached_keys + t, i)); }
        } else {
          for (var i = 0u; i < K4; i++) { score += dot(memory[query + i], memory[query + S * HEADS4 + i]); }
        }
        score *= inverseSqrt(f32(K));
        scores[row * MAX_LENGTH + t] = score;
        highest = max(highest, score);
      }
      lanes[thread] = highest;
    }

    let split = thread / (ATTEND_ROWS * K4);
    let mix_row = thread / K4 % ATTEND_ROWS;
    let mix_s = mix_row / ATTEND_HEADS;
    let part = (head + mix_row % ATTEND_HEADS) * K4 + thread % K4;
    let cached_values = (slots[mix_s] * L + layer) * MAX_LENGTH * HEADS4 + part;
    var next_values = four_values(cached_values, split, last);
    workgroupBarrier();
    if (row < ATTEND_ROWS) {
      let highest = highest_lane(row * ATTEND_LANES, ATTEND_LANES);
      for (var t = lane; t <= at; t += ATTEND_LANES) {
        scores[row * MAX_LENGTH + t] = exp(scores[row * MAX_LENGTH + t] - highest);
      }
    }
    workgroupBarrier();
    if (split < MIX_SPLITS) {
      var sum = vec4f();
      var total = 0.0;
      for (var t = split; t < at; t += 4u * MIX_SPLITS) {
        let four = next_values;
        next_values = four_values(cached_values, t + 4u * MIX_SPLITS, last);
        let p = four_weights(mix_row, t, at);
        sum += p.x * four.a + p.y * four.b + p.z * four.c + p.w * four.d;
        total += dot(p, vec4f(1.0));
      }
      if (split == 0u) {
        let p = scores[mix_row * MAX_LENGTH + at];
        sum += p * memory[HEADS + (2u * S + mix_s) * HEADS4 + part];
        total += p;
      }
      memory[WIDE + thread] = sum;
      if (thread % K4 == 0u) { lanes[split * ATTEND_ROWS + mix_row] = total; }
    }
    workgroupBarrier();
    for (var n = thread; n < ATTEND_HEADS * K; n += THREADS) {
      let k = n % K;
      const NEXT = ATTEND_HEADS;
      let first = n / K;
      memory[INPUT + place(head * K + n, D4)] = vec4f(
        mixed(first, k),
        mixed(first + NEXT, k),
        mixed(first + 2u * NEXT, k),
        mixed(first + 3u * NEXT, k),
      );
    }
  }
}

/// Channel k of what attention gives a row.
fn mixed(row: u32, k: u32) -> f32 {
  var sum = 0.0;
  var total = 0.0;
  for (var split = 0u; split < MIX_SPLITS; split++) {
    sum += memory[WIDE + (split * ATTEND_ROWS + row) * K4 + k / 4u][k % 4u];
    total += lanes[split * ATTEND_ROWS + row];
  }
  return sum / total;
}

@compute @workgroup_size(THREADS)
fn decode_tokens(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.x * S >= rows) { return; }
  let present = min(S, rows - group.x * S); // the last workgroup may have fewer; its last sequence fills the places, unheard
  if (thread < S) { slots[thread] = sequences[group.x * S + min(thread, present - 1u)]; }

  for (var at = position; at < position + TOKENS; at++) {
    workgroupBarrier();
    if (thread < HALF) { angles[thread] = turns[at * HALF + thread]; }
    if (thread < D) {
      let token = vec4u(
        tokens[slots[0] * MAX_LENGTH + at],
        tokens[slots[1] * MAX_LENGTH + at],
        tokens[slots[2] * MAX_LENGTH + at],
        tokens[slots[3] * MAX_LENGTH + at],
      );
      let row = EMBEDDING + (thread % D4 * 4u + thread / D4) * V4;
      let x = vec4f(
        weights[row + token.x / 4u][token.x % 4u],
        weights[row + token.y / 4u][token.y % 4u],
        weights[row + token.z / 4u][token.z % 4u],
        weights[row + token.w / 4u][token.w % 4u],
      );
      memory[X + thread] = x;
      memory[INPUT + thread] = gain_at(ATTENTION_NORM, thread) * x;
    }

    for (var layer = 0u; layer < L; layer++) {
      let w = layer * LAYER;
      query_key_value(thread, w + QKV, layer, at, present);
      attend(thread, layer, at);
      add_product(thread, INPUT, D4, w + OUTPUT, OUTPUT_SPLITS, WIDE, w + MLP_NORM);
      gate_up(thread, w + GATE_UP);
      let next_norm = select(w + LAYER + ATTENTION_NORM, FINAL_NORM, layer + 1u == L);
      add_product(thread, WIDE, F4, w + DOWN, DOWN_SPLITS, WIDE + F, next_norm);
    }

    const PARTS = WIDE + VP;
    product(thread, INPUT, D4, EMBEDDING, V4, V4, V4, LOGITS_SPLITS, PARTS, true);
    if (thread < VP) { memory[WIDE + thread] = inverse_rms() * add_parts(PARTS, thread, V4, LOGITS_SPLITS); }
    for (var first = 0u; first < S; first += DRAWS) {
      workgroupBarrier();
      let draw = first + thread / 64u;
      let s = min(draw, S - 1u); // threads past the last sequence draw for it too, unheard
      let logit = memory[WIDE + place(min(thread % 64u, V - 1u), V4)][s];
      draw_token(thread, logit, slots[s], at + 1u, draw < present);
    }
    workgroupBarrier();
    storageBarrier();
    if (thread == 0u) {
      alive = 0u;
      for (var s = 0u; s < present; s++) { alive += 1u - states[slots[s]].w; }
    }
    if (workgroupUniformLoad(&alive) == 0u) { break; }
  }
}
