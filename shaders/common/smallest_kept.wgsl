// How far down the sampler's top-k and top-p keep logits. For sample.wgsl alone, whose call, logit_quad, weight_quad and
// scratch it uses; needs common/prefix_sum.wgsl and common/sortable.wgsl.

// The largest logits are sorted first, in the hope that they settle it: those that reach the RANK-th largest of the
// threads' own maxima, some 1.4 · RANK of them where large logits lie anywhere. A thread sorts one, so more are too many.
const RANK: u32 = 128u;
const UNSETTLED: u32 = 0u;  // no number's key

var<workgroup> num_candidates: atomic<u32>;
var<workgroup> first_key: atomic<u32>;
var<workgroup> kept_key: atomic<u32>;
var<workgroup> shared_word: u32;
var<workgroup> shared_sums: vec3<f32>;

// The smallest logit that top-k and top-p keep; LOWEST when both are off. `own_largest` is the thread's share of the
// maximum `largest`.
fn smallest_kept(local: u32, own_largest: f32, largest: f32) -> f32 {
  let top_k = select(VOCAB_SIZE, min(call.top_k, VOCAB_SIZE), call.top_k > 0u);
  if (top_k == VOCAB_SIZE && call.top_p >= 1.0) {
    return LOWEST;
  }
  let key = smallest_kept_of_candidates(local, own_largest, largest, top_k);
  if (key != UNSETTLED) {
    return from_sortable(key);
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
  return search(local, largest, floor, call.top_p * prefix_sum(own_sum, local).total, false);
}

// Its key, from the few largest logits; UNSETTLED when it may lie below them.
fn smallest_kept_of_candidates(local: u32, own_largest: f32, largest: f32, top_k: u32) -> u32 {
  let has_top_k = top_k < VOCAB_SIZE;
  if (local == 0u) {
    atomicStore(&num_candidates, 0u);
    atomicStore(&first_key, sortable(largest));
    atomicStore(&kept_key, sortable(largest));
  }
  scratch[local] = own_largest;
  workgroupBarrier();

  // At least min(RANK, top_k) logits reach that rank among the threads' maxima.
  var num_above = 0u;
  for (var i = 0u; i < WORKGROUP_SIZE; i++) {
    num_above += u32(scratch[i] > own_largest);
  }
  if (num_above < min(RANK, top_k)) {
    atomicMin(&first_key, sortable(own_largest));
  }
  workgroupBarrier();
  let first = select(from_sortable(atomicLoad(&first_key)), LOWEST, VOCAB_SIZE <= WORKGROUP_SIZE);

  var own_sum = 0.0;
  for (var quad = local; quad < num_quads(); quad += WORKGROUP_SIZE) {
    let values = logit_quad(quad);
    for (var i = 0u; i < 4u; i++) {
      if (values[i] >= first && quad * 4u + i < VOCAB_SIZE) {
        let slot = atomicAdd(&num_candidates, 1u);
        if (slot < WORKGROUP_SIZE) {
          scratch[slot] = values[i];
        }
      }
    }
    if (!has_top_k) {
      own_sum += dot(weight_quad(values, largest), vec4<f32>(1.0));
    }
  }
  let sum_of_all = prefix_sum(own_sum, local).total;
  let count = uniform_word(atomicLoad(&num_candidates), local);
  if (count > WORKGROUP_SIZE || (has_top_k && count < top_k)) {
    return UNSETTLED;
  }

  // By rank: the sorted logits do not depend on the order in which the atomics gathered them.
  let sorted = WORKGROUP_SIZE;
  if (local < count) {
    let value = scratch[local];
    var rank = 0u;
    for (var i = 0u; i < count; i++) {
      rank += u32(scratch[i] > value || (scratch[i] == value && i < local));
    }
    scratch[sorted + rank] = value;
  }
  workgroupBarrier();
  let value = scratch[sorted + local];
  let is_candidate = local < count && (!has_top_k || value >= scratch[sorted + min(top_k, WORKGROUP_SIZE) - 1u]);
  let weight = select(0.0, weight_quad(vec4<f32>(value), largest).x, is_candidate);
  let sums = prefix_sum(weight, local);
  let limit = call.top_p * select(sum_of_all, sums.total, has_top_k);
  let is_first_of_equals = local == 0u || scratch[sorted + max(local, 1u) - 1u] > value;
  if (is_candidate && is_first_of_equals && (call.top_p >= 1.0 || sums.before < limit)) {
    atomicMin(&kept_key, sortable(value));
  }
  workgroupBarrier();
  // What is no candidate is dropped: by top-k, by top-p, or later by min-p.
  let smallest_weight = weight_quad(vec4<f32>(scratch[sorted + count - 1u]), largest).x;
  let is_settled = has_top_k || sums.total >= limit || smallest_weight < call.min_p;
  return uniform_word(select(UNSETTLED, atomicLoad(&kept_key), is_settled), local);
}

// The smallest x, at most `largest`, such that the logits above x (of those from `floor` up) number, or weigh, less than
// `limit`. Each pass over the logits tests three places and leaves a quarter of the range.
fn search(local: u32, largest: f32, floor: f32, limit: f32, by_count: bool) -> f32 {
  var low = sortable(floor);
  var high = uniform_word(sortable(largest), local);
  let uniform_limit = bitcast<f32>(uniform_word(bitcast<u32>(limit), local));
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
    let is_under = uniform_sums(own, local) < vec3<f32>(uniform_limit);
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

// Thread 0's value, for control flow around barriers.
fn uniform_word(value: u32, local: u32) -> u32 {
  if (local == 0u) {
    shared_word = value;
  }
  return workgroupUniformLoad(&shared_word);
}

// Sums over the workgroup, in two stages.
fn uniform_sums(value: vec3<f32>, local: u32) -> vec3<f32> {
  for (var i = 0u; i < 3u; i++) {
    scratch[i * WORKGROUP_SIZE + local] = value[i];
  }
  workgroupBarrier();
  let num_runs = WORKGROUP_SIZE / RUN;
  if (local < 3u * num_runs) {
    for (var i = 1u; i < RUN; i++) {
      scratch[local * RUN] += scratch[local * RUN + i];
    }
  }
  workgroupBarrier();
  if (local == 0u) {
    var sums = vec3<f32>(0.0);
    for (var run = 0u; run < num_runs; run++) {
      let at = run * RUN;
      sums += vec3<f32>(scratch[at], scratch[WORKGROUP_SIZE + at], scratch[2u * WORKGROUP_SIZE + at]);
    }
    shared_sums = sums;
  }
  return workgroupUniformLoad(&shared_sums);
}
