// lightning_block: lightning attention over a block of tokens, continuing from the recurrent state.
//   per sub-block of n tokens, i and j from 1:
//   o_i = sum over j <= i of (q_i · k_j) exp(-slope (i-j)) v_j  +  exp(-slope i) q_i S
//   S   = exp(-slope n) S + sum over j of exp(-slope (n-j)) k_jᵀ v_j
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 qkv: array<vec4<f32>>, read — (num_tokens, num_heads, 3, head_dim), after silu
//   2 slopes: array<f32>, read — (num_heads), of this layer
//   3 state: array<f32>, read_write — S, (num_heads, head_dim, head_dim), updated in place
//   4 attention_output: array<f32>, read_write — o, (num_tokens, num_heads, head_dim), written
// Dispatch: (num_heads, head_dim / VALUE_COLUMNS rounded up, 1) workgroups; each owns those columns of one head's state
//   and output, and walks over the block in sub-blocks of SUB_BLOCK tokens.
// Source: arXiv:2501.08313 §2.2; arXiv:2401.04658 (lightning attention-2)
// Reference: src/reference/lightning-block.ts, lightningBlock
// Appends: common/call.wgsl

override WORKGROUP_SIZE: u32;
override NUM_HEADS: u32;
override HEAD_DIM: u32;
override VALUE_COLUMNS: u32;
override SUB_BLOCK: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> slopes: array<f32>;
@group(0) @binding(3) var<storage, read_write> state: array<f32>;
@group(0) @binding(4) var<storage, read_write> attention_output: array<f32>;

var<workgroup> columns: array<f32, HEAD_DIM * VALUE_COLUMNS>;  // of S, (head_dim, VALUE_COLUMNS)
var<workgroup> values: array<f32, SUB_BLOCK * VALUE_COLUMNS>;
var<workgroup> scores: array<f32, SUB_BLOCK * SUB_BLOCK>;  // decayed q_i · k_j, zero for j > i

/// Where q (part 0), k (1) or v (2) of a token and head begins in `qkv`.
fn part_base(token: u32, head: u32, part: u32) -> u32 {
  return ((token * NUM_HEADS + head) * 3u + part) * (HEAD_DIM / 4u);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lightning_block(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let head = workgroup.x;
  let first_column = workgroup.y * VALUE_COLUMNS;
  let num_columns = min(VALUE_COLUMNS, HEAD_DIM - first_column);
  let slope = slopes[head];
  for (var i = local; i < HEAD_DIM * num_columns; i += WORKGROUP_SIZE) {
    let row = i / num_columns;
    let column = i % num_columns;
    columns[row * VALUE_COLUMNS + column] = state[(head * HEAD_DIM + row) * HEAD_DIM + first_column + column];
  }
  for (var start = 0u; start < call.num_tokens; start += SUB_BLOCK) {
    let num_tokens = min(SUB_BLOCK, call.num_tokens - start);
    for (var i = local; i < num_tokens * num_columns; i += WORKGROUP_SIZE) {
      let column = first_column + i % num_columns;
      values[(i / num_columns) * VALUE_COLUMNS + i % num_columns] =
        qkv[part_base(start + i / num_columns, head, 2u) + column / 4u][column % 4u];
    }
    for (var pair = local; pair < num_tokens * SUB_BLOCK; pair += WORKGROUP_SIZE) {
      let i = pair / SUB_BLOCK;
      let j = pair % SUB_BLOCK;
      var score = 0.0;
      if (j <= i) {
        let query = part_base(start + i, head, 0u);
        let key = part_base(start + j, head, 1u);
        for (var k = 0u; k < HEAD_DIM / 4u; k++) {
          score += dot(qkv[query + k], qkv[key + k]);
        }
        score *= exp(-slope * f32(i - j));
      }
      scores[pair] = score;
    }
    workgroupBarrier();
    for (var i = local; i < num_tokens * num_columns; i += WORKGROUP_SIZE) {
      let token = i / num_columns;
      let column = i % num_columns;
      var within = 0.0;
      for (var j = 0u; j <= token; j++) {
        within += scores[token * SUB_BLOCK + j] * values[j * VALUE_COLUMNS + column];
      }
      var before = 0.0;
      let query = part_base(start + token, head, 0u);
      for (var k = 0u; k < HEAD_DIM / 4u; k++) {
        let q = qkv[query + k];
        let base = 4u * k * VALUE_COLUMNS + column;
        before += q.x * columns[base] + q.y * columns[base + VALUE_COLUMNS]
          + q.z * columns[base + 2u * VALUE_COLUMNS] + q.w * columns[base + 3u * VALUE_COLUMNS];
      }
      attention_output[((start + token) * NUM_HEADS + head) * HEAD_DIM + first_column + column] =
        within + exp(-slope * f32(token + 1u)) * before;
    }
    workgroupBarrier();
    for (var i = local; i < HEAD_DIM * num_columns; i += WORKGROUP_SIZE) {
      let row = i / num_columns;
      let column = i % num_columns;
      var sum = exp(-slope * f32(num_tokens)) * columns[row * VALUE_COLUMNS + column];
      for (var j = 0u; j < num_tokens; j++) {
        let key = qkv[part_base(start + j, head, 1u) + row / 4u][row % 4u];
        sum += exp(-slope * f32(num_tokens - 1u - j)) * key * values[j * VALUE_COLUMNS + column];
      }
      columns[row * VALUE_COLUMNS + column] = sum;
    }
    workgroupBarrier();
  }
  for (var i = local; i < HEAD_DIM * num_columns; i += WORKGROUP_SIZE) {
    let row = i / num_columns;
    let column = i % num_columns;
    state[(head * HEAD_DIM + row) * HEAD_DIM + first_column + column] = columns[row * VALUE_COLUMNS + column];
  }
}
