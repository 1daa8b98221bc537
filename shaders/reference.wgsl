// A reference that follows the policy, as TRL's SyncRefModelCallback (TR-DPO, Gorbatovski et al. 2024, arXiv:2404.09656):
//   reference = ALPHA policy + (1 - ALPHA) reference
//
// reference_mix   grid (ELEMENTS/256)   updates reference

@group(0) @binding(0) var<storage, read> policy: array<f32>;
@group(0) @binding(1) var<storage, read_write> reference: array<f32>;

@compute @workgroup_size(256)
fn reference_mix(@builtin(global_invocation_id) id: vec3u) {
  let e = id.x;
  if (e >= ELEMENTS) { return; }
  reference[e] = ALPHA * policy[e] + (1.0 - ALPHA) * reference[e];
}
