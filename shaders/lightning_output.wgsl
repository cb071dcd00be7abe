// lightning_output: lightning attention's output for each chunk of a block, from the state before it.
//   o_i = sum over j <= i of exp(-slope (i-j)) (q_i · k_j) v_j + exp(-slope i) q_i S        i, j from 1 in the chunk
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 qkv: array<vec4<f32>>, read — (num_tokens, num_heads, 3, head_dim), after silu
//   2 slopes: array<f32>, read — (num_heads), of this layer
//   3 chunk_states: array<vec4<f32>>, read — S before each chunk, (num_chunks, num_heads, head_dim, head_dim)
//   4 attention_output: array<vec4<f32>>, read_write — o, (num_tokens, num_heads, head_dim), written
// Dispatch: (num_heads, num_chunks, head_dim / TILE_COLUMNS rounded up) workgroups of 256; each owns TILE_COLUMNS columns
//   of one chunk's output, each of its threads four columns of two tokens: `early` and, half a chunk on, `late`.
//   CHUNK_TOKENS is 32 and TILE_COLUMNS 64: then every thread stages one vec4 of a slab's operands and one of its rows.
// Source: arXiv:2501.08313 §2.2; arXiv:2312.06635 (chunk-wise parallel form)
// Reference: src/reference/lightning-block.ts, lightningOutput
// Appends: common/call.wgsl, common/lightning_qkv.wgsl

override WORKGROUP_SIZE: u32;
override NUM_HEADS: u32;
override HEAD_DIM: u32;
override CHUNK_TOKENS: u32;
override TILE_COLUMNS: u32;

/// Rows of the state (channels of q and k), and then rows of v, that are staged at once: half of CHUNK_TOKENS.
const SLAB: u32 = 16u;
const SLAB4: u32 = SLAB / 4u;
/// One more than a row takes, here and below: neighbouring rows lie in different banks.
const OPERAND_STRIDE: u32 = SLAB4 + 1u;
override SCORE_STRIDE: u32 = CHUNK_TOKENS + 1u;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> slopes: array<f32>;
@group(0) @binding(3) var<storage, read> chunk_states: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> attention_output: array<vec4<f32>>;

var<workgroup> operands: array<vec4<f32>, 2u * CHUNK_TOKENS * OPERAND_STRIDE>;  // queries, then keys
var<workgroup> rows: array<vec4<f32>, SLAB * TILE_COLUMNS / 4u>;
var<workgroup> scores: array<f32, CHUNK_TOKENS * SCORE_STRIDE>;  // decayed q_i · k_j

/// This thread's vec4 of the slab of queries and keys that starts at channel 4 · first4.
fn load_operand(workgroup: vec3<u32>, local: u32, first4: u32) -> vec4<f32> {
  let row = local / SLAB4;
  let token = workgroup.y * CHUNK_TOKENS + row % CHUNK_TOKENS;
  return qkv_part(token, workgroup.x, select(QUERY, KEY, row >= CHUNK_TOKENS), first4 + local % SLAB4);
}

/// This thread's vec4 of the slab of the state that starts at row `first`; zero past its last row and column.
fn load_state(workgroup: vec3<u32>, local: u32, first: u32) -> vec4<f32> {
  let row = first + local / (TILE_COLUMNS / 4u);
  let column4 = (workgroup.z * TILE_COLUMNS) / 4u + local % (TILE_COLUMNS / 4u);
  if (row >= HEAD_DIM || column4 >= HEAD_DIM / 4u) {
    return vec4<f32>();
  }
  return chunk_states[((workgroup.y * NUM_HEADS + workgroup.x) * HEAD_DIM + row) * (HEAD_DIM / 4u) + column4];
}

/// This thread's vec4 of the slab of values that starts at the chunk's token `first`.
fn load_value(workgroup: vec3<u32>, local: u32, first: u32) -> vec4<f32> {
  let token = workgroup.y * CHUNK_TOKENS + first + local / (TILE_COLUMNS / 4u);
  let column4 = (workgroup.z * TILE_COLUMNS) / 4u + local % (TILE_COLUMNS / 4u);
  return qkv_part(token, workgroup.x, VALUE, column4);
}

fn write_output(token: u32, head: u32, column4: u32, output: vec4<f32>) {
  if (token < call.num_tokens && column4 < HEAD_DIM / 4u) {
    attention_output[(token * NUM_HEADS + head) * (HEAD_DIM / 4u) + column4] = output;
  }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lightning_output(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let columns4 = TILE_COLUMNS / 4u;
  let early = local / columns4;
  let late = early + SLAB;
  // Which four columns of the output, and which keys (this one and half a chunk on) of the scores.
  let column = local % columns4;
  var early_output = vec4<f32>();
  var late_output = vec4<f32>();
  var early_score = 0.0;  // early · early key; an early token does not see late keys
  var mixed_score = 0.0;  // late · early key
  var late_score = 0.0;  // late · late key

  // q S and q kᵀ, slab by slab of channels; the next slab is read while this one is multiplied.
  var next_operand = load_operand(workgroup, local, 0u);
  var next_row = load_state(workgroup, local, 0u);
  for (var first = 0u; first < HEAD_DIM; first += SLAB) {
    operands[(local / SLAB4) * OPERAND_STRIDE + local % SLAB4] = next_operand;
    rows[local] = next_row;
    workgroupBarrier();
    if (first + SLAB < HEAD_DIM) {
      next_operand = load_operand(workgroup, local, (first + SLAB) / 4u);
      next_row = load_state(workgroup, local, first + SLAB);
    } else {
      next_row = load_value(workgroup, local, 0u);
    }
    for (var k = 0u; k < SLAB4; k++) {
      let early_query = operands[early * OPERAND_STRIDE + k];
      let late_query = operands[late * OPERAND_STRIDE + k];
      let early_key = operands[(CHUNK_TOKENS + column) * OPERAND_STRIDE + k];
      let late_key = operands[(CHUNK_TOKENS + SLAB + column) * OPERAND_STRIDE + k];
      early_score += dot(early_query, early_key);
      mixed_score += dot(late_query, early_key);
      late_score += dot(late_query, late_key);
      let row_0 = rows[4u * k * columns4 + column];
      let row_1 = rows[(4u * k + 1u) * columns4 + column];
      let row_2 = rows[(4u * k + 2u) * columns4 + column];
      let row_3 = rows[(4u * k + 3u) * columns4 + column];
      early_output += early_query.x * row_0 + early_query.y * row_1 + early_query.z * row_2 + early_query.w * row_3;
      late_output += late_query.x * row_0 + late_query.y * row_1 + late_query.z * row_2 + late_query.w * row_3;
    }
    workgroupBarrier();
  }

  let slope = slopes[workgroup.x];
  early_output *= exp(-slope * f32(early + 1u));
  late_output *= exp(-slope * f32(late + 1u));
  let is_seen = column <= early;
  let decay = exp(-slope * max(f32(early) - f32(column), 0.0));
  scores[early * SCORE_STRIDE + column] = select(0.0, early_score * decay, is_seen);
  scores[late * SCORE_STRIDE + column] = mixed_score * exp(-slope * f32(late - column));
  scores[late * SCORE_STRIDE + SLAB + column] = select(0.0, late_score * decay, is_seen);
  rows[local] = next_row;
  workgroupBarrier();
  next_row = load_value(workgroup, local, SLAB);
  for (var j = 0u; j < SLAB; j++) {
    let value = rows[j * columns4 + column];
    early_output += scores[early * SCORE_STRIDE + j] * value;
    late_output += scores[late * SCORE_STRIDE + j] * value;
  }
  workgroupBarrier();
  rows[local] = next_row;
  workgroupBarrier();
  for (var j = 0u; j < SLAB; j++) {
    late_output += scores[late * SCORE_STRIDE + SLAB + j] * rows[j * columns4 + column];
  }
  let first_token = workgroup.y * CHUNK_TOKENS;
  let column4 = workgroup.z * columns4 + column;
  write_output(first_token + early, workgroup.x, column4, early_output);
  write_output(first_token + late, workgroup.x, column4, late_output);
}
