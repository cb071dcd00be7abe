// attention_decode: softmax attention of one token over one segment of the KV cache, split over workgroups, and the
//   token's own key and value appended.
//   partials[segment, split, head] = (sum of exp(score - largest) v, largest, sum of exp(score - largest)) over the split's
//   keys, score = q · k / sqrt(head_dim)
// Bindings:
//   0 segment: Segment, uniform — positions that this segment holds
//   1 step: Step, read — position of the token; done: nothing is appended
//   2 qkv: array<vec4<f32>>, read — (1, num_heads + 2 num_kv_heads, head_dim), queries and keys rotated
//   3 cache: array<CachedQuad>, read_write — (capacity, 2, num_kv_heads, head_dim), the token's row written in its segment
//   4 partials: array<f32>, read_write — (segments, SPLITS, num_heads, head_dim + 2), this segment's written; a split without
//     keys has sum 0
// Dispatch: (num_heads, SPLITS, 1) workgroups; each owns the keys of one split for one query head. The token's key is
//   taken from qkv by all, and appended by the first query head of each KV head, in the split that holds it: no race.
// Source: flash-decoding (Dao et al. 2023), arXiv:2205.14135
// Reference: src/reference/kernels/attention-decode.ts, attentionDecode
// Appends: common/step.wgsl, common/segment.wgsl, common/kv_FORMAT.wgsl

override WORKGROUP_SIZE: u32;  // at least head_dim / 4
override NUM_HEADS: u32;
override NUM_KV_HEADS: u32;
override HEAD_DIM: u32;
override SPLITS: u32;
override MIN_SPLIT_KEYS: u32;

const LOWEST_SCORE: f32 = -1e30;
const KEY_LANES: u32 = 4u;  // threads that share a key's score

@group(0) @binding(0) var<uniform> segment: Segment;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> cache: array<CachedQuad>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

var<workgroup> query: array<vec4<f32>, HEAD_DIM / 4u>;  // scaled
var<workgroup> score_parts: array<f32, WORKGROUP_SIZE>;  // KEY_LANES of each key of a tile
var<workgroup> part_sums: array<vec4<f32>, WORKGROUP_SIZE>;
var<workgroup> part_stats: array<vec2<f32>, WORKGROUP_SIZE>;  // largest score, and sum

/// Four channels of a key (part 0) or value (part 1) of the segment; the token's own, which may not be in the cache yet,
/// are taken as they are.
fn cached(key: u32, part: u32, kv_head: u32, column4: u32) -> vec4<f32> {
  let row4 = HEAD_DIM / 4u;
  if (segment.start + key == step.position) {
    return qkv[(NUM_HEADS + part * NUM_KV_HEADS + kv_head) * row4 + column4];
  }
  return unpack_quad(cache[((key * 2u + part) * NUM_KV_HEADS + kv_head) * row4 + column4]);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let head = workgroup.x;
  let kv_head = head / (NUM_HEADS / NUM_KV_HEADS);
  let split = workgroup.y;
  let row4 = HEAD_DIM / 4u;
  var num_keys = 0u;
  if (step.position >= segment.start) {
    num_keys = min(step.position - segment.start + 1u, segment.length);
  }
  let split_keys = max(MIN_SPLIT_KEYS, (num_keys + SPLITS - 1u) / SPLITS);
  let first = min(split * split_keys, num_keys);
  let end = min(first + split_keys, num_keys);
  for (var i = local; i < row4; i += WORKGROUP_SIZE) {
    query[i] = qkv[head * row4 + i] / sqrt(f32(HEAD_DIM));
  }
  workgroupBarrier();

  // Scores take KEY_LANES threads a key; values take head_dim / 4 threads a key, each such key set with a softmax of its own
  // over every num_sets-th key, so that nothing but the scores is exchanged until the end.
  let tile_keys = WORKGROUP_SIZE / KEY_LANES;
  let num_sets = WORKGROUP_SIZE / row4;
  let key_set = local / row4;
  let column4 = local % row4;
  var largest = LOWEST_SCORE;
  var total = 0.0;
  var sum = vec4<f32>();
  for (var tile = first; tile < end; tile += tile_keys) {
    let key = tile + local / KEY_LANES;
    var score_part = 0.0;
    if (key < end) {
      for (var i = local % KEY_LANES; i < row4; i += KEY_LANES) {
        score_part += dot(query[i], cached(key, 0u, kv_head, i));
      }
    }
    score_parts[local] = score_part;
    workgroupBarrier();
    if (key_set < num_sets) {
      for (var j = key_set; j < min(tile_keys, end - tile); j += num_sets) {
        let i = j * KEY_LANES;
        let score = score_parts[i] + score_parts[i + 1u] + score_parts[i + 2u] + score_parts[i + 3u];
        let new_largest = max(largest, score);
        let shrink = exp(largest - new_largest);
        let weight = exp(score - new_largest);
        largest = new_largest;
        total = total * shrink + weight;
        sum = sum * shrink + weight * cached(tile + j, 1u, kv_head, column4);
      }
    }
    workgroupBarrier();
  }
  part_sums[local] = sum;
  part_stats[local] = vec2<f32>(largest, total);
  workgroupBarrier();

  if (local < row4) {
    for (var i = local + row4; i < num_sets * row4; i += row4) {
      largest = max(largest, part_stats[i].x);
    }
    total = 0.0;
    sum = vec4<f32>();
    for (var i = local; i < num_sets * row4; i += row4) {
      let weight = exp(part_stats[i].x - largest);
      total += weight * part_stats[i].y;
      sum += weight * part_sums[i];
    }
    let base = ((segment.index * SPLITS + split) * NUM_HEADS + head) * (HEAD_DIM + 2u);
    for (var i = 0u; i < 4u; i++) {
      partials[base + 4u * local + i] = sum[i];
    }
    if (local == 0u) {
      partials[base + HEAD_DIM] = largest;
      partials[base + HEAD_DIM + 1u] = total;
    }
  }

  // The token's position is this segment's last key; it may lie beyond the segment.
  let is_owner = head % (NUM_HEADS / NUM_KV_HEADS) == 0u && first < end && segment.start + end - 1u == step.position;
  if (is_owner && step.done == 0u && local < row4) {
    for (var part = 0u; part < 2u; part++) {
      cache[(((end - 1u) * 2u + part) * NUM_KV_HEADS + kv_head) * row4 + local] =
        pack_quad(cached(end - 1u, part, kv_head, local));
    }
  }
}
