// moe_down_decode: w2 of one token's experts, weighted, and the scaled residual.
//   hidden_next = alpha · rms_norm(hidden, norm, rms_norm_eps) + beta · sum over choice of weight · (up[choice] · w2ᵀ)
// Bindings:
//   0 hidden: array<vec4<f32>>, read — (1, hidden_size)
//   1 norm: array<vec4<f32>>, read — post_attention_layernorm, (hidden_size)
//   2 expert_ids: array<u32>, read — (experts_per_token)
//   3 expert_weights: array<f32>, read — (experts_per_token)
//   4 up: array<vec4<f32>>, read — (experts_per_token, intermediate_size)
//   5 weights: array<vec4<u32>>, read — down_proj, encoded, (num_experts * hidden_size, intermediate_size)
//   6 hidden_next: array<f32>, read_write — (1, hidden_size), written
// Dispatch: (hidden_size / ROWS rounded up, 1, 1) workgroups; each owns ROWS rows.
// Source: arXiv:2501.08313 §2.1; arXiv:2203.00555 (DeepNorm residual)
// Reference: src/reference/kernels/moe-down-decode.ts, moeDownDecode
// Appends: common/normed_hidden.wgsl, common/sums.wgsl, common/matvec.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;
override INPUT_GROUPS: u32;  // experts_per_token · WEIGHT_GROUPS: the choices' columns one after another
override STAGED_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;
override INTERMEDIATE_SIZE: u32;
override ALPHA: f32;
override BETA: f32;

@group(0) @binding(0) var<storage, read> hidden: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> expert_ids: array<u32>;
@group(0) @binding(3) var<storage, read> expert_weights: array<f32>;
@group(0) @binding(4) var<storage, read> up: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> hidden_next: array<f32>;

var<private> first_row: u32;  // of the workgroup

fn input_value(column4: u32) -> vec4<f32> {
  let choice = column4 / (WEIGHT_GROUPS * 8u);
  let column = column4 % (WEIGHT_GROUPS * 8u);
  if (column >= INTERMEDIATE_SIZE / 4u) {
    return vec4<f32>();
  }
  return expert_weights[choice] * up[choice * (INTERMEDIATE_SIZE / 4u) + column];
}

fn row_group(index: u32, group: u32) -> array<vec4<f32>, 8> {
  let row = min(first_row + index, HIDDEN_SIZE - 1u);
  return weight_group(expert_ids[group / WEIGHT_GROUPS] * HIDDEN_SIZE + row, group % WEIGHT_GROUPS);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn moe_down_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  first_row = workgroup.x * ROWS;
  set_norm_scale(workgroup_sums(vec2<f32>(hidden_squares(local), 0.0), local).x);
  multiply_rows(local);
  for (var index = local; index < ROWS; index += WORKGROUP_SIZE) {
    let row = first_row + index;
    if (row < HIDDEN_SIZE) {
      hidden_next[row] = ALPHA * normed_hidden(row / 4u)[row % 4u] + BETA * row_sum(index);
    }
  }
}
