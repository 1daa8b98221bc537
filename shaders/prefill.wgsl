// Keys and values of prompts, made by one forward pass over packed rows, into the caches of the sequences that go on from there.
//
// cache_prompts         grid (D/4, sequences)    writes the caches of sequences with a prompt among the rows, from position 0 on
// cache_prompts_fused   grid (H K4, sequences)   the same of layer LAYER, as decode.wgsl keeps them

@group(0) @binding(0) var<storage, read> prompts: array<vec2u>; // by sequence: first and end row of its prompt, equal where it has none here
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;     // [rows, 3D]
@group(0) @binding(2) var<storage, read_write> key_cache: array<vec4f>; // [sequences, MAX_LENGTH, D]
@group(0) @binding(3) var<storage, read_write> value_cache: array<vec4f>;
@group(0) @binding(4) var<storage, read> channels: array<f32>;          // qkv
@group(0) @binding(5) var<storage, read_write> keys: array<vec4f>;      // [sequences, L, H, K4, MAX_LENGTH], vec4s over channels
@group(0) @binding(6) var<storage, read_write> values: array<vec4f>;    // [sequences, L, MAX_LENGTH, H, K4], vec4s over channels

const D4 = D / 4u;
const K4 = (K + 3u) / 4u; // vec4s of a head's channels, the last filled up with zeros

@compute @workgroup_size(16, 4)
fn cache_prompts(@builtin(global_invocation_id) id: vec3u) {
  let part = id.x;
  let sequence = id.y;
  if (part >= D4 || sequence >= arrayLength(&prompts)) { return; }
  let prompt = prompts[sequence];
  var cached = sequence * MAX_LENGTH * D4 + part;
  for (var n = prompt.x; n < prompt.y; n++) {
    let row = n * 3u * D4 + part;
    key_cache[cached] = qkv[row + D4];
    value_cache[cached] = qkv[row + 2u * D4];
    cached += D4;
  }
}

/// Four channels of a head that begins at channel `first`, from the k-th on; 0 past its end.
fn four_channels(first: u32, k: u32) -> vec4f {
  let at = min(vec4u(k, k + 1u, k + 2u, k + 3u), vec4u(K - 1u)) + first;
  let four = vec4f(channels[at.x], channels[at.y], channels[at.z], channels[at.w]);
  return select(vec4f(), four, vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(K));
}

@compute @workgroup_size(16, 4)
fn cache_prompts_fused(@builtin(global_invocation_id) id: vec3u) {
  let part = id.x;
  let sequence = id.y;
  if (part >= H * K4 || sequence >= arrayLength(&prompts)) { return; }
  let prompt = prompts[sequence];
  let cache = sequence * L + LAYER;
  let k = part % K4 * 4u;
  for (var n = prompt.x; n < prompt.y; n++) {
    let key = n * 3u * D + D + part / K4 * K;
    let at = n - prompt.x;
    keys[(cache * H * K4 + part) * MAX_LENGTH + at] = four_channels(key, k);
    values[(cache * MAX_LENGTH + at) * H * K4 + part] = four_channels(key + D, k);
  }
}
