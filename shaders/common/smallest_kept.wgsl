// How far down the sampler's top-k and top-p keep logits. For sample.wgsl alone, whose call, logit_quad, weight_quad,
// lowest, shared_word and uniform loads it uses.

// Most logits that are sorted when the largest few settle it: those that reach the RANK-th largest of the threads' own
// maxima, some 1.4 · RANK of them where large logits lie anywhere. From MAX_CANDIDATES + 1 tokens on, more than RANK
// threads have a token.
const MAX_CANDIDATES: u32 = 512u;
const RANK: u32 = 128u;

var<workgroup> candidates: array<f32, MAX_CANDIDATES>;
var<workgroup> sorted: array<f32, MAX_CANDIDATES>;
var<workgroup> num_candidates: atomic<u32>;
var<workgroup> sums_above: array<vec3<f32>, WORKGROUP_SIZE>;
var<workgroup> shared_sums: vec3<f32>;

// The smallest logit that top-k and top-p keep; LOWEST when both are off.
fn smallest_kept(local: u32, own_largest: f32, largest: f32) -> f32 {
  let top_k = select(VOCAB_SIZE, min(call.top_k, VOCAB_SIZE), call.top_k > 0u);
  if (top_k == VOCAB_SIZE && call.top_p >= 1.0) {
    return LOWEST;
  }
  let settled = smallest_kept_of_candidates(local, own_largest, largest, top_k);
  if (settled != NO_TOKEN) {
    return from_sortable(settled);
  }
  var floor = LOWEST;
  if (top_k < VOCAB_SIZE) {
    floor = search(local, largest, LOWEST, f32(top_k), true);
  }
  if (call.top_p >= 1.0) {
    return floor;
  }
  var own_sum = 0.0;
  for (var quad = local; quad < num_quads(); quad += WORKGROUP_SIZE) {
    let values = logit_quad(quad);
    own_sum += dot(select(vec4<f32>(0.0), weight_quad(values, largest), values >= vec4<f32>(floor)), vec4<f32>(1.0));
  }
  let limit = call.top_p * uniform_value(workgroup_sum(own_sum, local), local);
  return search(local, largest, floor, limit, false);
}

// The same from the few largest logits, as a sortable key; NO_TOKEN when these do not settle it.
fn smallest_kept_of_candidates(local: u32, own_largest: f32, largest: f32, top_k: u32) -> u32 {
  let has_top_k = top_k < VOCAB_SIZE;

  // At least `rank` logits reach the rank-th largest of the threads' maxima.
  if (local == 0u) {
    atomicStore(&num_candidates, 0u);
    atomicStore(&lowest, sortable(largest));
  }
  sorted[local] = own_largest;
  workgroupBarrier();
  var num_above = 0u;
  for (var i = 0u; i < WORKGROUP_SIZE; i++) {
    num_above += u32(sorted[i] > own_largest);
  }
  if (num_above < min(RANK, top_k)) {
    atomicMin(&lowest, sortable(own_largest));
  }
  var first = from_sortable(uniform_lowest(local));
  if (VOCAB_SIZE <= MAX_CANDIDATES) {
    first = LOWEST;
  }

  var own_sum = 0.0;
  for (var quad = local; quad < num_quads(); quad += WORKGROUP_SIZE) {
    let values = logit_quad(quad);
    for (var i = 0u; i < 4u; i++) {
      if (values[i] >= first && quad * 4u + i < VOCAB_SIZE) {
        let slot = atomicAdd(&num_candidates, 1u);
        if (slot < MAX_CANDIDATES) {
          candidates[slot] = values[i];
        }
      }
    }
    if (!has_top_k) {
      own_sum += dot(weight_quad(values, largest), vec4<f32>(1.0));
    }
  }
  let sum_of_all = workgroup_sum(own_sum, local);
  if (local == 0u) {
    shared_word = atomicLoad(&num_candidates);
    atomicStore(&lowest, sortable(largest));
  }
  let count = workgroupUniformLoad(&shared_word);
  if (count > MAX_CANDIDATES || (has_top_k && count < top_k)) {
    return NO_TOKEN;
  }

  // By rank: the sorted logits do not depend on the order in which the atomics gathered them.
  for (var slot = local; slot < count; slot += WORKGROUP_SIZE) {
    let value = candidates[slot];
    var rank = 0u;
    for (var i = 0u; i < count; i++) {
      rank += u32(candidates[i] > value || (candidates[i] == value && i < slot));
    }
    sorted[rank] = value;
  }
  workgroupBarrier();
  let floor = select(LOWEST, sorted[min(top_k, MAX_CANDIDATES) - 1u], has_top_k);

  // Two candidates per thread.
  let at = local * 2u;
  let pair = vec2<f32>(sorted[at], sorted[at + 1u]);
  let is_candidate = (vec2<u32>(at, at + 1u) < vec2<u32>(count)) & (pair >= vec2<f32>(floor));
  let pair_weights = select(vec2<f32>(0.0), weight_quad(pair.xyxy, largest).xy, is_candidate);
  prefix_sum(pair_weights.x + pair_weights.y, local);
  let sum_of_candidates = prefix_sums[WORKGROUP_SIZE - 1u];
  let limit = call.top_p * select(sum_of_all, sum_of_candidates, has_top_k);
  let above_first = sum_before(local);
  let above = vec2<f32>(above_first, above_first + pair_weights.x);
  for (var i = 0u; i < 2u; i++) {
    let starts_class = at + i == 0u || sorted[at + i - 1u] > pair[i];
    if (is_candidate[i] && starts_class && (call.top_p >= 1.0 || above[i] < limit)) {
      atomicMin(&lowest, sortable(pair[i]));
    }
  }
  // All other logits are dropped: by top-k, by top-p, or later by min-p.
  let smallest_weight = weight_quad(vec4<f32>(sorted[count - 1u]), largest).x;
  if (local == 0u) {
    shared_word = u32(has_top_k || sum_of_candidates >= limit || smallest_weight < call.min_p);
  }
  let is_settled = workgroupUniformLoad(&shared_word) == 1u;
  let key = uniform_lowest(local);
  return select(NO_TOKEN, key, is_settled);
}

// The smallest x such that the logits above x (of those from `floor` up) number, or weigh, less than `limit`; at most
// `largest`. Each pass over the logits tests three places and leaves a quarter of the range.
fn search(local: u32, largest: f32, floor: f32, limit: f32, by_count: bool) -> f32 {
  var low = sortable(floor);
  var high = sortable(largest);
  while (low < high) {
    let quarter = (high - low) / 4u;
    let middle = low + (high - low) / 2u;
    let keys = vec3<u32>(low + quarter, middle, middle + quarter);
    let places = vec3<f32>(from_sortable(keys.x), from_sortable(keys.y), from_sortable(keys.z));
    var own = vec3<f32>(0.0);
    for (var quad = local; quad < num_quads(); quad += WORKGROUP_SIZE) {
      let values = logit_quad(quad);
      var measures = vec4<f32>(1.0);
      if (!by_count) {
        measures = weight_quad(values, largest);
      }
      for (var i = 0u; i < 4u; i++) {
        own += select(vec3<f32>(0.0), vec3<f32>(measures[i]), vec3<f32>(values[i]) > places);
      }
    }
    let is_under = uniform_sums(own, local) < vec3<f32>(limit);
    if (is_under.x) {
      high = keys.x;
    } else if (is_under.y) {
      low = keys.x + 1u;
      high = keys.y;
    } else if (is_under.z) {
      low = keys.y + 1u;
      high = keys.z;
    } else {
      low = keys.z + 1u;
    }
  }
  return from_sortable(high);
}

fn uniform_sums(value: vec3<f32>, local: u32) -> vec3<f32> {
  sums_above[local] = value;
  workgroupBarrier();
  for (var width = WORKGROUP_SIZE / 2u; width > 0u; width /= 2u) {
    if (local < width) {
      sums_above[local] += sums_above[local + width];
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    shared_sums = sums_above[0];
  }
  return workgroupUniformLoad(&shared_sums);
}
