// log pi(target) = logits[target] / temperature - lse
//
// log_prob_gather   grid (rows)   writes the log-prob of every row's target, 0 where it has none
//
// labels[n] is (target, sequence); a row that predicts nothing has target NO_TARGET. Struct Objective: objective.wgsl.

@group(0) @binding(0) var<uniform> objective: Objective;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> labels: array<vec2u>;
@group(0) @binding(4) var<storage, read_write> log_probs: array<f32>;

@compute @workgroup_size(64)
fn log_prob_gather(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= objective.rows) { return; }
  let target_token = labels[n].x;
  var value = 0.0;
  if (target_token != NO_TARGET) { value = logits[n * VP + target_token] / objective.temperature - lse[n]; }
  log_probs[objective.row_offset + n] = value;
}
