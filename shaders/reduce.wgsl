// gradient_e += sum over splits s of partial[s, e], in the order of s: no atomics, so repeated runs are bit-identical.
//
// reduce_splits   grid (ELEMENTS/4)   accumulates into gradient

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4f>;

@compute @workgroup_size(64)
fn reduce_splits(@builtin(global_invocation_id) id: vec3u) {
  let e = id.x;
  if (e >= ELEMENTS / 4u) { return; }
  const STRIDE = ELEMENTS / 4u;
  var sum = vec4f();
  var at = e;
  for (var four = 0u; four < SPLITS / 4u; four++) { // four reads under way at a time
    let a = partial[at];
    let b = partial[at + STRIDE];
    let c = partial[at + 2u * STRIDE];
    let d = partial[at + 3u * STRIDE];
    sum = sum + a + b + c + d;
    at += 4u * STRIDE;
  }
  for (var left = 0u; left < SPLITS % 4u; left++) {
    sum += partial[at];
    at += STRIDE;
  }
  gradient[e] += sum;
}
