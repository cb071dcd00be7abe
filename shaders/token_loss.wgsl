// token_loss: log-likelihood terms of each token's successor over one range of the vocabulary, without storing logits.
//   stats[token] = (largest logit, sum of exp(logit - largest), logit of the successor), over this and all earlier ranges
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 step: Step, read — token_ids of the block and, after it, the id that follows
//   2 normed: array<vec4<f32>>, read — after the final norm, (num_tokens, hidden_size)
//   3 weights: array<vec4<u32>>, read — rows FIRST_ROW.. of lm_head, encoded, (NUM_ROWS, hidden_size)
//   4 stats: array<vec4<f32>>, read_write — (num_tokens), the fourth component unused; FIRST_ROW 0 starts anew
// Dispatch: (num_tokens, 1, 1) workgroups; each owns one token. Ranges are dispatched in order.
// Source: negative log-likelihood = log(sum) + largest - logit of the successor
// Reference: src/reference/kernels/token-loss.ts, tokenLoss
// Appends: common/call.wgsl, common/step.wgsl, common/reduce.wgsl, common/half.wgsl, common/weight_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override WEIGHT_GROUPS: u32;
override FIRST_ROW: u32;
override NUM_ROWS: u32;

const LOWEST_LOGIT: f32 = -1e30;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> normed: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> stats: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn token_loss(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let token = workgroup.x;
  if (token >= call.num_tokens) {
    return;
  }
  let successor = step.token_ids[token + 1u];
  var largest = LOWEST_LOGIT;
  var total = 0.0;
  var successor_logit = 0.0;
  for (var row = local; row < NUM_ROWS; row += WORKGROUP_SIZE) {
    var logit = 0.0;
    for (var group = 0u; group < WEIGHT_GROUPS; group++) {
      let values = weight_quants(row, group);
      var sum = 0.0;
      for (var i = 0u; i < 8u; i++) {
        sum += dot(values[i], normed[(token * WEIGHT_GROUPS + group) * 8u + i]);
      }
      logit += weight_scale(row, group) * sum;
    }
    let new_largest = max(largest, logit);
    total = total * exp(largest - new_largest) + exp(logit - new_largest);
    largest = new_largest;
    if (FIRST_ROW + row == successor) {
      successor_logit = logit;
    }
  }
  let range_largest = workgroup_max(largest, local);
  let range_total = workgroup_sum(total * exp(largest - range_largest), local);
  let range_successor = workgroup_sum(successor_logit, local);
  if (local != 0u) {
    return;
  }
  if (FIRST_ROW == 0u) {
    stats[token] = vec4<f32>(range_largest, range_total, range_successor, 0.0);
    return;
  }
  let earlier = stats[token];
  let all_largest = max(earlier.x, range_largest);
  let all_total = earlier.y * exp(earlier.x - all_largest) + range_total * exp(range_largest - all_largest);
  stats[token] = vec4<f32>(all_largest, all_total, earlier.z + range_successor, 0.0);
}
