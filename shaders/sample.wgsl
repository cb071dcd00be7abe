// sample: chooses the next token from the logits of the last one read, and advances the step.
//   penalties, then at temperature 0 the largest logit (lowest id of equals); else with w = exp((logit - max) / temperature)
//   a token is kept if   #(logits above) < top_k   and   sum of w above < top_p · sum of w in the top k   and   w >= min_p,
//   and the draw u · (sum of kept w) falls into its share, shares standing side by side in the order of ids
// Bindings:
//   0 call: Call, uniform — num_tokens, seed, sampling settings, end tokens
//   1 step: Step, read_write — position, num_drawn, done, forced_token, recent_tokens and token_ids[0] are advanced
//   2 logits: array<vec4<f32>>, read_write — (vocab_size), read; penalised in place when a penalty is on
//   3 token_counts: array<u32>, read_write — (vocab_size), times each token was seen; the chosen one's is incremented
// Dispatch: (1, 1, 1): one workgroup, so that one dispatch does it all. What is kept is the logits from a threshold
//   up. It is found among the few largest logits where these suffice, else by bisection over all. Sums have a fixed
//   order; atomics only count and take minima. Once `done` is set nothing changes.
// Source: Transformers' logits processors; Holtzman et al., arXiv:1904.09751 (top-p)
// Reference: src/reference/sampler.ts, sample
// Appends: common/call.wgsl, common/step.wgsl, common/reduce.wgsl, common/prefix_sum.wgsl,
//   common/sortable.wgsl, common/philox.wgsl

override WORKGROUP_SIZE: u32;
override VOCAB_SIZE: u32;

// Most logits that the fast path sorts. It takes those that reach the RANK-th largest of the threads' own maxima, some
// 1.4 · RANK when the largest logits lie anywhere; below 2 · RANK tokens a thread may have none of its own.
const MAX_CANDIDATES: u32 = 512u;
const RANK: u32 = 128u;
const BINS_PER_THREAD: u32 = 4u;
const LOWEST: f32 = -3.4028234663852886e38;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read_write> step: Step;
@group(0) @binding(2) var<storage, read_write> logits: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> token_counts: array<u32>;

var<workgroup> bin_sums: array<f32, BINS_PER_THREAD * WORKGROUP_SIZE>;
var<workgroup> sums_above: array<vec3<f32>, WORKGROUP_SIZE>;
var<workgroup> candidates: array<f32, MAX_CANDIDATES>;
var<workgroup> sorted: array<f32, MAX_CANDIDATES>;
var<workgroup> num_candidates: atomic<u32>;
var<workgroup> lowest: atomic<u32>;
var<workgroup> shared_word: u32;
var<workgroup> shared_sums: vec3<f32>;
var<workgroup> chosen: u32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn sample(@builtin(local_invocation_index) local: u32) {
  if (local == 0u) {
    shared_word = step.done;
    chosen = step.forced_token;
  }
  if (workgroupUniformLoad(&shared_word) != 0u) {
    return;
  }
  if (workgroupUniformLoad(&chosen) == NO_TOKEN) {
    choose(local);
  }
  if (local == 0u) {
    advance(chosen);
  }
}

fn advance(token: u32) {
  step.position += call.num_tokens;
  step.recent_tokens[step.num_drawn % RECENT_TOKENS] = token;
  step.num_drawn += 1u;
  step.forced_token = NO_TOKEN;
  step.token_ids[0] = token;
  token_counts[token] += 1u;
  for (var i = 0u; i < call.num_end_tokens; i++) {
    if (call.end_tokens[i / 4u][i % 4u] == token) {
      step.done = 1u;
    }
  }
}

// Writes `chosen`.
fn choose(local: u32) {
  let is_penalised = call.repetition_penalty != 1.0 || call.frequency_penalty != 0.0 || call.presence_penalty != 0.0;
  var own_largest = LOWEST;
  var own_id = VOCAB_SIZE - 1u;
  for (var quad = local; quad < num_quads(); quad += WORKGROUP_SIZE) {
    if (is_penalised) {
      penalise(quad);
    }
    let values = logit_quad(quad);
    for (var i = 0u; i < 4u; i++) {
      if (values[i] > own_largest) {
        own_largest = values[i];
        own_id = quad * 4u + i;
      }
    }
  }
  storageBarrier();
  let largest = uniform_value(workgroup_max(own_largest, local), local);
  if (local == 0u) {
    atomicStore(&lowest, VOCAB_SIZE - 1u);
  }
  workgroupBarrier();
  if (own_largest == largest) {
    atomicMin(&lowest, own_id);
  }
  let best_id = uniform_lowest(local);
  if (local == 0u) {
    chosen = best_id;
  }
  if (call.temperature > 0.0) {
    draw(local, largest, smallest_kept(local, own_largest, largest));
  }
  workgroupBarrier();
}

fn num_quads() -> u32 {
  return (VOCAB_SIZE + 3u) / 4u;
}

// Four logits; LOWEST beyond the vocabulary.
fn logit_quad(quad: u32) -> vec4<f32> {
  let ids = quad * 4u + vec4<u32>(0u, 1u, 2u, 3u);
  return select(vec4<f32>(LOWEST), logits[quad], ids < vec4<u32>(VOCAB_SIZE));
}

fn penalise(quad: u32) {
  for (var i = 0u; i < 4u && quad * 4u + i < VOCAB_SIZE; i++) {
    let count = token_counts[quad * 4u + i];
    if (count > 0u) {
      let logit = logits[quad][i];
      let repeated = select(logit / call.repetition_penalty, logit * call.repetition_penalty, logit < 0.0);
      logits[quad][i] = repeated - call.frequency_penalty * f32(count) - call.presence_penalty;
    }
  }
}

// exp((logit - largest) / temperature); zero where that is out of range.
fn weight_quad(values: vec4<f32>, largest: f32) -> vec4<f32> {
  return exp(max((values - largest) / call.temperature, vec4<f32>(-200.0)));
}

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

// Weights of what is kept, zero for the rest.
fn kept_weights(quad: u32, largest: f32, smallest: f32) -> vec4<f32> {
  let values = logit_quad(quad);
  let weights = weight_quad(values, largest);
  let is_kept = (values >= vec4<f32>(smallest)) & (weights >= vec4<f32>(call.min_p));
  return select(vec4<f32>(0.0), weights, is_kept);
}

// A bin is this many quads of neighbouring tokens; bins are in the order of ids.
fn bin_quads() -> u32 {
  let num_bins = BINS_PER_THREAD * WORKGROUP_SIZE;
  return (num_quads() + num_bins - 1u) / num_bins;
}

// Writes `chosen`, which keeps its value if no token has a share.
fn draw(local: u32, largest: f32, smallest: f32) {
  for (var bin = local; bin < BINS_PER_THREAD * WORKGROUP_SIZE; bin += WORKGROUP_SIZE) {
    var sum = 0.0;
    let end = min((bin + 1u) * bin_quads(), num_quads());
    for (var quad = bin * bin_quads(); quad < end; quad++) {
      sum += dot(kept_weights(quad, largest, smallest), vec4<f32>(1.0));
    }
    bin_sums[bin] = sum;
  }
  workgroupBarrier();
  var own_sum = 0.0;
  for (var i = 0u; i < BINS_PER_THREAD; i++) {
    own_sum += bin_sums[local * BINS_PER_THREAD + i];
  }
  prefix_sum(own_sum, local);
  let goal = uniform_draw(call.seed, step.position + call.num_tokens) * prefix_sums[WORKGROUP_SIZE - 1u];
  let before = sum_before(local);
  if (local == 0u) {
    atomicStore(&lowest, WORKGROUP_SIZE);
  }
  workgroupBarrier();
  if (before <= goal && goal < prefix_sums[local]) {
    atomicMin(&lowest, local);
  }
  if (uniform_lowest(local) == local) {
    var bin = local * BINS_PER_THREAD;
    var before_bin = before;
    var sum = before;
    for (var i = 0u; i < BINS_PER_THREAD && sum <= goal; i++) {
      if (bin_sums[local * BINS_PER_THREAD + i] > 0.0) {
        bin = local * BINS_PER_THREAD + i;
        before_bin = sum;
        sum += bin_sums[bin];
      }
    }
    chosen = token_in_bin(bin, before_bin, goal, largest, smallest);
  }
}

// The token of the bin at which the running sum passes `goal`; the last kept one if rounding leaves it short.
fn token_in_bin(bin: u32, before: f32, goal: f32, largest: f32, smallest: f32) -> u32 {
  var sum = before;
  var token = chosen;
  let end = min((bin + 1u) * bin_quads(), num_quads());
  for (var quad = bin * bin_quads(); quad < end && sum <= goal; quad++) {
    let weights = kept_weights(quad, largest, smallest);
    for (var i = 0u; i < 4u && sum <= goal; i++) {
      if (weights[i] > 0.0) {
        token = quad * 4u + i;
        sum += weights[i];
      }
    }
  }
  return min(token, VOCAB_SIZE - 1u);
}

// `lowest`, after all threads' atomics so far.
fn uniform_lowest(local: u32) -> u32 {
  workgroupBarrier();
  if (local == 0u) {
    shared_word = atomicLoad(&lowest);
  }
  return workgroupUniformLoad(&shared_word);
}

// Thread 0's value, for control flow around barriers.
fn uniform_value(value: f32, local: u32) -> f32 {
  if (local == 0u) {
    shared_word = bitcast<u32>(value);
  }
  return bitcast<f32>(workgroupUniformLoad(&shared_word));
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
