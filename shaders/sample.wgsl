// sample: chooses the next token from the logits of the last one read, and advances the step.
//   logit += bias of the token; then for a token that stands in the text (prompt or answer)
//     logit = logit / repetition_penalty, or logit · repetition_penalty below 0,
//   and for one drawn count > 0 times since the prompt   logit -= frequency_penalty · count + presence_penalty;
//   then at temperature 0 the largest logit (lowest id of equals); else with w = exp((logit - max) / temperature)
//   a token is kept if   #(logits above) < top_k   and   sum of w above < top_p · sum of w in the top k   and   w >= min_p,
//   and the draw u · (sum of kept w) falls into its share, shares standing side by side in the order of ids
// Bindings:
//   0 call: Call, uniform — num_tokens, seed, sampling settings, end tokens, biases
//   1 step: Step, read_write — position, num_drawn, done, forced_token, recent_tokens and token_ids[0] are advanced
//   2 logits: array<vec4<f32>>, read_write — (vocab_size), read; changed in place when a bias or penalty is on
//   3 token_counts: array<u32>, read_write — (vocab_size), draws of each token since the prompt, and IN_PROMPT;
//     the chosen one's is incremented
// Dispatch: (1, 1, 1): one workgroup, so that one dispatch does it all. What is kept is the logits from a threshold
//   up. It is found among the few largest logits where these suffice, else by bisection over all. Sums have a fixed
//   order; atomics only count and take minima. Once `done` is set nothing changes.
// Source: Transformers' logits processors; Holtzman et al., arXiv:1904.09751 (top-p); vLLM, vllm/v1/sample/sampler.py
//   (biases before penalties) and vllm/model_executor/layers/utils.py, apply_penalties (what counts for which penalty)
// Reference: src/reference/sampler.ts, sample
// Appends: common/call.wgsl, common/step.wgsl, common/philox.wgsl, common/prefix_sum.wgsl,
//   common/smallest_kept.wgsl, common/sortable.wgsl, common/token_counts.wgsl

override WORKGROUP_SIZE: u32;
override VOCAB_SIZE: u32;

const BINS_PER_THREAD: u32 = 3u;
const BATCH: u32 = 8u;  // quads of logits that a thread asks for at once
const LOWEST: f32 = -3.4028234663852886e38;
const DONE: u32 = 0xfffffffeu;  // neither a token nor NO_TOKEN

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<storage, read_write> step: Step;
@group(0) @binding(2) var<storage, read_write> logits: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> token_counts: array<u32>;

// In turn: the threads' maxima; candidates and, from WORKGROUP_SIZE on, sorted candidates; partial sums of the search;
// sums of the draw's bins. Kept small: software adapters spend long on clearing it.
var<workgroup> scratch: array<f32, BINS_PER_THREAD * WORKGROUP_SIZE>;
var<workgroup> largest_key: atomic<u32>;
var<workgroup> largest_id: atomic<u32>;
var<workgroup> draw_owner: atomic<u32>;
var<workgroup> chosen: u32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn sample(@builtin(local_invocation_index) local: u32) {
  if (local == 0u) {
    chosen = select(step.forced_token, DONE, step.done != 0u);
    atomicStore(&largest_key, 0u);
    atomicStore(&largest_id, VOCAB_SIZE - 1u);
    atomicStore(&draw_owner, WORKGROUP_SIZE);
  }
  let given = workgroupUniformLoad(&chosen);
  if (given == DONE) {
    return;
  }
  if (given == NO_TOKEN) {
    choose(local);
  }
  if (local == 0u) {
    advance(chosen);
  }
}

// Writes `chosen`, for thread 0 to read.
fn choose(local: u32) {
  let is_penalised = call.repetition_penalty != 1.0 || call.frequency_penalty != 0.0 || call.presence_penalty != 0.0;
  let is_changed = is_penalised || call.num_biases > 0u;
  var own_largest = LOWEST;
  var own_id = VOCAB_SIZE - 1u;
  if (is_changed) {
    for (var quad = local; quad < num_quads(); quad += WORKGROUP_SIZE) {
      logits[quad] = penalised(quad, biased(quad));
    }
  }
  for (var first = local; first < num_quads(); first += BATCH * WORKGROUP_SIZE) {
    var batch: array<vec4<f32>, BATCH>;
    for (var i = 0u; i < BATCH; i++) {
      batch[i] = logit_quad(batch_quad(first, i));
    }
    for (var i = 0u; i < BATCH; i++) {
      for (var j = 0u; j < 4u; j++) {
        if (batch[i][j] > own_largest) {
          own_largest = batch[i][j];
          own_id = batch_quad(first, i) * 4u + j;
        }
      }
    }
  }
  atomicMax(&largest_key, sortable(own_largest));
  storageBarrier();
  workgroupBarrier();
  let largest = from_sortable(atomicLoad(&largest_key));
  if (own_largest == largest) {
    atomicMin(&largest_id, own_id);
  }
  workgroupBarrier();
  if (local == 0u) {
    chosen = atomicLoad(&largest_id);
  }
  if (call.temperature > 0.0) {
    draw(local, largest, smallest_kept(local, own_largest, largest));
  }
}

/// Past the last one they repeat their first, which is the thread's own: another's may not be changed yet.
fn batch_quad(first: u32, i: u32) -> u32 {
  let quad = first + i * WORKGROUP_SIZE;
  return select(first, quad, quad < num_quads());
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

fn num_quads() -> u32 {
  return (VOCAB_SIZE + 3u) / 4u;
}

// Four logits; LOWEST beyond the vocabulary.
fn logit_quad(quad: u32) -> vec4<f32> {
  let ids = quad * 4u + vec4<u32>(0u, 1u, 2u, 3u);
  return select(vec4<f32>(LOWEST), logits[quad], ids < vec4<u32>(VOCAB_SIZE));
}

fn biased(quad: u32) -> vec4<f32> {
  var values = logits[quad];
  for (var i = 0u; i < call.num_biases; i++) {
    let id = call.bias_ids[i / 4u][i % 4u];
    if (id / 4u == quad) {
      values[id % 4u] += call.biases[i / 4u][i % 4u];
    }
  }
  return values;
}

fn penalised(quad: u32, logits_of_quad: vec4<f32>) -> vec4<f32> {
  var values = logits_of_quad;
  for (var i = 0u; i < 4u && quad * 4u + i < VOCAB_SIZE; i++) {
    let count = token_counts[quad * 4u + i];
    let num_drawn = count & ~IN_PROMPT;
    if (count > 0u) {
      values[i] = select(values[i] / call.repetition_penalty, values[i] * call.repetition_penalty, values[i] < 0.0);
    }
    if (num_drawn > 0u) {
      values[i] -= call.frequency_penalty * f32(num_drawn) + call.presence_penalty;
    }
  }
  return values;
}

// exp((logit - largest) / temperature); zero where that is out of range.
fn weight_quad(values: vec4<f32>, largest: f32) -> vec4<f32> {
  return exp(max((values - largest) / call.temperature, vec4<f32>(-200.0)));
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
    scratch[bin] = sum;
  }
  workgroupBarrier();
  let first_bin = local * BINS_PER_THREAD;
  var own_sum = 0.0;
  for (var i = 0u; i < BINS_PER_THREAD; i++) {
    own_sum += scratch[first_bin + i];
  }
  let sums = prefix_sum(own_sum, local);
  let goal = uniform_draw(call.seed, step.position + call.num_tokens) * sums.total;
  if (sums.before <= goal && goal < sums.through) {
    atomicMin(&draw_owner, local);
  }
  workgroupBarrier();
  if (atomicLoad(&draw_owner) == local) {
    var bin = first_bin;
    var before_bin = sums.before;
    var sum = sums.before;
    for (var i = 0u; i < BINS_PER_THREAD && sum <= goal; i++) {
      if (scratch[first_bin + i] > 0.0) {
        bin = first_bin + i;
        before_bin = sum;
        sum += scratch[bin];
      }
    }
    chosen = token_in_bin(bin, before_bin, goal, largest, smallest);
  }
  workgroupBarrier();
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
