// One token for every live sequence, a row each, and the list of the sequences that live on. draw.wgsl is put in front.
//
// sample_token     grid (rows) workgroups of 64 threads, a thread a token
// sample_advance   1 workgroup: drops finished sequences from the list, in order, and sets up the rows of the token ADVANCE further on

@group(0) @binding(5) var<storage, read> logits: array<f32>;         // [rows, VP]
@group(0) @binding(6) var<storage, read> row_sequences: array<u32>;  // the sequence of every row
@group(0) @binding(7) var<storage, read> row_positions: array<u32>;
@group(0) @binding(8) var<storage, read_write> live_rows: u32;
@group(0) @binding(9) var<storage, read_write> ids: array<u32>;
@group(0) @binding(10) var<storage, read_write> positions: array<u32>;
@group(0) @binding(11) var<storage, read_write> sequences: array<u32>;

@compute @workgroup_size(64)
fn sample_token(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) v: u32) {
  let n = group.x;
  if (n >= rows) { return; }
  draw_token(v, logits[n * VP + min(v, V - 1u)], row_sequences[n], row_positions[n] + 1u, true);
}

const ADVANCE_THREADS = 256u;
var<workgroup> kept: array<u32, ADVANCE_THREADS>; // sequences that live on, up to and with this thread's

@compute @workgroup_size(ADVANCE_THREADS)
fn sample_advance(@builtin(local_invocation_index) thread: u32) {
  let count = live_rows;
  let next = positions[0] + ADVANCE;
  storageBarrier();
  var base = 0u;
  for (var first = 0u; first < MAX_SEQUENCES; first += ADVANCE_THREADS) {
    let row = first + thread;
    let sequence = sequences[min(row, MAX_SEQUENCES - 1u)];
    let lives = row < count && states[sequence].w == 0u;
    kept[thread] = select(0u, 1u, lives);
    for (var reach = 1u; reach < ADVANCE_THREADS; reach *= 2u) {
      workgroupBarrier();
      let before = select(0u, kept[max(thread, reach) - reach], thread >= reach);
      workgroupBarrier();
      kept[thread] += before;
    }
    workgroupBarrier();
    storageBarrier(); // no row is overwritten before it was read
    if (lives) {
      let place = base + kept[thread] - 1u;
      sequences[place] = sequence;
      positions[place] = next;
      ids[place] = tokens[sequence * MAX_LENGTH + next];
    }
    base += kept[ADVANCE_THREADS - 1u];
    workgroupBarrier();
    storageBarrier();
  }
  if (thread == 0u) { live_rows = base; }
}
