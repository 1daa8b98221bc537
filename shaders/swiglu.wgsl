// y = silu(gate) * up,  silu(g) = g * sigmoid(g)                                       (Shazeer 2020)
// dgate = dy * up * sigmoid(g) * (1 + g * (1 - sigmoid(g))),   dup = dy * silu(g)
// A row of gate_up holds F gates, then F ups; a row of d_gate_up likewise.
//
// swiglu_forward    grid (F/4, rows)   writes y
// swiglu_backward   grid (F/4, rows)   writes d_gate_up

@group(0) @binding(0) var<uniform> rows: u32;
@group(0) @binding(1) var<storage, read> gate_up: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> d_y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> d_gate_up: array<vec4f>;

const F4 = F / 4u;

@compute @workgroup_size(16, 4)
fn swiglu_forward(@builtin(global_invocation_id) id: vec3u) {
  let f = id.x;
  let n = id.y;
  if (f >= F4 || n >= rows) { return; }
  let gate = gate_up[n * 2u * F4 + f];
  let up = gate_up[n * 2u * F4 + F4 + f];
  y[n * F4 + f] = gate / (1.0 + exp(-gate)) * up;
}

@compute @workgroup_size(16, 4)
fn swiglu_backward(@builtin(global_invocation_id) id: vec3u) {
  let f = id.x;
  let n = id.y;
  if (f >= F4 || n >= rows) { return; }
  let gate = gate_up[n * 2u * F4 + f];
  let up = gate_up[n * 2u * F4 + F4 + f];
  let dy = d_y[n * F4 + f];
  let sigmoid = 1.0 / (1.0 + exp(-gate));
  d_gate_up[n * 2u * F4 + f] = dy * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
  d_gate_up[n * 2u * F4 + F4 + f] = dy * gate * sigmoid;
}
