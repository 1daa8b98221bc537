// gradient_e += sum over chunks c of partial[c, e], in the order of c: no atomics, so repeated runs are bit-identical.
//
// reduce_chunks   grid (ELEMENTS/4)   accumulates into gradient

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradient: array<vec4f>;

@compute @workgroup_size(64)
fn reduce_chunks(@builtin(global_invocation_id) id: vec3u) {
  let e = id.x;
  if (e >= ELEMENTS / 4u) { return; }
  var sum = vec4f();
  let chunks = (rows + CHUNK - 1u) / CHUNK;
  for (var c = 0u; c < chunks; c++) { sum += partial[c * (ELEMENTS / 4u) + e]; }
  gradient[e] += sum;
}
