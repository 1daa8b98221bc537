// transposed[i,o] = weight[o,i]          weight: [OUT, IN]; both are multiples of 4
//
// transpose_weight    grid (IN/4, OUT/4)    a thread turns a block of 4 x 4

@group(0) @binding(0) var<storage, read> weight: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> transposed: array<vec4f>;

const IN4 = IN / 4u;
const OUT4 = OUT / 4u;

@compute @workgroup_size(8, 8)
fn transpose_weight(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let o = id.y;
  if (i >= IN4 || o >= OUT4) { return; }
  let w = o * 4u * IN4 + i;
  let block = transpose(mat4x4f(weight[w], weight[w + IN4], weight[w + 2u * IN4], weight[w + 3u * IN4]));
  let t = i * 4u * OUT4 + o;
  transposed[t] = block[0];
  transposed[t + OUT4] = block[1];
  transposed[t + 2u * OUT4] = block[2];
  transposed[t + 3u * OUT4] = block[3];
}
