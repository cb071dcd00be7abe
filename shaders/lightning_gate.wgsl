// lightning_gate: norm over all heads of lightning attention's output, times the output gate.
//   gated = attention_output / sqrt(mean(attention_output²) + eps) · weight · sigmoid(gate)
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 weight: array<f32>, read — (num_heads · head_dim)
//   2 gate: array<f32>, read — x · output_gateᵀ, (num_tokens, num_heads · head_dim)
//   3 attention_output: array<f32>, read_write — (num_tokens, num_heads · head_dim), gated in place
// Dispatch: (num_tokens, 1, 1) workgroups; each owns one token.
// Source: arXiv:2501.08313 §2.2
// Reference: src/reference/kernels/lightning-gate.ts, lightningGate
// Appends: common/call.wgsl, common/reduce.wgsl

override WORKGROUP_SIZE: u32;
override ATTENTION_SIZE: u32;
override EPS: f32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(0) @binding(3) var<storage, read_write> attention_output: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn lightning_gate(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let base = workgroup.x * ATTENTION_SIZE;
  var squares = 0.0;
  for (var i = local; i < ATTENTION_SIZE; i += WORKGROUP_SIZE) {
    let value = attention_output[base + i];
    squares += value * value;
  }
  let scale = 1.0 / sqrt(workgroup_sum(squares, local) / f32(ATTENTION_SIZE) + EPS);
  if (workgroup.x >= call.num_tokens) {
    return;
  }
  for (var i = local; i < ATTENTION_SIZE; i += WORKGROUP_SIZE) {
    attention_output[base + i] *= scale * weight[i] / (1.0 + exp(-gate[base + i]));
  }
}
