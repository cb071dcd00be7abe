// attention_decode: softmax attention of one token over one segment of the KV cache, split over workgroups, and the
//   token's own key and value appended.
//   partials[segment, split, head] = (sum of exp(score - largest) v, largest, sum of exp(score - largest)) over the split's
//   keys, score = q · k / sqrt(head_dim)
// Bindings:
//   0 segment: Segment, uniform — positions that this segment holds
//   1 step: Step, read — position of the token; done: nothing is appended
//   2 qkv: array<f32>, read — (1, num_heads + 2 num_kv_heads, head_dim), queries and keys rotated
//   3 cache: array<f32>, read_write — (capacity, 2, num_kv_heads, head_dim), the token's row written in its segment
//   4 partials: array<f32>, read_write — (segments, SPLITS, num_heads, head_dim + 2), this segment's written; a split without
//     keys has sum 0
// Dispatch: (num_heads, SPLITS, 1) workgroups; each owns the keys of one split for one query head. The token's key is
//   taken from qkv by all, and appended by the first query head of each KV head, in the split that holds it: no race.
// Source: flash-decoding (Dao et al. 2023), arXiv:2205.14135
// Reference: src/reference/kernels/attention-decode.ts, attentionDecode
// Appends: common/step.wgsl, common/segment.wgsl, common/reduce.wgsl

override WORKGROUP_SIZE: u32;
override NUM_HEADS: u32;
override NUM_KV_HEADS: u32;
override HEAD_DIM: u32;
override SPLITS: u32;
override MIN_SPLIT_KEYS: u32;

const LOWEST_SCORE: f32 = -1e30;
const MAX_COLUMNS: u32 = 2u;  // of a thread: head_dim ≤ 2 · WORKGROUP_SIZE

@group(0) @binding(0) var<uniform> segment: Segment;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> qkv: array<f32>;
@group(0) @binding(3) var<storage, read_write> cache: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

var<workgroup> query: array<f32, HEAD_DIM>;  // scaled
var<workgroup> weights: array<f32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let head = workgroup.x;
  let kv_head = head / (NUM_HEADS / NUM_KV_HEADS);
  let split = workgroup.y;
  var num_keys = 0u;
  if (step.position >= segment.start) {
    num_keys = min(step.position - segment.start + 1u, segment.length);
  }
  let split_keys = max(MIN_SPLIT_KEYS, (num_keys + SPLITS - 1u) / SPLITS);
  let first = min(split * split_keys, num_keys);
  let end = min(first + split_keys, num_keys);
  let new_key = (NUM_HEADS + kv_head) * HEAD_DIM;
  let new_value = new_key + NUM_KV_HEADS * HEAD_DIM;
  for (var i = local; i < HEAD_DIM; i += WORKGROUP_SIZE) {
    query[i] = qkv[head * HEAD_DIM + i] / sqrt(f32(HEAD_DIM));
  }
  workgroupBarrier();

  var largest = LOWEST_SCORE;
  var total = 0.0;
  var sums: array<f32, MAX_COLUMNS>;
  for (var chunk = first; chunk < end; chunk += WORKGROUP_SIZE) {
    let key = chunk + local;
    var score = LOWEST_SCORE;
    if (key < end) {
      score = 0.0;
      if (segment.start + key == step.position) {
        for (var i = 0u; i < HEAD_DIM; i++) {
          score += query[i] * qkv[new_key + i];
        }
      } else {
        let base = (key * 2u * NUM_KV_HEADS + kv_head) * HEAD_DIM;
        for (var i = 0u; i < HEAD_DIM; i++) {
          score += query[i] * cache[base + i];
        }
      }
    }
    let new_largest = max(largest, workgroup_max(score, local));
    let weight = select(0.0, exp(score - new_largest), key < end);
    weights[local] = weight;
    let shrink = exp(largest - new_largest);
    total = total * shrink + workgroup_sum(weight, local);
    largest = new_largest;
    for (var column = 0u; local + column * WORKGROUP_SIZE < HEAD_DIM; column++) {
      let i = local + column * WORKGROUP_SIZE;
      var sum = sums[column] * shrink;
      for (var j = 0u; j < min(WORKGROUP_SIZE, end - chunk); j++) {
        if (segment.start + chunk + j == step.position) {
          sum += weights[j] * qkv[new_value + i];
        } else {
          sum += weights[j] * cache[(((chunk + j) * 2u + 1u) * NUM_KV_HEADS + kv_head) * HEAD_DIM + i];
        }
      }
      sums[column] = sum;
    }
    workgroupBarrier();
  }
  let partial_base = ((segment.index * SPLITS + split) * NUM_HEADS + head) * (HEAD_DIM + 2u);
  for (var column = 0u; local + column * WORKGROUP_SIZE < HEAD_DIM; column++) {
    partials[partial_base + local + column * WORKGROUP_SIZE] = sums[column];
  }
  if (local == 0u) {
    partials[partial_base + HEAD_DIM] = largest;
    partials[partial_base + HEAD_DIM + 1u] = total;
  }

  // The token's position is this segment's last key; it may lie beyond the segment.
  let is_owner = head % (NUM_HEADS / NUM_KV_HEADS) == 0u && first < end && segment.start + end - 1u == step.position;
  if (is_owner && step.done == 0u) {
    let base = ((end - 1u) * 2u * NUM_KV_HEADS + kv_head) * HEAD_DIM;
    for (var i = local; i < HEAD_DIM; i += WORKGROUP_SIZE) {
      cache[base + i] = qkv[new_key + i];
      cache[base + NUM_KV_HEADS * HEAD_DIM + i] = qkv[new_value + i];
    }
  }
}
