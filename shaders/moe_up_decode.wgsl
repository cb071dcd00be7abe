// moe_up_decode: routes one token, and multiplies it with w1 and w3 of its experts.
//   x = rms_norm(hidden, norm, rms_norm_eps); of softmax(x · routerᵀ) the EXPERTS_PER_TOKEN largest, renormalised to sum 1,
//   ties to the lower index;  up[choice] = silu(x · w1ᵀ) ⊙ (x · w3ᵀ) with the expert of that choice
// Bindings:
//   0 hidden: array<vec4<f32>>, read — (1, hidden_size)
//   1 norm: array<vec4<f32>>, read — post_attention_layernorm, (hidden_size)
//   2 router: array<vec4<f32>>, read — f32, (num_experts, hidden_size)
//   3 weights: array<vec4<u32>>, read — gate_up_proj, encoded, (num_experts * 2 * intermediate_size, hidden_size), w1 before w3
//   4 expert_ids: array<u32>, read_write — (experts_per_token), written by the first workgroup
//   5 expert_weights: array<f32>, read_write — (experts_per_token), written by the first workgroup
//   6 up: array<f32>, read_write — (experts_per_token, intermediate_size), written
// Dispatch: (intermediate_size / COLUMNS rounded up, experts_per_token, 1) workgroups; each routes anew, which is cheap, and
//   owns COLUMNS columns of one choice.
// Source: arXiv:2501.08313 §2.1
// Reference: src/reference/kernels/moe-up-decode.ts, moeUpDecode
// Appends: common/normed_hidden.wgsl, common/sums.wgsl, common/matvec.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override LANES: u32;
override ROWS: u32;  // 2 COLUMNS
override INPUT_GROUPS: u32;
override STAGED_GROUPS: u32;
override WEIGHT_GROUPS: u32;
override HIDDEN_SIZE: u32;
override EPS: f32;
override NUM_EXPERTS: u32;
override EXPERTS_PER_TOKEN: u32;
override EXPERT_THREADS: u32;  // num_experts rounded up to a divisor of WORKGROUP_SIZE
override INTERMEDIATE_SIZE: u32;
override COLUMNS: u32;

@group(0) @binding(0) var<storage, read> hidden: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> router: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> expert_ids: array<u32>;
@group(0) @binding(5) var<storage, read_write> expert_weights: array<f32>;
@group(0) @binding(6) var<storage, read_write> up: array<f32>;

var<workgroup> router_parts: array<f32, WORKGROUP_SIZE>;
var<workgroup> logits: array<f32, EXPERT_THREADS>;
var<workgroup> chosen: array<u32, EXPERTS_PER_TOKEN>;

var<private> expert: u32;
var<private> first_column: u32;

fn input_value(column4: u32) -> vec4<f32> {
  return normed_hidden(column4);
}

fn row_group(index: u32, group: u32) -> array<vec4<f32>, 8> {
  // Columns past the expert repeat its last one; they are not stored.
  let column = min(first_column + index % COLUMNS, INTERMEDIATE_SIZE - 1u);
  return weight_group((expert * 2u + index / COLUMNS) * INTERMEDIATE_SIZE + column, group);
}

/// This thread's part of its expert's router logit, before the norm's scale.
fn router_part(local: u32) -> f32 {
  let lanes = WORKGROUP_SIZE / EXPERT_THREADS;
  let candidate = local / lanes;
  var part = 0.0;
  if (candidate < NUM_EXPERTS) {
    for (var i = local % lanes; i < HIDDEN_SIZE / 4u; i += lanes) {
      part += dot(hidden[i] * norm[i], router[candidate * (HIDDEN_SIZE / 4u) + i]);
    }
  }
  return part;
}

/// Sets `chosen` from `router_parts`.
fn route(local: u32) {
  if (local < EXPERT_THREADS) {
    let lanes = WORKGROUP_SIZE / EXPERT_THREADS;
    var logit = 0.0;
    for (var lane = 0u; lane < lanes; lane++) {
      logit += router_parts[local * lanes + lane];
    }
    logits[local] = logit * norm_scale;
  }
  workgroupBarrier();
  if (local < NUM_EXPERTS) {
    let logit = logits[local];
    var rank = 0u;
    for (var i = 0u; i < NUM_EXPERTS; i++) {
      rank += select(0u, 1u, logits[i] > logit || (logits[i] == logit && i < local));
    }
    if (rank < EXPERTS_PER_TOKEN) {
      chosen[rank] = local;
    }
  }
  workgroupBarrier();
}

/// Of softmax over the chosen: the denominator over all experts cancels.
fn chosen_weight(choice: u32) -> f32 {
  let largest = logits[chosen[0]];
  var total = 0.0;
  for (var i = 0u; i < EXPERTS_PER_TOKEN; i++) {
    total += exp(logits[chosen[i]] - largest);
  }
  return exp(logits[chosen[choice]] - largest) / total;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn moe_up_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  first_column = workgroup.x * COLUMNS;
  router_parts[local] = router_part(local);
  set_norm_scale(workgroup_sums(vec2<f32>(hidden_squares(local), 0.0), local).x);
  route(local);
  expert = chosen[workgroup.y];
  if (workgroup.x == 0u && workgroup.y == 0u && local < EXPERTS_PER_TOKEN) {
    expert_ids[local] = chosen[local];
    expert_weights[local] = chosen_weight(local);
  }
  multiply_rows(local);
  for (var index = local; index < COLUMNS; index += WORKGROUP_SIZE) {
    if (first_column + index < INTERMEDIATE_SIZE) {
      let gate = row_sum(index);
      up[workgroup.y * INTERMEDIATE_SIZE + first_column + index] = gate / (1.0 + exp(-gate)) * row_sum(COLUMNS + index);
    }
  }
}
