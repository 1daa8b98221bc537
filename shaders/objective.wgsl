// The settings of one micro-batch's loss, for softmax, log-prob, token-advantage and policy-gradient.

struct Objective {
  rows: u32,
  row_offset: u32,
  temperature: f32,
  beta: f32,
  entropy_coef: f32,
  epsilon: f32,
  epsilon_high: f32,
  delta: f32,           // the largest f32 for no cap
  loss_type: u32,
  sequence_level: u32,  // 1: one ratio for a whole completion
  old_is_current: u32,  // 1: no old log-probs, the ratio is 1 in value
}
