// Which expert a workgroup of decode computes; once in a kernel. The kernel declares the overrides of its header, binds
// `router`, and fills `staged` (common/residual_terms.wgsl) after `read_router`: of softmax(x · routerᵀ) the
// EXPERTS_PER_TOKEN largest, renormalised to sum 1, ties to the lower index.
// Logits are of `staged`, before the norm's scale: it changes no order.
const ROUTER_QUADS: u32 = 2u;  // of a thread's part of the router that are read ahead

var<workgroup> router_parts: array<f32, WORKGROUP_SIZE>;
var<workgroup> logits: array<f32, EXPERT_THREADS>;

var<private> router_quads: array<vec4<f32>, ROUTER_QUADS>;  // read and written with constant indices alone

/// Quad number `i` of a thread's part of its expert's row of the router.
fn router_quad(local: u32, i: u32) -> u32 {
  let lanes = WORKGROUP_SIZE / EXPERT_THREADS;
  return local % lanes + i * lanes;
}

fn router_value(local: u32, i: u32) -> vec4<f32> {
  let candidate = min(local / (WORKGROUP_SIZE / EXPERT_THREADS), NUM_EXPERTS - 1u);
  return router[candidate * (HIDDEN_SIZE / 4u) + min(router_quad(local, i), HIDDEN_SIZE / 4u - 1u)];
}

/// Begins to read the router.
fn read_router(local: u32) {
  router_quads[0] = router_value(local, 0u);
  router_quads[1] = router_value(local, 1u);
}

fn quad_product(quad: u32, value: vec4<f32>) -> f32 {
  let at = min(quad, HIDDEN_SIZE / 4u - 1u);
  return select(0.0, dot(staged[(at / 8u) * GROUP_STRIDE + at % 8u], value), quad < HIDDEN_SIZE / 4u);
}

/// This thread's part of its expert's logit.
fn router_part(local: u32) -> f32 {
  var part = quad_product(router_quad(local, 0u), router_quads[0]) + quad_product(router_quad(local, 1u), router_quads[1]);
  for (var i = ROUTER_QUADS; router_quad(0u, i) < HIDDEN_SIZE / 4u; i++) {
    part += quad_product(router_quad(local, i), router_value(local, i));
  }
  return part;
}

/// Fills `logits`; ends with a barrier.
fn sum_logits(local: u32) {
  let lanes = WORKGROUP_SIZE / EXPERT_THREADS;
  let width = min(lanes, 8u);
  router_parts[local] = router_part(local);
  workgroupBarrier();
  if (local % lanes < width) {
    var part = 0.0;
    for (var i = local % lanes; i < lanes; i += width) {
      part += router_parts[local / lanes * lanes + i];
    }
    router_parts[local] = part;
  }
  workgroupBarrier();
  if (local < EXPERT_THREADS) {
    var logit = 0.0;
    for (var part = 0u; part < width; part++) {
      logit += router_parts[local * lanes + part];
    }
    logits[local] = logit;
  }
  workgroupBarrier();
}

/// The expert with the largest logit after `before` in the order of the choices; the first choice after NUM_EXPERTS.
fn expert_after(before: u32) -> u32 {
  let is_first = before == NUM_EXPERTS;
  let bound = logits[min(before, NUM_EXPERTS - 1u)];
  var best = NUM_EXPERTS;
  var largest = 0.0;
  for (var i = 0u; i < NUM_EXPERTS; i++) {
    let logit = logits[i];
    let is_after = is_first || logit < bound || (logit == bound && i > before);
    if (is_after && (best == NUM_EXPERTS || logit > largest)) {
      best = i;
      largest = logit;
    }
  }
  return best;
}

/// The expert of choice number `choice`, in every thread; once `staged` is filled.
fn route(choice: u32, local: u32) -> u32 {
  sum_logits(local);
  var chosen = NUM_EXPERTS;
  for (var i = 0u; i <= choice; i++) {
    chosen = expert_after(chosen);
  }
  return chosen;
}

/// Of softmax over the chosen: the denominator over all experts cancels.
fn chosen_weight(chosen: u32) -> f32 {
  var other = expert_after(NUM_EXPERTS);
  let largest = logits[other];
  var total = 1.0;
  for (var i = 1u; i < EXPERTS_PER_TOKEN; i++) {
    other = expert_after(other);
    total += exp((logits[other] - largest) * norm_scale);
  }
  return exp((logits[chosen] - largest) * norm_scale) / total;
}
