// head: logits of the block's last token.
//   hidden = the terms of the kernel before, or hidden[num_tokens - 1];  logits = rms_norm(hidden, norm, rms_norm_eps) · lm_headᵀ
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 terms: array<vec4<f32>>, read — (1 + NUM_TERMS, hidden_size + 4), or hidden itself, (num_tokens, hidden_size)
//   2 norm: array<vec4<f32>>, read — (hidden_size)
//   3 weights: array<vec4<u32>>, read — rows FIRST_ROW.. of lm_head, encoded, (NUM_ROWS, hidden_size)
//   4 logits: array<f32>, read_write — (1, vocab_size), FIRST_ROW.. written
// Dispatch: (NUM_ROWS / ROWS rounded up, 1, 1) workgroups; each owns ROWS logits. A head in several ranges takes a
//   dispatch for each.
// Source: arXiv:2501.08313 §2
// Reference: src/reference/kernels/head.ts, head
// Appends: common/call.wgsl, common/residual_terms.wgsl, common/sums.wgsl, common/matvec.wgsl,
//   common/half.wgsl, common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;
override INPUT_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;
override NUM_TERMS: u32;
override SCALE_SIZE: u32;
override ALPHA: f32;
override BETA: f32;
override FIRST_ROW: u32;
override NUM_ROWS: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> terms: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> logits: array<f32>;

var<private> first_row: u32;  // of the workgroup

fn keep_hidden(column4: u32, value: vec4<f32>) {}

fn product_row(index: u32) -> u32 {
  return min(first_row + index, NUM_ROWS - 1u);
}

fn read_ahead(local: u32) {
  fetch_rows(local);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn head(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  first_row = workgroup.x * ROWS;
  terms_base = (call.num_tokens - 1u) * (HIDDEN_SIZE / 4u);
  stage_hidden(local);
  multiply_rows(local);
  for (var index = local; index < ROWS; index += WORKGROUP_SIZE) {
    if (first_row + index < NUM_ROWS) {
      logits[FIRST_ROW + first_row + index] = row_sum(index) * norm_scale;
    }
  }
}
