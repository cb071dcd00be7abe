// rms_norm: root-mean-square norm of each token's hidden state.
//   normed = hidden / sqrt(mean(hidden²) + eps) · weight
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 hidden: array<f32>, read — (num_tokens, hidden_size)
//   2 weight: array<f32>, read — (hidden_size)
//   3 normed: array<f32>, read_write — (num_tokens, hidden_size), written
// Dispatch: (num_tokens, 1, 1) workgroups; each owns one token.
// Source: arXiv:1910.07467
// Reference: src/reference/vector.ts, rmsNorm
// Appends: common/call.wgsl, common/reduce.wgsl

override WORKGROUP_SIZE: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> hidden: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> normed: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn rms_norm(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let base = workgroup.x * HIDDEN_SIZE;
  var squares = 0.0;
  for (var i = local; i < HIDDEN_SIZE; i += WORKGROUP_SIZE) {
    let value = hidden[base + i];
    squares += value * value;
  }
  let scale = 1.0 / sqrt(workgroup_sum(squares, local) / f32(HIDDEN_SIZE) + EPS);
  if (workgroup.x >= call.num_tokens) {
    return;
  }
  for (var i = local; i < HIDDEN_SIZE; i += WORKGROUP_SIZE) {
    normed[base + i] = hidden[base + i] * scale * weight[i];
  }
}
