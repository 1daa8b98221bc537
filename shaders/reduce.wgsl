// gradient_e += sum over splits s of partial[s, e], always in the same order: no atomics, so repeated runs are bit-identical.
//
// reduce_splits   grid (ELEMENTS/32)   accumulates into gradient
//
// A workgroup sums eight vec4s of the gradient, eight threads to each: a thread takes every eighth split.

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4f>;

const LANES = 8u;
var<workgroup> sums: array<vec4f, 64>;

@compute @workgroup_size(64)
fn reduce_splits(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let e = group.x * 8u + thread % 8u;
  var sum = vec4f();
  if (e < ELEMENTS / 4u) {
    for (var s = thread / 8u; s < SPLITS; s += LANES) { sum += partial[s * (ELEMENTS / 4u) + e]; }
  }
  sums[thread] = sum;
  workgroupBarrier();
  if (thread < 8u && e < ELEMENTS / 4u) {
    var total = gradient[e];
    for (var lane = 0u; lane < LANES; lane++) { total += sums[lane * 8u + thread]; }
    gradient[e] = total;
  }
}
