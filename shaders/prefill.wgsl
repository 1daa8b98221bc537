// Keys and values of prompts, made by one forward pass over packed rows, into the caches of the sequences that go on from there.
//
// cache_prompts   grid (D/4, sequences)   writes the caches of sequences with a prompt among the rows, from position 0 on

@group(0) @binding(0) var<storage, read> prompts: array<vec2u>; // by sequence: first and end row of its prompt, equal where it has none here
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;     // [rows, 3D]
@group(0) @binding(2) var<storage, read_write> key_cache: array<vec4f>; // [sequences, MAX_LENGTH, D]
@group(0) @binding(3) var<storage, read_write> value_cache: array<vec4f>;

const D4 = D / 4u;

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
