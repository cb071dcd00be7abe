// router: the norm before the experts, and the experts of each token with their weights.
//   normed = hidden / sqrt(mean(hidden²) + eps) · norm;  logits = normed · gateᵀ
//   of softmax(logits) the EXPERTS_PER_TOKEN largest, renormalised to sum 1; ties to the lower index
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 hidden: array<vec4<f32>>, read — (num_tokens, hidden_size)
//   2 norm: array<vec4<f32>>, read — its weight, (hidden_size)
//   3 gate: array<vec4<f32>>, read — f32, (num_experts, hidden_size)
//   4 normed: array<vec4<f32>>, read_write — (num_tokens, hidden_size), written
//   5 router_logits: array<f32>, read_write — (num_tokens, num_experts), written
//   6 expert_ids: array<u32>, read_write — (num_tokens, experts_per_token), written
//   7 expert_weights: array<f32>, read_write — (num_tokens, experts_per_token), written
// Dispatch: (num_tokens, 1, 1) workgroups of EXPERT_THREADS · LANES; each owns one token, LANES threads an expert.
// Source: arXiv:2501.08313 §2.1; arXiv:1910.07467 (RMSNorm)
// Reference: src/reference/kernels/router.ts, router
// Appends: common/call.wgsl, common/reduce.wgsl

override EXPERT_THREADS: u32;
override LANES: u32;
override WORKGROUP_SIZE: u32;
override HIDDEN_SIZE: u32;
override NUM_EXPERTS: u32;
override EXPERTS_PER_TOKEN: u32;
override EPS: f32;

const LOWEST_LOGIT: f32 = -1e30;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> hidden: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gate: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> normed: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> router_logits: array<f32>;
@group(0) @binding(6) var<storage, read_write> expert_ids: array<u32>;
@group(0) @binding(7) var<storage, read_write> expert_weights: array<f32>;

var<workgroup> partial_sums: array<f32, WORKGROUP_SIZE>;
var<workgroup> logits: array<f32, EXPERT_THREADS>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn router(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let token = workgroup.x;
  let expert = local / LANES;
  let row4 = HIDDEN_SIZE / 4u;
  var squares = 0.0;
  for (var k = local; k < row4; k += WORKGROUP_SIZE) {
    let values = hidden[token * row4 + k];
    squares += dot(values, values);
  }
  let scale = 1.0 / sqrt(workgroup_sum(squares, local) / f32(HIDDEN_SIZE) + EPS);
  var sum = 0.0;
  if (token < call.num_tokens) {
    for (var k = local; k < row4; k += WORKGROUP_SIZE) {
      normed[token * row4 + k] = hidden[token * row4 + k] * scale * norm[k];
    }
    if (expert < NUM_EXPERTS) {
      for (var k = local % LANES; k < row4; k += LANES) {
        sum += dot(hidden[token * row4 + k] * scale * norm[k], gate[expert * row4 + k]);
      }
    }
  }
  partial_sums[local] = sum;
  workgroupBarrier();
  if (local < EXPERT_THREADS) {
    var logit = 0.0;
    for (var lane = 0u; lane < LANES; lane++) {
      logit += partial_sums[local * LANES + lane];
    }
    logits[local] = logit;
    if (local < NUM_EXPERTS && token < call.num_tokens) {
      router_logits[token * NUM_EXPERTS + local] = logit;
    }
  }
  workgroupBarrier();
  if (local != 0u || token >= call.num_tokens) {
    return;
  }
  // The softmax's denominator cancels when the chosen are renormalised.
  var largest = LOWEST_LOGIT;
  var total = 0.0;
  for (var choice = 0u; choice < EXPERTS_PER_TOKEN; choice++) {
    var best = 0u;
    for (var e = 1u; e < NUM_EXPERTS; e++) {
      if (logits[e] > logits[best]) {
        best = e;
      }
    }
    if (choice == 0u) {
      largest = logits[best];
    }
    let weight = exp(logits[best] - largest);
    total += weight;
    expert_ids[token * EXPERTS_PER_TOKEN + choice] = best;
    expert_weights[token * EXPERTS_PER_TOKEN + choice] = weight;
    logits[best] = LOWEST_LOGIT;
  }
  for (var choice = 0u; choice < EXPERTS_PER_TOKEN; choice++) {
    expert_weights[token * EXPERTS_PER_TOKEN + choice] /= total;
  }
}
