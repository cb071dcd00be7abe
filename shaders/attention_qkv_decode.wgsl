// attention_qkv_decode: queries, keys and values of one token of a softmax layer, queries and keys rotated.
//   hidden = the terms of the kernel before;  x = rms_norm(hidden, norm, rms_norm_eps);  q, k, v = x · q_projᵀ, x · k_projᵀ, x · v_projᵀ
//   of q and k, channels j and j + head_dim/2 turn by the angle of channel j at step.position
// Bindings:
//   0 step: Step, read — position
//   1 terms: array<vec4<f32>>, read — (1 + NUM_TERMS, hidden_size + 4), or hidden itself
//   2 norm: array<vec4<f32>>, read — input_layernorm, (hidden_size)
//   3 weights: array<vec4<u32>>, read — q_proj, k_proj, v_proj, encoded, ((num_heads + 2 num_kv_heads) * head_dim, hidden_size)
//   4 rope_table: array<vec2<f32>>, read — (2, 2048, head_dim / 2), cos and sin
//   5 qkv: array<f32>, read_write — (1, (num_heads + 2 num_kv_heads) * head_dim), written
//   6 residual: array<f32>, read_write — (2, hidden_size): x, then hidden; written
// Dispatch: ((num_heads + 2 num_kv_heads) * head_dim / ROWS rounded up, 1, 1) workgroups; each owns ROWS / 2 pairs of
//   channels.
// Source: arXiv:2104.09864 (RoPE), paired as in Transformers' rotate_half
// Reference: src/reference/kernels/attention-qkv-decode.ts, attentionQkvDecode
// Appends: common/step.wgsl, common/residual_terms.wgsl, common/sums.wgsl, common/matvec.wgsl,
//   common/rope.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;  // even: the pairs' first channels, then their second
override INPUT_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;
override NUM_TERMS: u32;
override SCALE_SIZE: u32;
override ALPHA: f32;
override BETA: f32;
override NUM_HEADS: u32;
override NUM_KV_HEADS: u32;
override HEAD_DIM: u32;

@group(0) @binding(0) var<storage, read> step: Step;
@group(0) @binding(1) var<storage, read> terms: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> rope_table: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(6) var<storage, read_write> residual: array<f32>;

var<private> first_pair: u32;  // of the workgroup

fn keep_hidden(column4: u32, value: vec4<f32>) {
  if (first_pair == 0u) {
    for (var i = 0u; i < 4u; i++) {
      residual[HIDDEN_SIZE + 4u * column4 + i] = value[i];
    }
  }
}

/// The row of a pair's first channel.
fn pair_row(pair: u32) -> u32 {
  let half_dim = HEAD_DIM / 2u;
  return (pair / half_dim) * HEAD_DIM + pair % half_dim;
}

fn num_pairs() -> u32 {
  return (NUM_HEADS + 2u * NUM_KV_HEADS) * (HEAD_DIM / 2u);
}

fn product_row(index: u32) -> u32 {
  let row = pair_row(min(first_pair + index % (ROWS / 2u), num_pairs() - 1u));
  return select(row, row + HEAD_DIM / 2u, index >= ROWS / 2u);
}

fn read_ahead(local: u32) {
  fetch_rows(local);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_qkv_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  first_pair = workgroup.x * (ROWS / 2u);
  stage_hidden(local);
  multiply_rows(local);
  let half_dim = HEAD_DIM / 2u;
  for (var index = local; index < ROWS / 2u; index += WORKGROUP_SIZE) {
    let pair = first_pair + index;
    if (pair < num_pairs()) {
      let low = row_sum(index) * norm_scale;
      let high = row_sum(ROWS / 2u + index) * norm_scale;
      var turn = vec2<f32>(1.0, 0.0);
      if (pair < (NUM_HEADS + NUM_KV_HEADS) * half_dim) {
        turn = rotation(step.position, pair % half_dim);
      }
      let row = pair_row(pair);
      qkv[row] = low * turn.x - high * turn.y;
      qkv[row + half_dim] = high * turn.x + low * turn.y;
    }
  }
  if (first_pair == 0u) {
    for (var i = local; i < HIDDEN_SIZE; i += WORKGROUP_SIZE) {
      residual[i] = normed_hidden(i / 4u)[i % 4u];
    }
  }
}
