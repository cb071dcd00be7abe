// moe_combine: the experts' outputs of each token, weighted and added to the scaled residual, and the norm that follows.
//   hidden = alpha · x + beta · sum over choice of expert_weights[choice] · down[choice]
//   x = hidden / sqrt(mean(hidden²) + eps) · norm
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 down: array<vec4<f32>>, read — (num_tokens, experts_per_token, hidden_size)
//   2 expert_weights: array<f32>, read — (num_tokens, experts_per_token)
//   3 norm: array<vec4<f32>>, read — weight of the next layer's norm or the final one, (hidden_size)
//   4 hidden: array<vec4<f32>>, read_write — (num_tokens, hidden_size), written
//   5 normed: array<vec4<f32>>, read_write — x, (num_tokens, hidden_size): the residual, replaced by the normed hidden
// Dispatch: (num_tokens, 1, 1) workgroups; each owns one token, each of its threads the same columns throughout.
// Source: arXiv:2501.08313 §2.1; arXiv:2203.00555 (DeepNorm residual); arXiv:1910.07467 (RMSNorm)
// Reference: src/reference/kernels/moe-combine.ts, moeCombine
// Appends: common/call.wgsl, common/reduce.wgsl

override WORKGROUP_SIZE: u32;
override HIDDEN_SIZE: u32;
override EXPERTS_PER_TOKEN: u32;
override ALPHA: f32;
override BETA: f32;
override EPS: f32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> down: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> expert_weights: array<f32>;
@group(0) @binding(3) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> hidden: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> normed: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn moe_combine(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let token = workgroup.x;
  let is_token = token < call.num_tokens;
  let row4 = HIDDEN_SIZE / 4u;
  var squares = 0.0;
  for (var k = local; k < row4 && is_token; k += WORKGROUP_SIZE) {
    var sum = vec4<f32>();
    for (var choice = 0u; choice < EXPERTS_PER_TOKEN; choice++) {
      let slot = token * EXPERTS_PER_TOKEN + choice;
      sum += expert_weights[slot] * down[slot * row4 + k];
    }
    let value = ALPHA * normed[token * row4 + k] + BETA * sum;
    hidden[token * row4 + k] = value;
    squares += dot(value, value);
  }
  let scale = 1.0 / sqrt(workgroup_sum(squares, local) / f32(HIDDEN_SIZE) + EPS);
  for (var k = local; k < row4 && is_token; k += WORKGROUP_SIZE) {
    normed[token * row4 + k] = hidden[token * row4 + k] * scale * norm[k];
  }
}
