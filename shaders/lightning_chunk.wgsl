// lightning_chunk: what each chunk of a block adds to the recurrent state of lightning attention.
//   chunk_states[chunk, head] = sum over the chunk's tokens j = 1..n of exp(-slope (n-j)) k_jᵀ v_j
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 qkv: array<vec4<f32>>, read — (num_tokens, num_heads, 3, head_dim), after silu
//   2 slopes: array<f32>, read — (num_heads), of this layer
//   3 chunk_states: array<vec4<f32>>, read_write — (num_chunks, num_heads, head_dim, head_dim), written
// Dispatch: (num_heads, num_chunks, tiles) workgroups; each owns a tile of TILE_ROWS · TILE_COLUMNS of one chunk's state,
//   each of its threads 4 · 4 of that.
// Source: arXiv:2501.08313 §2.2; arXiv:2312.06635 (chunk-wise parallel form)
// Reference: src/reference/lightning-block.ts, lightningChunk
// Appends: common/call.wgsl, common/lightning_qkv.wgsl

override WORKGROUP_SIZE: u32;
override NUM_HEADS: u32;
override HEAD_DIM: u32;
override CHUNK_TOKENS: u32;
override TILE_ROWS: u32;
override TILE_COLUMNS: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> slopes: array<f32>;
@group(0) @binding(3) var<storage, read_write> chunk_states: array<vec4<f32>>;

var<workgroup> keys: array<vec4<f32>, CHUNK_TOKENS * TILE_ROWS / 4u>;  // decayed to the chunk's last token
var<workgroup> values: array<vec4<f32>, CHUNK_TOKENS * TILE_COLUMNS / 4u>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn lightning_chunk(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let tile_rows4 = TILE_ROWS / 4u;
  let tile_columns4 = TILE_COLUMNS / 4u;
  let tiles_across = (HEAD_DIM + TILE_COLUMNS - 1u) / TILE_COLUMNS;
  let head = workgroup.x;
  let first_row4 = (workgroup.z / tiles_across) * tile_rows4;
  let first_column4 = (workgroup.z % tiles_across) * tile_columns4;
  let first_token = workgroup.y * CHUNK_TOKENS;
  let num_tokens = min(CHUNK_TOKENS, call.num_tokens - first_token);
  let slope = slopes[head];
  for (var i = local; i < CHUNK_TOKENS * tile_rows4; i += WORKGROUP_SIZE) {
    let token = i / tile_rows4;
    // Past the last token the exponent is positive, at most CHUNK_TOKENS · slope, and the key zero.
    let decay = exp(-slope * (f32(num_tokens - 1u) - f32(token)));
    keys[i] = decay * qkv_part(first_token + token, head, KEY, first_row4 + i % tile_rows4);
  }
  for (var i = local; i < CHUNK_TOKENS * tile_columns4; i += WORKGROUP_SIZE) {
    values[i] = qkv_part(first_token + i / tile_columns4, head, VALUE, first_column4 + i % tile_columns4);
  }
  workgroupBarrier();
  let tile_row4 = local / tile_columns4;
  let tile_column4 = local % tile_columns4;
  var sums_0 = vec4<f32>();
  var sums_1 = vec4<f32>();
  var sums_2 = vec4<f32>();
  var sums_3 = vec4<f32>();
  for (var token = 0u; token < CHUNK_TOKENS; token++) {
    let key = keys[token * tile_rows4 + tile_row4];
    let value = values[token * tile_columns4 + tile_column4];
    sums_0 += key.x * value;
    sums_1 += key.y * value;
    sums_2 += key.z * value;
    sums_3 += key.w * value;
  }
  let row4 = first_row4 + tile_row4;
  let column4 = first_column4 + tile_column4;
  if (row4 >= HEAD_DIM / 4u || column4 >= HEAD_DIM / 4u) {
    return;
  }
  let stride = HEAD_DIM / 4u;
  let base = ((workgroup.y * NUM_HEADS + head) * HEAD_DIM + 4u * row4) * stride + column4;
  chunk_states[base] = sums_0;
  chunk_states[base + stride] = sums_1;
  chunk_states[base + 2u * stride] = sums_2;
  chunk_states[base + 3u * stride] = sums_3;
}
