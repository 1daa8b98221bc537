// The token loss of GRPO and its relatives, and its gradient with respect to the logits. With the ratio
//   rho = exp(logp - old), or exp(mean over the completion of logp - old) at sequence level (GSPO):
//   clip (grpo, bnpo, dapo, dr_grpo)   -min(min(rho, delta) A, clamp(rho, 1 - eps, 1 + epsHigh) A)
//   cispo                              -stopgrad(min(rho, epsHigh)) A logp
//   sapo                               -sigmoid(tau (rho - 1)) (4 / tau) A,  tau = 1 where A > 0, else 1.05
//   plus beta (exp(ref - logp) - (ref - logp) - 1)                                    (k3, Schulman 2020)
//   minus entropyCoef H,  H = - sum of p log p
// The loss is the sum over tokens of weight times this; the weight of a completion makes the aggregation (1 / tokens in the
// batch, 1 / (B |o_i|), 1 / (B L)).
// dlogits[v] = weight * (dloss/dlogp * ((v = target) - p_v) + entropyCoef p_v (log p_v + H)) / temperature
// At sequence level the ratio depends on every token of the completion by 1 / |o_i|: through it, each token gets an equal share of
// the gradient of the completion's terms.
//
// policy_gradient_loss      grid (rows)      writes terms[n] = (weighted loss without KL and entropy, KL, clipped,
//                                            weighted dloss/dlogp, KL included)
// policy_gradient_logits    grid (rows)      turns logits into their gradient, in place; zero where a row has no target; writes
//                                            slopes[n], the weighted dloss/dlogp, for the host to read
// policy_gradient_metrics   1 workgroup      accumulates sums over the rows into metrics: loss, loss without KL and entropy,
//                                            KL, entropy, clipped low, clipped high, tokens, negative log-prob
//
// Struct Objective: objective.wgsl. Clipped: 0 no, 1 low (A < 0), 2 high (A > 0).

@group(0) @binding(0) var<uniform> objective: Objective;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> labels: array<vec2u>;
@group(0) @binding(3) var<storage, read> log_probs: array<f32>;
@group(0) @binding(4) var<storage, read> old_log_probs: array<f32>;
@group(0) @binding(5) var<storage, read> reference_log_probs: array<f32>;
@group(0) @binding(6) var<storage, read> advantages: array<f32>; // by row of the step (token-advantage.wgsl)
@group(0) @binding(7) var<storage, read> weights: array<f32>;    // by sequence
@group(0) @binding(8) var<storage, read_write> terms: array<vec4f>;
@group(0) @binding(9) var<storage, read> row_terms: array<vec4f>;
@group(0) @binding(10) var<storage, read_write> logits: array<f32>;
@group(0) @binding(11) var<storage, read> lse: array<f32>;
@group(0) @binding(12) var<storage, read> entropies: array<f32>;
@group(0) @binding(13) var<storage, read_write> metrics: array<f32>;
@group(0) @binding(14) var<storage, read_write> slopes: array<f32>;

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

struct Term {
  loss: f32,
  slope: f32,  // dloss / dlogp
  clipped: f32,
}

fn surrogate(rho: f32, a: f32, logp: f32) -> Term {
  if (objective.loss_type == CISPO) {
    let w = min(rho, objective.epsilon_high);
    return Term(-w * a * logp, -w * a, select(0.0, 2.0, rho > objective.epsilon_high && a > 0.0));
  }
  if (objective.loss_type == SAPO) {
    let tau = select(1.05, 1.0, a > 0.0);
    let gate = 1.0 / (1.0 + exp(-tau * (rho - 1.0)));
    return Term(-gate * 4.0 / tau * a, -4.0 * gate * (1.0 - gate) * rho * a, 0.0);
  }
  let open = min(rho, objective.delta) * a;
  let shut = clamp(rho, 1.0 - objective.epsilon, 1.0 + objective.epsilon_high) * a;
  let low = rho < 1.0 - objective.epsilon;
  let high = rho > 1.0 + objective.epsilon_high;
  let moves = (open <= shut && rho <= objective.delta) || (shut < open && !low && !high);
  return Term(-min(open, shut), select(0.0, -rho * a, moves), select(select(0.0, 2.0, high && a > 0.0), 1.0, low && a < 0.0));
}

/// The share of row n's token in the gradient through its completion's ratio.
fn mean_slope(n: u32, rho: f32) -> f32 {
  var sum = 0.0;
  var tokens = 0.0;
  for (var s = spans[n].x; s < spans[n].y; s++) {
    if (labels[s].x != NO_TARGET) {
      sum += surrogate(rho, advantages[objective.row_offset + s], 0.0).slope;
      tokens += 1.0;
    }
  }
  return sum / tokens;
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
  let weight = weights[labels[n].y];
  let logp = log_probs[row];
  let rho = ratio(n);
  let term = surrogate(rho, advantages[row], logp);
  var slope = term.slope;
  if (objective.sequence_level == 1u && objective.loss_type != CISPO) { slope = mean_slope(n, rho); }
  var kl = 0.0;
  if (objective.beta > 0.0) {
    let gap = reference_log_probs[row] - logp;
    // Near 0 the difference is all rounding, so its series takes over.
    let series = gap * gap * (0.5 + gap * (1.0 / 6.0 + gap * (1.0 / 24.0 + gap / 120.0)));
    kl = select(exp(gap) - gap - 1.0, series, abs(gap) < 0.2);
    slope += objective.beta * (1.0 - exp(gap));
  }
  terms[row] = vec4f(weight * term.loss, kl, term.clipped, weight * slope);
}

@compute @workgroup_size(64)
fn policy_gradient_logits(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= objective.rows) { return; }
  let row = objective.row_offset + n;
  slopes[row] = row_terms[row].w;
  let slope = row_terms[row].w / objective.temperature;
  let weight = select(weights[labels[n].y], 0.0, labels[n].x == NO_TARGET);
  let bonus = weight * objective.entropy_coef / objective.temperature;
  for (var v = 0u; v < V; v++) {
    let logp = logits[n * VP + v] / objective.temperature - lse[n];
    let p = exp(logp);
    logits[n * VP + v] = slope * (select(0.0, 1.0, v == labels[n].x) - p) + bonus * p * (logp + entropies[row]);
  }
  for (var v = V; v < VP; v++) { logits[n * VP + v] = 0.0; }
}

/// Clipping is counted by tokens, at sequence level by completions: then only a completion's first token counts.
fn counts_for_clipping(n: u32) -> bool {
  if (objective.sequence_level == 0u || n == 0u) { return true; }
  return labels[n - 1u].x == NO_TARGET || labels[n - 1u].y != labels[n].y;
}

const THREADS = 256u;
const METRICS = 8u;
var<workgroup> thread_sums: array<array<f32, METRICS>, THREADS>;

@compute @workgroup_size(THREADS)
fn policy_gradient_metrics(@builtin(local_invocation_index) thread: u32) {
  var sums = array<f32, METRICS>();
  for (var n = thread; n < objective.rows; n += THREADS) {
    if (labels[n].x == NO_TARGET) { continue; }
    let row = objective.row_offset + n;
    let term = row_terms[row];
    sums[0] += term.x + weights[labels[n].y] * (objective.beta * term.y - objective.entropy_coef * entropies[row]);
    sums[1] += term.x;
    sums[2] += term.y;
    sums[3] += entropies[row];
    sums[4] += select(0.0, 1.0, term.z == 1.0 && counts_for_clipping(n));
    sums[5] += select(0.0, 1.0, term.z == 2.0 && counts_for_clipping(n));
    sums[6] += 1.0;
    sums[7] -= log_probs[row];
  }
  thread_sums[thread] = sums;
  workgroupBarrier();
  if (thread < METRICS) {
    var total = metrics[thread];
    for (var t = 0u; t < THREADS; t++) { total += thread_sums[t][thread]; }
    metrics[thread] = total;
  }
}
