// gradient_e += sum over splits s of partial[s, e], always in the same order: no atomics, so repeated runs are bit-identical.
//
// reduce_splits   grid (ELEMENTS/256 * LANES)   accumulates into gradient
//
// LANES threads to each vec4 of the gradient, each with every LANES-th split; 1 on software adapters, where barriers cost most.

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4f>;

const SUMS = 64u / LANES; // vec4s of the gradient to a workgroup
var<workgroup> sums: array<vec4f, 64>;

@compute @workgroup_size(64)
fn reduce_splits(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let e = group.x * SUMS + thread % SUMS;
  var sum = vec4f();
  if (e < ELEMENTS / 4u) {
    for (var round = 0u; round < (SPLITS + LANES - 1u) / LANES; round++) {
      let s = round * LANES + thread / SUMS;
      if (SPLITS % LANES == 0u || s < SPLITS) { sum += partial[s * (ELEMENTS / 4u) + e]; }
    }
  }
  if (LANES > 1u) {
    sums[thread] = sum;
    workgroupBarrier();
  }
  if (thread < SUMS && e < ELEMENTS / 4u) {
    var total = gradient[e];
    if (LANES > 1u) {
      for (var lane = 0u; lane < LANES; lane++) { total += sums[lane * SUMS + thread]; }
    } else {
      total += sum;
    }
    gradient[e] = total;
  }
}
