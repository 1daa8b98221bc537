// z = logits / temperature,   lse = log sum exp z,   p = exp(z - lse),   entropy = lse - sum of p z
//
// softmax_statistics   grid (rows)   writes the lse and the entropy (in nats) of every row
//
// A row of logits holds V, padded to VP. Rows of the batch at hand count from 0, rows of the whole step from row_offset.
// Struct Objective: objective.wgsl.

@group(0) @binding(0) var<uniform> objective: Objective;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> entropies: array<f32>;

@compute @workgroup_size(64)
fn softmax_statistics(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= objective.rows) { return; }
  let first = n * VP;
  var highest = logits[first];
  for (var v = 1u; v < V; v++) { highest = max(highest, logits[first + v]); }
  var total = 0.0;
  var weighted = 0.0;
  for (var v = 0u; v < V; v++) {
    let z = (logits[first + v] - highest) / objective.temperature;
    total += exp(z);
    weighted += exp(z) * z;
  }
  lse[n] = highest / objective.temperature + log(total);
  entropies[objective.row_offset + n] = log(total) - weighted / total;
}
