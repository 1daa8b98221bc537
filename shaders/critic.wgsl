// PPO's critic (Schulman et al. 2017, arXiv:1707.06347). The value V_t of a completion's token t is what the critic expects of
// the reward r before it sees the token. Generalised advantage estimation (Schulman et al. 2015, arXiv:1506.02438), with r at the
// last token alone and V = A = 0 after it:
//   A_t = r_t + gamma V_(t+1) - V_t + gamma lam A_(t+1),    R_t = A_t + V_t
// whitened over the tokens of the step, (A - mean) / sqrt(var + 1e-8), and with v the value now, V the value of the rollout
//   value loss = 1/2 mean over tokens of max((v - R)^2, (clamp(v, V - range, V + range) - R)^2)
// whose gradient is (v - R) / tokens where the first is not the smaller, else 0. The KL stays in the policy's loss.
//
// critic_advantage   grid (rows)    writes estimates[n] = (V, R, A, 1), all 0 where a row has no target
// critic_loss        grid (rows)    turns values into vf_coef times the loss's gradient, in place; writes losses[n] = (loss, clipped)
// critic_whiten      1 workgroup    writes the whitened advantages of the whole step, and statistics: sum of the losses, clipped,
//                                   tokens, variance of A, variance of R
//
// Rows of the batch at hand count from 0, rows of the whole step from row_offset. Variances are Bessel-corrected.

struct Critic {
  rows: u32,
  row_offset: u32,
  step_rows: u32,  // of the whole step
  gamma: f32,
  lam: f32,
  gradient_scale: f32,  // vf_coef / tokens of the step
  cliprange: f32,
}

@group(0) @binding(0) var<uniform> critic: Critic;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> labels: array<vec2u>;
@group(0) @binding(3) var<storage, read> outcomes: array<vec4f>;         // by sequence; x is the reward (advantage.wgsl)
@group(0) @binding(4) var<storage, read_write> values: array<vec4f>;     // the first column
@group(0) @binding(5) var<storage, read_write> estimates: array<vec4f>;  // by row of the step
@group(0) @binding(6) var<storage, read_write> losses: array<vec2f>;     // by row of the step
@group(0) @binding(7) var<storage, read_write> advantages: array<f32>;   // by row of the step
@group(0) @binding(8) var<storage, read_write> statistics: array<f32>;

/// The thread of a completion's last row walks back along it.
@compute @workgroup_size(64)
fn critic_advantage(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= critic.rows || n + 1u != spans[n].y) { return; }
  var reward = outcomes[labels[n].y].x;
  var next_value = 0.0;
  var next_advantage = 0.0;
  for (var end = spans[n].y; end > spans[n].x; end--) {
    let t = end - 1u;
    if (labels[t].x == NO_TARGET) {
      estimates[critic.row_offset + t] = vec4f();
      continue;
    }
    let value = values[t].x;
    let advantage = reward + critic.gamma * next_value - value + critic.gamma * critic.lam * next_advantage;
    estimates[critic.row_offset + t] = vec4f(value, advantage + value, advantage, 1.0);
    reward = 0.0;
    next_value = value;
    next_advantage = advantage;
  }
}

@compute @workgroup_size(64)
fn critic_loss(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= critic.rows) { return; }
  let row = critic.row_offset + n;
  let estimate = estimates[row];
  let error = values[n].x - estimate.y;
  let clamped = clamp(values[n].x, estimate.x - critic.cliprange, estimate.x + critic.cliprange) - estimate.y;
  let clipped = clamped * clamped > error * error;
  losses[row] = estimate.w * vec2f(0.5 * max(error * error, clamped * clamped), select(0.0, 1.0, clipped));
  values[n] = vec4f(estimate.w * critic.gradient_scale * select(error, 0.0, clipped), 0.0, 0.0, 0.0);
}

const THREADS = 256u;
var<workgroup> thread_sums: array<vec4f, THREADS>;

/// The sum over all threads, in their order.
fn sum_threads(value: vec4f, thread: u32) -> vec4f {
  thread_sums[thread] = value;
  workgroupBarrier();
  if (thread == 0u) {
    for (var t = 1u; t < THREADS; t++) { thread_sums[0] += thread_sums[t]; }
  }
  return workgroupUniformLoad(&thread_sums[0]);
}

@compute @workgroup_size(THREADS)
fn critic_whiten(@builtin(local_invocation_index) thread: u32) {
  var sums = vec4f(); // tokens, returns, advantages
  for (var row = thread; row < critic.step_rows; row += THREADS) {
    sums += vec4f(estimates[row].w, estimates[row].y, estimates[row].z, 0.0);
  }
  sums = sum_threads(sums, thread);
  let tokens = sums.x;
  let mean_return = sums.y / max(tokens, 1.0);
  let mean_advantage = sums.z / max(tokens, 1.0);

  var squares = vec4f(); // of returns, of advantages, losses, clipped
  for (var row = thread; row < critic.step_rows; row += THREADS) {
    let estimate = estimates[row];
    let from_return = estimate.w * (estimate.y - mean_return);
    let from_advantage = estimate.w * (estimate.z - mean_advantage);
    squares += vec4f(from_return * from_return, from_advantage * from_advantage, losses[row]);
  }
  squares = sum_threads(squares, thread);
  let return_variance = squares.x / max(tokens - 1.0, 1.0);
  let variance = squares.y / max(tokens - 1.0, 1.0);

  for (var row = thread; row < critic.step_rows; row += THREADS) {
    advantages[row] = estimates[row].w * (estimates[row].z - mean_advantage) * inverseSqrt(variance + 1e-8);
  }
  if (thread == 0u) {
    statistics[0] = squares.z;
    statistics[1] = squares.w;
    statistics[2] = tokens;
    statistics[3] = variance;
    statistics[4] = return_variance;
  }
}
