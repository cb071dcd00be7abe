// lightning_output_decode: output projection of a lightning layer for one token, added to the residual.
//   g = rms_norm(attention_output, norm, 1e-6) ⊙ gate;  x = rms_norm(hidden, input_norm, rms_norm_eps)
//   hidden_next = alpha · x + beta · (g · out_projᵀ)
// Bindings:
//   0 hidden: array<vec4<f32>>, read — (1, hidden_size)
//   1 norm: array<vec4<f32>>, read — input_layernorm, (hidden_size)
//   2 attention_output: array<vec4<f32>>, read — (1, num_heads * head_dim)
//   3 attention_norm: array<vec4<f32>>, read — (num_heads * head_dim)
//   4 gate: array<vec4<f32>>, read — after sigmoid, (1, num_heads * head_dim)
//   5 weights: array<vec4<u32>>, read — out_proj, encoded, (hidden_size, num_heads * head_dim)
//   6 hidden_next: array<f32>, read_write — (1, hidden_size), written
// Dispatch: (hidden_size / ROWS rounded up, 1, 1) workgroups; each owns ROWS channels of hidden_next.
// Source: arXiv:2501.08313 §2.2; arXiv:2203.00555 (DeepNorm residual)
// Reference: src/reference/kernels/lightning-output-decode.ts, lightningOutputDecode
// Appends: common/normed_hidden.wgsl, common/sums.wgsl, common/matvec.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;
override INPUT_GROUPS: u32;
override STAGED_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;
override ATTENTION_SIZE: u32;
override ATTENTION_EPS: f32;
override ALPHA: f32;
override BETA: f32;

@group(0) @binding(0) var<storage, read> hidden: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> attention_output: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> attention_norm: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gate: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> hidden_next: array<f32>;

var<private> first_row: u32;  // of the workgroup
var<private> attention_scale: f32;

fn input_value(column4: u32) -> vec4<f32> {
  if (column4 >= ATTENTION_SIZE / 4u) {
    return vec4<f32>();
  }
  return attention_output[column4] * attention_scale * attention_norm[column4] * gate[column4];
}

fn row_group(index: u32, group: u32) -> array<vec4<f32>, 8> {
  return weight_group(min(first_row + index, HIDDEN_SIZE - 1u), group);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn lightning_output_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  first_row = workgroup.x * ROWS;
  var attention_squares = 0.0;
  for (var i = local; i < ATTENTION_SIZE / 4u; i += WORKGROUP_SIZE) {
    attention_squares += dot(attention_output[i], attention_output[i]);
  }
  let squares = workgroup_sums(vec2<f32>(hidden_squares(local), attention_squares), local);
  set_norm_scale(squares.x);
  attention_scale = 1.0 / sqrt(squares.y / f32(ATTENTION_SIZE) + ATTENTION_EPS);
  multiply_rows(local);
  for (var index = local; index < ROWS; index += WORKGROUP_SIZE) {
    let channel = first_row + index;
    if (channel < HIDDEN_SIZE) {
      hidden_next[channel] = ALPHA * normed_hidden(channel / 4u)[channel % 4u] + BETA * row_sum(index);
    }
  }
}
