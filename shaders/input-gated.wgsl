// silu(gate) * up, silu(g) = g * sigmoid(g) (Shazeer 2020), as the input of a product, made wherever it is read: for matmul.wgsl
// and matmul-tiled.wgsl. A row of gate_up holds IN gates, then IN ups.

@group(0) @binding(10) var<storage, read_write> gate_up: array<vec4f>;

/// Row n, numbers 4 i to 4 i + 3.
fn input_at(n: u32, i: u32) -> vec4f {
  let gate = gate_up[n * (IN / 2u) + i];
  let up = gate_up[n * (IN / 2u) + IN / 4u + i];
  return gate / (1.0 + exp(-gate)) * up;
}
