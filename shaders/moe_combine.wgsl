// moe_combine: the experts' outputs of each token, weighted and added to the scaled residual.
//   hidden = alpha · x + beta · sum over choice of expert_weights[choice] · down[choice]
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 normed: array<f32>, read — x, (num_tokens, hidden_size)
//   2 down: array<f32>, read — (num_tokens, experts_per_token, hidden_size)
//   3 expert_weights: array<f32>, read — (num_tokens, experts_per_token)
//   4 hidden: array<f32>, read_write — (num_tokens, hidden_size), written
// Dispatch: (num_tokens, 1, 1) workgroups; each owns one token.
// Source: arXiv:2501.08313 §2.1; arXiv:2203.00555 (DeepNorm residual)
// Reference: src/reference/kernels/moe-combine.ts, moeCombine
// Appends: common/call.wgsl

override WORKGROUP_SIZE: u32;
override HIDDEN_SIZE: u32;
override EXPERTS_PER_TOKEN: u32;
override ALPHA: f32;
override BETA: f32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> normed: array<f32>;
@group(0) @binding(2) var<storage, read> down: array<f32>;
@group(0) @binding(3) var<storage, read> expert_weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> hidden: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn moe_combine(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let token = workgroup.x;
  if (token >= call.num_tokens) {
    return;
  }
  for (var i = local; i < HIDDEN_SIZE; i += WORKGROUP_SIZE) {
    var sum = 0.0;
    for (var choice = 0u; choice < EXPERTS_PER_TOKEN; choice++) {
      let slot = token * EXPERTS_PER_TOKEN + choice;
      sum += expert_weights[slot] * down[slot * HIDDEN_SIZE + i];
    }
    hidden[token * HIDDEN_SIZE + i] = ALPHA * normed[token * HIDDEN_SIZE + i] + BETA * sum;
  }
}
