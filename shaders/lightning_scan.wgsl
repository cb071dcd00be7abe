// lightning_scan: the recurrent state before each chunk of a block, and after the block.
//   over the chunks of n tokens, from 0: added = exp(-slope n) added + chunk_states[chunk]
//   after t tokens of the block: S = exp(-slope t) state + added
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 slopes: array<f32>, read — (num_heads), of this layer
//   2 state: array<f32>, read_write — (num_heads, head_dim, head_dim), taken over the block in place
//   3 chunk_states: array<f32>, read_write — (num_chunks, num_heads, head_dim, head_dim), what each chunk adds, replaced
//     by S before it
// Dispatch: (head_dim² / WORKGROUP_SIZE rounded up, num_heads, 1) workgroups; each thread owns one element of the state
//   in all chunks.
// Source: arXiv:2501.08313 §2.2; arXiv:2312.06635 (chunk-wise parallel form)
// Reference: src/reference/lightning-block.ts, lightningScan
// Appends: common/call.wgsl

override WORKGROUP_SIZE: u32;
override NUM_HEADS: u32;
override HEAD_DIM: u32;
override CHUNK_TOKENS: u32;

/// Chunks whose elements are read before the first of them is written, so that the reads do not wait for each other.
const CHUNKS_AHEAD: u32 = 8u;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> slopes: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> chunk_states: array<f32>;

/// exp(-x) value + added. For a small x, value + (added - (1 - exp(-x)) value) by the series: exp(-x) itself, rounded to
/// f32, would lose what a slow head forgets.
fn decay_and_add(x: f32, value: f32, added: f32) -> f32 {
  if (x >= 0.25) {
    return exp(-x) * value + added;
  }
  let forgotten = x * (1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0 * (1.0 - x / 6.0)))));
  return value + (added - forgotten * value);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lightning_scan(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let element = workgroup.x * WORKGROUP_SIZE + local;
  if (element >= HEAD_DIM * HEAD_DIM) {
    return;
  }
  let head = workgroup.y;
  let slope = slopes[head];
  let at = head * HEAD_DIM * HEAD_DIM + element;
  let chunk_size = NUM_HEADS * HEAD_DIM * HEAD_DIM;
  let num_chunks = (call.num_tokens + CHUNK_TOKENS - 1u) / CHUNK_TOKENS;
  // What the chunks add is summed apart, so that the state is rounded once per block and not once per chunk.
  let before = state[at];
  var added = 0.0;
  for (var first = 0u; first < num_chunks; first += CHUNKS_AHEAD) {
    var chunk_sums: array<f32, CHUNKS_AHEAD>;
    for (var i = 0u; i < CHUNKS_AHEAD; i++) {
      if (first + i < num_chunks) {
        chunk_sums[i] = chunk_states[(first + i) * chunk_size + at];
      }
    }
    for (var i = 0u; i < CHUNKS_AHEAD; i++) {
      if (first + i < num_chunks) {
        let first_token = (first + i) * CHUNK_TOKENS;
        chunk_states[(first + i) * chunk_size + at] = decay_and_add(slope * f32(first_token), before, added);
        let num_tokens = min(CHUNK_TOKENS, call.num_tokens - first_token);
        added = decay_and_add(slope * f32(num_tokens), added, chunk_sums[i]);
      }
    }
  }
  state[at] = decay_and_add(slope * f32(call.num_tokens), before, added);
}
