// z = logits / temperature,   lse = log sum exp z,   p = exp(z - lse),   entropy = lse - sum of p z
//
// softmax_statistics   grid (rows)   writes the lse and the entropy (in nats) of every row, -1 where it has no target
//
// A row of logits holds V, padded to VP. Rows of the batch at hand count from 0, rows of the whole step from row_offset.
// labels[n] is (target, sequence); a row that predicts nothing has target NO_TARGET. Struct Objective: objective.wgsl.

@group(0) @binding(0) var<uniform> objective: Objective;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> entropies: array<f32>;
@group(0) @binding(4) var<storage, read> labels: array<vec2u>;

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
  // Rounding must not make an entropy of 0 negative, which would mean that there is no target.
  let entropy = max(0.0, log(total) - weighted / total);
  entropies[objective.row_offset + n] = select(entropy, -1.0, labels[n].x == NO_TARGET);
}
