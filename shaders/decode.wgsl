// Fused decoding: a workgroup runs the whole model for S sequences, TOKENS tokens on end, and draws each token itself.
// draw.wgsl is put in front.
//
//   x = E[token];  per layer:  x += attention(norm(x)) Wo,  x += swiglu(norm(x) Wgu) Wdown;  logits = norm(x) E^T;  draw
//
// decode_tokens    grid (rows/S)    appends to the caches, writes tokens, log_probs and states; leaves early when its sequences are done
//
// All live sequences are at the same position: prompts are tokens that are given instead of drawn. Activations stay in workgroup
// memory as vec4s over the four sequences of a quad, [channel, quad]; so a product reads one vec4 of four columns of a transposed
// weight, coalesced, and one broadcast vec4 of x for sixteen multiplications. Where a product has fewer than THREADS blocks of four
// columns, SPLITS threads share the sum of a block. No two threads write components of one vec4: a compiler may write it whole.

@group(0) @binding(5) var<uniform> position: u32;                      // of the first token
@group(0) @binding(6) var<storage, read> weights: array<vec4f>;        // all parameters, matrices transposed to [IN, OUT]
@group(0) @binding(7) var<storage, read> turns: array<vec2f>;          // [maxPositions, K/2] of (cos, sin)
@group(0) @binding(8) var<storage, read> sequences: array<u32>;        // the sequence of every row
@group(0) @binding(9) var<storage, read_write> keys: array<vec4f>;     // [sequences, L, D, T4], vec4s over four positions
@group(0) @binding(10) var<storage, read_write> values: array<vec4f>;  // [sequences, L, T4, D], vec4s over four positions

const QUADS = S / 4u;
const T4 = (MAX_LENGTH + 3u) / 4u;
const D4 = D / 4u;
const F4 = F / 4u;

// Workgroup memory, in vec4s
const X = 0u;                    // [D, QUADS] the residual stream
const NORMED = X + D * QUADS;    // [D, QUADS] norm(x), then what attention gives
const WIDE = NORMED + D * QUADS; // [3D, QUADS] queries, keys and values; then [F, QUADS] of the MLP; then [VP, QUADS] logits
const SCRATCH = WIDE + max(max(3u * D, F), VP) * QUADS; // partial sums, scores
const MIXED = WIDE + D * QUADS;  // partial sums of attention, where keys and values were
var<workgroup> memory: array<vec4f, SCRATCH + SCRATCH_SIZE>;
var<workgroup> totals: array<f32, THREADS>;
var<workgroup> slots: array<u32, S>; // the workgroup's sequences
var<workgroup> alive: u32;

/// Four columns of a product for the sequences of a quad.
struct Block { a: vec4f, b: vec4f, c: vec4f, d: vec4f }

/// Columns 4 o to 4 o + 3 of x W over rows 4 first to 4 (first + count) - 1 of W. `weight` counts vec4s, OUT4 is a row of them.
fn block_product(input: u32, weight: u32, OUT4: u32, o: u32, quad: u32, first: u32, count: u32) -> Block {
  var y = Block();
  var at = input + first * 4u * QUADS + quad;
  var w = weight + first * 4u * OUT4 + o;
  for (var i = 0u; i < count; i++) {
    let w0 = weights[w];
    let w1 = weights[w + OUT4];
    let w2 = weights[w + 2u * OUT4];
    let w3 = weights[w + 3u * OUT4];
    let x0 = memory[at];
    let x1 = memory[at + QUADS];
    let x2 = memory[at + 2u * QUADS];
    let x3 = memory[at + 3u * QUADS];
    y.a += w0.x * x0; y.b += w0.y * x0; y.c += w0.z * x0; y.d += w0.w * x0;
    y.a += w1.x * x1; y.b += w1.y * x1; y.c += w1.z * x1; y.d += w1.w * x1;
    y.a += w2.x * x2; y.b += w2.y * x2; y.c += w2.z * x2; y.d += w2.w * x2;
    y.a += w3.x * x3; y.b += w3.y * x3; y.c += w3.z * x3; y.d += w3.w * x3;
    w += 4u * OUT4;
    at += 4u * QUADS;
  }
  return y;
}

/// Where the share `split` of block `item` leaves its partial sums, for the threads of share 0 to add: BLOCKS apart, no bank conflict.
fn scratch_at(split: u32, BLOCKS: u32, item: u32) -> u32 {
  return SCRATCH + (split - 1u) * 4u * BLOCKS + item;
}

fn put_block(at: u32, BLOCKS: u32, y: Block) {
  memory[at] = y.a;
  memory[at + BLOCKS] = y.b;
  memory[at + 2u * BLOCKS] = y.c;
  memory[at + 3u * BLOCKS] = y.d;
}

fn add_block(y: Block, at: u32, BLOCKS: u32) -> Block {
  return Block(
    y.a + memory[at],
    y.b + memory[at + BLOCKS],
    y.c + memory[at + 2u * BLOCKS],
    y.d + memory[at + 3u * BLOCKS],
  );
}

/// output = input W, or output += input W.
fn product(thread: u32, input: u32, weight: u32, IN4: u32, OUT4: u32, SPLITS: u32, output: u32, adds: bool) {
  let BLOCKS = OUT4 * QUADS;
  let SHARE = IN4 / SPLITS;
  for (var begin = 0u; begin < BLOCKS * SPLITS; begin += THREADS) { // more than once only where SPLITS is 1
    let split = (begin + thread) / BLOCKS;
    let item = (begin + thread) % BLOCKS;
    let quad = item / OUT4;
    let o = item % OUT4;
    var y = Block();
    if (split < SPLITS) { y = block_product(input, weight, OUT4, o, quad, split * SHARE, SHARE); }
    if (SPLITS > 1u) {
      if (split > 0u && split < SPLITS) { put_block(scratch_at(split, BLOCKS, item), BLOCKS, y); }
      workgroupBarrier();
    }
    if (split == 0u) {
      for (var other = 1u; other < SPLITS; other++) { y = add_block(y, scratch_at(other, BLOCKS, item), BLOCKS); }
      let at = output + o * 4u * QUADS + quad;
      memory[at] = y.a + select(vec4f(), memory[at], adds);
      memory[at + QUADS] = y.b + select(vec4f(), memory[at + QUADS], adds);
      memory[at + 2u * QUADS] = y.c + select(vec4f(), memory[at + 2u * QUADS], adds);
      memory[at + 3u * QUADS] = y.d + select(vec4f(), memory[at + 3u * QUADS], adds);
    }
  }
  workgroupBarrier();
}

fn swiglu(gate: vec4f, up: vec4f) -> vec4f {
  return gate / (1.0 + exp(-gate)) * up;
}

/// WIDE = swiglu(NORMED Wgu): a thread makes a gate and its up together.
fn gate_up_product(thread: u32, weight: u32) {
  const BLOCKS = F4 * QUADS;
  const SHARE = D4 / GATE_UP_SPLITS;
  for (var begin = 0u; begin < BLOCKS * GATE_UP_SPLITS; begin += THREADS) {
    let split = (begin + thread) / BLOCKS;
    let item = (begin + thread) % BLOCKS;
    let quad = item / F4;
    let o = item % F4;
    var gate = Block();
    var up = Block();
    if (split < GATE_UP_SPLITS) {
      gate = block_product(NORMED, weight, 2u * F4, o, quad, split * SHARE, SHARE);
      up = block_product(NORMED, weight, 2u * F4, F4 + o, quad, split * SHARE, SHARE);
    }
    if (GATE_UP_SPLITS > 1u) {
      if (split > 0u && split < GATE_UP_SPLITS) {
        put_block(scratch_at(2u * split - 1u, BLOCKS, item), BLOCKS, gate);
        put_block(scratch_at(2u * split, BLOCKS, item), BLOCKS, up);
      }
      workgroupBarrier();
    }
    if (split == 0u) {
      for (var other = 1u; other < GATE_UP_SPLITS; other++) {
        gate = add_block(gate, scratch_at(2u * other - 1u, BLOCKS, item), BLOCKS);
        up = add_block(up, scratch_at(2u * other, BLOCKS, item), BLOCKS);
      }
      let at = WIDE + o * 4u * QUADS + quad;
      memory[at] = swiglu(gate.a, up.a);
      memory[at + QUADS] = swiglu(gate.b, up.b);
      memory[at + 2u * QUADS] = swiglu(gate.c, up.c);
      memory[at + 3u * QUADS] = swiglu(gate.d, up.d);
    }
  }
  workgroupBarrier();
}

/// NORMED = norm(X)
fn norm(thread: u32, gain: u32) {
  if (thread < NORM_LANES * QUADS) {
    var squares = vec4f();
    for (var n = thread; n < D * QUADS; n += NORM_LANES * QUADS) { squares += memory[X + n] * memory[X + n]; }
    memory[SCRATCH + thread] = squares;
  }
  workgroupBarrier();
  for (var n = thread; n < D * QUADS; n += THREADS) {
    let c = n / QUADS;
    var total = vec4f();
    for (var lane = 0u; lane < NORM_LANES; lane++) { total += memory[SCRATCH + lane * QUADS + n % QUADS]; }
    memory[NORMED + n] = weights[gain + c / 4u][c % 4u] * memory[X + n] * inverseSqrt(total / f32(D) + EPS);
  }
  workgroupBarrier();
}

/// Puts a number at position `at` of a cache's vec4s. The first of four positions clears what an earlier use left in the others.
fn append_key(vec: u32, at: u32, value: f32) {
  if (at % 4u == 0u) { keys[vec] = vec4f(value, 0.0, 0.0, 0.0); } else { keys[vec][at % 4u] = value; }
}

fn append_value(vec: u32, at: u32, value: f32) {
  if (at % 4u == 0u) { values[vec] = vec4f(value, 0.0, 0.0, 0.0); } else { values[vec][at % 4u] = value; }
}

/// Turns queries and keys (rope.wgsl has the formula) and appends keys and values of the sequences that there are to the caches.
fn rope_and_append(thread: u32, layer: u32, at: u32, present: u32) {
  const HALF = K / 2u;
  for (var n = thread; n < D * QUADS; n += THREADS) { // D pairs: half of them queries, half keys
    let pair = n / QUADS;
    let quad = n % QUADS;
    let j = pair % HALF;
    let c = pair / HALF * K + j;
    let first = WIDE + c * QUADS + quad;
    let second = first + HALF * QUADS;
    let angle = turns[at * HALF + j];
    let a = memory[first] * angle.x - memory[second] * angle.y;
    let b = memory[second] * angle.x + memory[first] * angle.y;
    if (c < D) {
      memory[first] = a;
      memory[second] = b;
    } else {
      for (var s = 0u; s < 4u; s++) {
        if (quad * 4u + s >= present) { break; }
        let row = (slots[quad * 4u + s] * L + layer) * D + c - D;
        append_key(row * T4 + at / 4u, at, a[s]);
        append_key((row + HALF) * T4 + at / 4u, at, b[s]);
      }
    }
  }
  for (var n = thread; n < D * QUADS; n += THREADS) {
    let c = n / QUADS;
    let quad = n % QUADS;
    let value = memory[WIDE + 2u * D * QUADS + n];
    for (var s = 0u; s < 4u; s++) {
      if (quad * 4u + s >= present) { break; }
      append_value(((slots[quad * 4u + s] * L + layer) * T4 + at / 4u) * D + c, at, value[s]);
    }
  }
  workgroupBarrier();
  storageBarrier();
}

const ATTEND_ROWS = S * ATTEND_HEADS;           // a row: a sequence and a head
const ATTEND_LANES = THREADS / ATTEND_ROWS;     // threads to a row
const MIX_ITEMS = ATTEND_HEADS * K * QUADS;
const MIX_SPLITS = max(1u, min(THREADS / MIX_ITEMS, 2u * D / (ATTEND_HEADS * K))); // threads to a channel of values

/// NORMED = softmax(q k^T / sqrt(K)) v over positions 0 to `at`, ATTEND_HEADS heads at a time.
fn attend(thread: u32, layer: u32, at: u32) {
  let last = at / 4u;
  for (var head = 0u; head < H; head += ATTEND_HEADS) {
    let row = thread / ATTEND_LANES;
    let lane = thread % ATTEND_LANES;
    let scores = SCRATCH + row * T4;
    if (row < ATTEND_ROWS) {
      let s = row / ATTEND_HEADS;
      let c = (head + row % ATTEND_HEADS) * K;
      let cached = ((slots[s] * L + layer) * D + c) * T4;
      let query = WIDE + c * QUADS + s / 4u;
      var highest = LOWEST;
      for (var t = lane; t <= last; t += ATTEND_LANES) {
        var score = vec4f();
        for (var k = 0u; k < K; k++) { score += memory[query + k * QUADS][s % 4u] * keys[cached + k * T4 + t]; }
        score = select(vec4f(LOWEST), score * inverseSqrt(f32(K)), t * 4u + vec4u(0u, 1u, 2u, 3u) <= vec4u(at));
        memory[scores + t] = score;
        highest = max(highest, max(max(score.x, score.y), max(score.z, score.w)));
      }
      lanes[thread] = highest;
    }
    workgroupBarrier();
    if (row < ATTEND_ROWS) {
      let highest = highest_lane(row * ATTEND_LANES, ATTEND_LANES);
      var total = 0.0;
      for (var t = lane; t <= last; t += ATTEND_LANES) {
        let p = exp(memory[scores + t] - highest);
        memory[scores + t] = p;
        total += dot(p, vec4f(1.0));
      }
      totals[thread] = total;
    }
    workgroupBarrier();
    for (var n = thread; n < MIX_ITEMS * MIX_SPLITS; n += THREADS) {
      let item = n % MIX_ITEMS;
      let quad = item / (ATTEND_HEADS * K);
      let c = item % (ATTEND_HEADS * K);
      let p = SCRATCH + (quad * 4u * ATTEND_HEADS + c / K) * T4;
      let stride = L * T4 * D;
      let cached = layer * T4 * D + head * K + c;
      let v0 = slots[quad * 4u] * stride + cached;
      let v1 = slots[quad * 4u + 1u] * stride + cached;
      let v2 = slots[quad * 4u + 2u] * stride + cached;
      let v3 = slots[quad * 4u + 3u] * stride + cached;
      var sum = vec4f();
      for (var t = n / MIX_ITEMS; t <= last; t += MIX_SPLITS) {
        sum += vec4f(
          dot(memory[p + t], values[v0 + t * D]),
          dot(memory[p + ATTEND_HEADS * T4 + t], values[v1 + t * D]),
          dot(memory[p + 2u * ATTEND_HEADS * T4 + t], values[v2 + t * D]),
          dot(memory[p + 3u * ATTEND_HEADS * T4 + t], values[v3 + t * D]),
        );
      }
      memory[MIXED + n] = sum;
    }
    workgroupBarrier();
    for (var item = thread; item < MIX_ITEMS; item += THREADS) {
      let quad = item / (ATTEND_HEADS * K);
      let c = item % (ATTEND_HEADS * K);
      let first = (quad * 4u * ATTEND_HEADS + c / K) * ATTEND_LANES;
      const NEXT = ATTEND_HEADS * ATTEND_LANES;
      var sum = vec4f();
      for (var split = 0u; split < MIX_SPLITS; split++) { sum += memory[MIXED + split * MIX_ITEMS + item]; }
      var total = vec4f();
      for (var u = first; u < first + ATTEND_LANES; u++) {
        total += vec4f(totals[u], totals[u + NEXT], totals[u + 2u * NEXT], totals[u + 3u * NEXT]);
      }
      memory[NORMED + (head * K + c) * QUADS + quad] = sum / total;
    }
    workgroupBarrier();
  }
}

@compute @workgroup_size(THREADS)
fn decode_tokens(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.x * S >= rows) { return; }
  let present = min(S, rows - group.x * S); // the last workgroup may have fewer; its last sequence fills the places, unheard
  if (thread < S) { slots[thread] = sequences[group.x * S + min(thread, present - 1u)]; }
  workgroupBarrier();

  for (var at = position; at < position + TOKENS; at++) {
    for (var n = thread; n < D * QUADS; n += THREADS) {
      let c = n / QUADS;
      let s = n % QUADS * 4u;
      let token = vec4u(
        tokens[slots[s] * MAX_LENGTH + at],
        tokens[slots[s + 1u] * MAX_LENGTH + at],
        tokens[slots[s + 2u] * MAX_LENGTH + at],
        tokens[slots[s + 3u] * MAX_LENGTH + at],
      );
      let row = EMBEDDING + c * (VP / 4u);
      memory[X + n] = vec4f(
        weights[row + token.x / 4u][token.x % 4u],
        weights[row + token.y / 4u][token.y % 4u],
        weights[row + token.z / 4u][token.z % 4u],
        weights[row + token.w / 4u][token.w % 4u],
      );
    }
    workgroupBarrier();

    for (var layer = 0u; layer < L; layer++) {
      let w = layer * LAYER;
      norm(thread, w + ATTENTION_NORM);
      product(thread, NORMED, w + QKV, D4, 3u * D4, QKV_SPLITS, WIDE, false);
      rope_and_append(thread, layer, at, present);
      attend(thread, layer, at);
      product(thread, NORMED, w + OUTPUT, D4, D4, OUTPUT_SPLITS, X, true);
      norm(thread, w + MLP_NORM);
      gate_up_product(thread, w + GATE_UP);
      product(thread, WIDE, w + DOWN, F4, D4, DOWN_SPLITS, X, true);
    }

    norm(thread, FINAL_NORM);
    product(thread, NORMED, EMBEDDING, D4, VP / 4u, LOGITS_SPLITS, WIDE, false);
    for (var first = 0u; first < S; first += DRAWS) {
      let s = first + thread / 64u;
      let logit = memory[WIDE + min(thread % 64u, V - 1u) * QUADS + s / 4u][s % 4u];
      draw_token(thread, logit, slots[s], at + 1u, s < present);
      workgroupBarrier();
    }
    storageBarrier();
    if (thread == 0u) {
      alive = 0u;
      for (var s = 0u; s < present; s++) { alive += 1u - states[slots[s]].w; }
    }
    if (workgroupUniformLoad(&alive) == 0u) { break; }
  }
}
