// Global-norm clip and AdamW (Loshchilov and Hutter 2019), as PyTorch computes them:
//   g <- g * min(1, max_norm / (|g| + 1e-6)),   m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
//   w <- w - lr * decay * w,   w <- w - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
// An update whose gradient is not finite is left out: the weights stay the last good ones.
//
// adamw_squared_norm   grid (64 LANES threads)   writes sums[0..63]
// adamw_norm           1 thread                  writes norm
// adamw_update         grid (ELEMENTS)           updates weight, m and v
//
// LANES threads to each of the 64 sums of squares: 256, or 1 on software adapters, where barriers cost most.

struct Optimizer {
  learning_rate: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  weight_decay: f32,
  max_norm: f32,
  correction1: f32,  // 1 - beta1^t
  correction2: f32,  // 1 - beta2^t
}

@group(0) @binding(0) var<uniform> optimizer: Optimizer;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@group(0) @binding(3) var<storage, read_write> norm: array<f32>;
@group(0) @binding(4) var<storage, read> total_norm: array<f32>;
@group(0) @binding(5) var<storage, read> decays: array<f32>; // for every BLOCK of weights: 1 in a matrix, 0 in a gain
@group(0) @binding(6) var<storage, read_write> weight: array<f32>;
@group(0) @binding(7) var<storage, read_write> m: array<f32>;
@group(0) @binding(8) var<storage, read_write> v: array<f32>;

const SUMS = 64u;
var<workgroup> lane_sums: array<f32, LANES>;

@compute @workgroup_size(max(SUMS, LANES))
fn adamw_squared_norm(@builtin(global_invocation_id) id: vec3u) {
  let lane = id.x % LANES;
  var sum = 0.0;
  for (var e = id.x; e < ELEMENTS; e += SUMS * LANES) { sum += gradient[e] * gradient[e]; }
  if (LANES > 1u) {
    lane_sums[lane] = sum;
    workgroupBarrier();
  }
  if (lane == 0u) {
    if (LANES > 1u) {
      sum = 0.0;
      for (var t = 0u; t < LANES; t++) { sum += lane_sums[t]; }
    }
    sums[id.x / LANES] = sum;
  }
}

@compute @workgroup_size(1)
fn adamw_norm() {
  var total = 0.0;
  for (var g = 0u; g < SUMS; g++) { total += sums[g]; }
  norm[0] = sqrt(total);
}

@compute @workgroup_size(256)
fn adamw_update(@builtin(global_invocation_id) id: vec3u) {
  let e = id.x;
  if (e >= ELEMENTS || is_broken(total_norm[0])) { return; }
  let g = gradient[e] * min(1.0, optimizer.max_norm / (total_norm[0] + 1e-6));
  let first = optimizer.beta1 * m[e] + (1.0 - optimizer.beta1) * g;
  let second = optimizer.beta2 * v[e] + (1.0 - optimizer.beta2) * g * g;
  m[e] = first;
  v[e] = second;
  let decayed = weight[e] * (1.0 - optimizer.learning_rate * optimizer.weight_decay * decays[e / BLOCK]);
  let step = first / optimizer.correction1 / (sqrt(second / optimizer.correction2) + optimizer.epsilon);
  weight[e] = decayed - optimizer.learning_rate * step;
}
