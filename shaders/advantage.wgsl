// r_i = sum over reward functions of weight * reward;  then by estimator
//   grpo       A_i = (r_i - mean of its group) / (s + 1e-4)    s: std of its group, of the batch, or no division (Shao et al. 2024)
//   rloo       A_i = r_i - mean of the others of its group                                            (Ahmadian et al. 2024)
//   reinforce  A_i = r_i
// A std is Bessel-corrected, and 0 for a single completion.
//
// advantage_normalize   grid (count)   writes reward and advantage of every completion, the std of its group beside them

struct Grouping {
  count: u32,       // completions in the step
  group_size: u32,  // G; groups are adjacent
  functions: u32,   // reward functions
  estimator: u32,
  scale: u32,
}

const ESTIMATOR_GRPO = 0u;
const ESTIMATOR_RLOO = 1u;
const SCALE_GROUP = 0u;
const SCALE_BATCH = 1u;

@group(0) @binding(0) var<uniform> grouping: Grouping;
@group(0) @binding(1) var<storage, read> rewards: array<f32>; // [count, functions]
@group(0) @binding(2) var<storage, read> weights: array<f32>; // [functions]
@group(0) @binding(3) var<storage, read_write> outcomes: array<vec4f>; // [count] of (reward, advantage, std of the group, 0)

fn reward(i: u32) -> f32 {
  var sum = 0.0;
  for (var f = 0u; f < grouping.functions; f++) { sum += weights[f] * rewards[i * grouping.functions + f]; }
  return sum;
}

/// Mean and std of the rewards of completions first to end - 1.
fn spread(first: u32, end: u32) -> vec2f {
  var sum = 0.0;
  for (var i = first; i < end; i++) { sum += reward(i); }
  let mean = sum / f32(end - first);
  var squares = 0.0;
  for (var i = first; i < end; i++) { squares += (reward(i) - mean) * (reward(i) - mean); }
  return vec2f(mean, sqrt(squares / f32(max(end - first, 2u) - 1u)));
}

@compute @workgroup_size(64)
fn advantage_normalize(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= grouping.count) { return; }
  let size = grouping.group_size;
  let first = i / size * size;
  let group = spread(first, first + size);
  let r = reward(i);
  var advantage = r;
  if (grouping.estimator == ESTIMATOR_GRPO) {
    advantage = r - group.x;
    if (grouping.scale == SCALE_GROUP) { advantage /= group.y + 1e-4; }
    if (grouping.scale == SCALE_BATCH) { advantage /= spread(0u, grouping.count).y + 1e-4; }
  } else if (grouping.estimator == ESTIMATOR_RLOO) {
    advantage = (r - group.x) * f32(size) / f32(max(size, 2u) - 1u);
  }
  outcomes[i] = vec4f(r, advantage, group.y, 0.0);
}
