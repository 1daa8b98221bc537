// The token loss of GRPO and its relatives, and its gradient with respect to the logits. With the ratio
//   rho = exp(logp - old), or exp(mean over the completion of logp - old) at sequence level (GSPO):
//   clip (grpo, bnpo, dapo, dr_grpo)   -min(min(rho, delta) A, clamp(rho, 1 - eps, 1 + epsHigh) A)
//   cispo                              -stopgrad(min(rho, epsHigh)) A logp
//   sapo                               -sigmoid(tau (rho - 1)) (4 / tau) A,  tau = 1 where A > 0, else 1.05
//   plus beta (exp(ref - logp) - (ref - logp) - 1)                                    (k3, Schulman 2020)
// The loss is the sum over tokens of weight times this; the weight of a completion makes the aggregation (1 / tokens in the
// batch, 1 / (B |o_i|), 1 / (B L)). dlogits[v] = weight * dloss/dlogp * ((v = target) - p_v) / temperature.
// At sequence level the ratio depends on every token of the completion by 1 / |o_i|, and there are |o_i| equal terms: the
// gradient per token has the same form.
//
// policy_gradient_loss      grid (rows)      writes terms[n] = (weighted loss, KL, clipped, weighted dloss/dlogp)
// policy_gradient_logits    grid (rows)      turns logits into their gradient, in place; zero where a row has no target
// policy_gradient_metrics   1 workgroup      accumulates sums over the rows into metrics: loss, KL, entropy, clipped low,
//                                            clipped high, tokens, negative log-prob
//
// Struct Objective: objective.wgsl. Clipped: 0 no, 1 low (A < 0), 2 high (A > 0).

@group(0) @binding(0) var<uniform> objective: Objective;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> labels: array<vec2u>;
@group(0) @binding(3) var<storage, read> log_probs: array<f32>;
@group(0) @binding(4) var<storage, read> old_log_probs: array<f32>;
@group(0) @binding(5) var<storage, read> reference_log_probs: array<f32>;
@group(0) @binding(6) var<storage, read> outcomes: array<vec4f>; // by sequence; y is the advantage (advantage.wgsl)
@group(0) @binding(7) var<storage, read> weights: array<f32>;    // by sequence
@group(0) @binding(8) var<storage, read_write> terms: array<vec4f>;
@group(0) @binding(9) var<storage, read> row_terms: array<vec4f>;
@group(0) @binding(10) var<storage, read_write> logits: array<f32>;
@group(0) @binding(11) var<storage, read> lse: array<f32>;
@group(0) @binding(12) var<storage, read> entropies: array<f32>;
@group(0) @binding(13) var<storage, read_write> metrics: array<f32>;

const CISPO = 1u;
const SAPO = 2u;

fn log_ratio(n: u32) -> f32 {
  let row = objective.row_offset + n;
  return log_probs[row] - old_log_probs[row];
}

fn ratio(n: u32) -> f32 {
  if (objective.old_is_current == 1u) { return 1.0; }
  if (objective.sequence_level == 0u) { return exp(log_ratio(n)); }
  var sum = 0.0;
  var tokens = 0.0;
  for (var s = spans[n].x; s < spans[n].y; s++) {
    if (labels[s].x != NO_TARGET) {
      sum += log_ratio(s);
      tokens += 1.0;
    }
  }
  return exp(sum / tokens);
}

@compute @workgroup_size(64)
fn policy_gradient_loss(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= objective.rows) { return; }
  let row = objective.row_offset + n;
  if (labels[n].x == NO_TARGET) {
    terms[row] = vec4f();
    return;
  }
  let a = outcomes[labels[n].y].y;
  let weight = weights[labels[n].y];
  let logp = log_probs[row];
  let rho = ratio(n);
  var loss = 0.0;
  var slope = 0.0; // dloss / dlogp
  var clipped = 0.0;
  if (objective.loss_type == CISPO) {
    let w = min(rho, objective.epsilon_high);
    loss = -w * a * logp;
    slope = -w * a;
    if (rho > objective.epsilon_high && a > 0.0) { clipped = 2.0; }
  } else if (objective.loss_type == SAPO) {
    let tau = select(1.05, 1.0, a > 0.0);
    let gate = 1.0 / (1.0 + exp(-tau * (rho - 1.0)));
    loss = -gate * 4.0 / tau * a;
    slope = -4.0 * gate * (1.0 - gate) * rho * a;
  } else {
    let open = min(rho, objective.delta) * a;
    let shut = clamp(rho, 1.0 - objective.epsilon, 1.0 + objective.epsilon_high) * a;
    loss = -min(open, shut);
    let inside = rho >= 1.0 - objective.epsilon && rho <= 1.0 + objective.epsilon_high;
    if ((open <= shut && rho <= objective.delta) || (shut < open && inside)) { slope = -rho * a; }
    if (rho < 1.0 - objective.epsilon && a < 0.0) { clipped = 1.0; }
    if (rho > 1.0 + objective.epsilon_high && a > 0.0) { clipped = 2.0; }
  }
  var kl = 0.0;
  if (objective.beta > 0.0) {
    let gap = reference_log_probs[row] - logp;
    // Near 0 the difference is all rounding, so its series takes over.
    let series = gap * gap * (0.5 + gap * (1.0 / 6.0 + gap * (1.0 / 24.0 + gap / 120.0)));
    kl = select(exp(gap) - gap - 1.0, series, abs(gap) < 0.2);
    loss += objective.beta * kl;
    slope += objective.beta * (1.0 - exp(gap));
  }
  terms[row] = vec4f(weight * loss, kl, clipped, weight * slope);
}

@compute @workgroup_size(64)
fn policy_gradient_logits(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= objective.rows) { return; }
  let slope = row_terms[objective.row_offset + n].w / objective.temperature;
  for (var v = 0u; v < V; v++) {
    let p = exp(logits[n * VP + v] / objective.temperature - lse[n]);
    logits[n * VP + v] = slope * (select(0.0, 1.0, v == labels[n].x) - p);
  }
  for (var v = V; v < VP; v++) { logits[n * VP + v] = 0.0; }
}

/// Clipping is counted by tokens, at sequence level by completions: then only a completion's first token counts.
fn counts_for_clipping(n: u32) -> bool {
  if (objective.sequence_level == 0u || n == 0u) { return true; }
  return labels[n - 1u].x == NO_TARGET || labels[n - 1u].y != labels[n].y;
}

const THREADS = 256u;
const METRICS = 7u;
var<workgroup> thread_sums: array<array<f32, METRICS>, THREADS>;

@compute @workgroup_size(THREADS)
fn policy_gradient_metrics(@builtin(local_invocation_index) thread: u32) {
  var sums = array<f32, METRICS>();
  for (var n = thread; n < objective.rows; n += THREADS) {
    if (labels[n].x == NO_TARGET) { continue; }
    let row = objective.row_offset + n;
    let term = row_terms[row];
    sums[0] += term.x;
    sums[1] += term.y;
    sums[2] += entropies[row];
    sums[3] += select(0.0, 1.0, term.z == 1.0 && counts_for_clipping(n));
    sums[4] += select(0.0, 1.0, term.z == 2.0 && counts_for_clipping(n));
    sums[5] += 1.0;
    sums[6] -= log_probs[row];
  }
  thread_sums[thread] = sums;
  workgroupBarrier();
  if (thread < METRICS) {
    var total = metrics[thread];
    for (var t = 0u; t < THREADS; t++) { total += thread_sums[t][thread]; }
    metrics[thread] = total;
  }
}
