// Which expert a workgroup of decode computes; once in a kernel. The kernel declares the overrides of its header, binds
// `router`, and fills `staged` (common/residual_terms.wgsl) after `read_router`: of softmax(x · routerᵀ) the
// EXPERTS_PER_TOKEN largest, renormalised to sum 1, ties to the lower index.
// Logits are of `staged`, before the norm's scale: it changes no order.
// An expert's logit is a subgroup's.
const ROUTER_QUADS: u32 = 4u;  // of a lane's part of the router that are read ahead

var<workgroup> logits: array<f32, NUM_EXPERTS>;

var<private> router_quads: array<vec4<f32>, ROUTER_QUADS>;  // read and written with constant indices alone

/// Quad `quad` of a candidate's row; past the last one they repeat it.
fn router_value(candidate: u32, quad: u32) -> vec4<f32> {
  return router[min(candidate, NUM_EXPERTS - 1u) * (HIDDEN_SIZE / 4u) + min(quad, HIDDEN_SIZE / 4u - 1u)];
}

/// Begins to read the router.
fn read_router(local: u32) {
  draw_subgroup();
  router_quads[0] = router_value(subgroup_number, lane);
  router_quads[1] = router_value(subgroup_number, lane + num_lanes);
  router_quads[2] = router_value(subgroup_number, lane + 2u * num_lanes);
  router_quads[3] = router_value(subgroup_number, lane + 3u * num_lanes);
}

fn quad_product(quad: u32, value: vec4<f32>) -> f32 {
  let at = min(quad, HIDDEN_SIZE / 4u - 1u);
  return select(0.0, dot(staged[(at / 8u) * GROUP_STRIDE + at % 8u], value), quad < HIDDEN_SIZE / 4u);
}

/// Fills `logits`; ends with a barrier. A subgroup takes every MIN_SUBGROUPS-th expert; there may be more subgroups.
fn sum_logits() {
  for (var first = 0u; first < NUM_EXPERTS; first += MIN_SUBGROUPS) {
    let candidate = first + subgroup_number;
    var part = 0.0;
    var quad = lane;
    if (first == 0u) {
      part = quad_product(lane, router_quads[0]) + quad_product(lane + num_lanes, router_quads[1])
        + quad_product(lane + 2u * num_lanes, router_quads[2]) + quad_product(lane + 3u * num_lanes, router_quads[3]);
      quad += ROUTER_QUADS * num_lanes;
    }
    for (; quad < HIDDEN_SIZE / 4u; quad += num_lanes) {
      part += quad_product(quad, router_value(candidate, quad));
    }
    let logit = subgroupAdd(part);
    if (lane == 0u && subgroup_number < MIN_SUBGROUPS && candidate < NUM_EXPERTS) {
      logits[candidate] = logit;
    }
  }
  workgroupBarrier();
}

/// How many experts are chosen before the candidate.
fn rank_of(candidate: u32) -> u32 {
  let logit = logits[candidate];
  var rank = 0u;
  for (var i = 0u; i < NUM_EXPERTS; i++) {
    rank += select(0u, 1u, logits[i] > logit || (logits[i] == logit && i < candidate));
  }
  return rank;
}

/// The expert of choice number `choice`, in every thread; once `staged` is filled.
fn route(choice: u32, local: u32) -> u32 {
  sum_logits();
  var chosen = 0u;
  for (var candidate = lane; candidate < NUM_EXPERTS; candidate += num_lanes) {
    chosen = select(chosen, candidate, rank_of(candidate) == choice);
  }
  return subgroupMax(chosen);
}

/// Of softmax over the chosen: the denominator over all experts cancels.
fn chosen_weight(chosen: u32) -> f32 {
  var largest = logits[chosen];
  for (var candidate = lane; candidate < NUM_EXPERTS; candidate += num_lanes) {
    largest = max(largest, logits[candidate]);
  }
  largest = subgroupMax(largest);
  var total = 0.0;
  for (var candidate = lane; candidate < NUM_EXPERTS; candidate += num_lanes) {
    if (rank_of(candidate) < EXPERTS_PER_TOKEN) {
      total += exp((logits[candidate] - largest) * norm_scale);
    }
  }
  return exp((logits[chosen] - largest) * norm_scale) / subgroupAdd(total);
}
