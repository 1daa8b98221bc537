// Global-norm clip and AdamW (Loshchilov and Hutter 2019), as PyTorch computes them:
//   g <- g * min(1, max_norm / (|g| + 1e-6)),   m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
//   w <- w - lr * decay * w,   w <- w - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
// An update whose gradient is not finite is left out: the weights stay the last good ones.
//
// adamw_squared_norm   grid (64 partial sums)   writes sums[0..63]
// adamw_norm           1 thread                 writes norm
// adamw_update         grid (ELEMENTS)          updates weight, m and v

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

const GROUPS = 64u;
const THREADS = 256u;
var<workgroup> thread_sums: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn adamw_squared_norm(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var e = group.x * THREADS + thread; e < ELEMENTS; e += GROUPS * THREADS) { sum += gradient[e] * gradient[e]; }
  thread_sums[thread] = sum;
  workgroupBarrier();
  if (thread == 0u) {
    var total = 0.0;
    for (var t = 0u; t < THREADS; t++) { total += thread_sums[t]; }
    sums[group.x] = total;
  }
}

@compute @workgroup_size(1)
fn adamw_norm() {
  var total = 0.0;
  for (var g = 0u; g < GROUPS; g++) { total += sums[g]; }
  norm[0] = sqrt(total);
}

@compute @workgroup_size(THREADS)
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
