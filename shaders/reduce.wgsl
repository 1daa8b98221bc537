// gradient_e += sum over splits s of partial[s, e], in the order of s: no atomics, so repeated runs are bit-identical.
//
// reduce_splits   grid (ELEMENTS/4)   accumulates into gradient

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4f>;

@compute @workgroup_size(64)
fn reduce_splits(@builtin(global_invocation_id) id: vec3u) {
  let e = id.x;
  if (e >= ELEMENTS / 4u) { return; }
  var sum = vec4f();
  for (var s = 0u; s < SPLITS; s++) { sum += partial[s * (ELEMENTS / 4u) + e]; }
  gradient[e] += sum;
}
