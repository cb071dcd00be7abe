// attention_block: causal softmax attention of a block's queries over one segment of the KV cache, as online softmax.
//   attention_output = sum over keys of softmax(q · k / sqrt(head_dim)) v, over this and all earlier segments
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 segment: Segment, uniform — positions that this segment holds; index 0 starts anew
//   2 step: Step, read — position of the block's first token
//   3 qkv: array<f32>, read — (num_tokens, num_heads + 2 num_kv_heads, head_dim), queries not yet rotated
//   4 rope_table: array<vec2<f32>>, read — (2, 2048, head_dim / 2), cos and sin
//   5 cache: array<vec4<f32>>, read — (capacity, 2, num_kv_heads, head_dim), keys rotated
//   6 stats: array<vec2<f32>>, read_write — (num_tokens, num_heads): largest score and sum so far, updated
//   7 attention_output: array<f32>, read_write — (num_tokens, num_heads, head_dim), normalised over the keys so far, updated
// Dispatch: (num_tokens / 16 rounded up, num_heads, 1) workgroups of 256; each owns 16 queries of one head. Segments are
//   dispatched in order.
// Source: arXiv:2205.14135 (FlashAttention)
// Reference: src/reference/kernels/attention-block.ts, attentionBlock
// Appends: common/call.wgsl, common/step.wgsl, common/segment.wgsl, common/rope.wgsl

override NUM_HEADS: u32;
override NUM_KV_HEADS: u32;
override HEAD_DIM: u32;

const TILE: u32 = 16u;            // queries, and keys at a time
const MAX_COLUMNS: u32 = 8u;      // head_dim ≤ 128, 16 threads a query
const LOWEST_SCORE: f32 = -1e30;  // of masked keys, and before the first key

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<uniform> segment: Segment;
@group(0) @binding(2) var<storage, read> step: Step;
@group(0) @binding(3) var<storage, read> qkv: array<f32>;
@group(0) @binding(4) var<storage, read> rope_table: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> cache: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read_write> attention_output: array<f32>;

var<workgroup> queries: array<f32, TILE * HEAD_DIM>;  // rotated and scaled
var<workgroup> scores: array<f32, TILE * TILE>;

@compute @workgroup_size(16, 16)
fn attention_block(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let head = workgroup.y;
  let kv_head = head / (NUM_HEADS / NUM_KV_HEADS);
  let query = local.y;
  // Rows past the block repeat its last token; they are not stored.
  let token = min(workgroup.x * TILE + query, call.num_tokens - 1u);
  let position = step.position + token;
  let last_position = step.position + min(workgroup.x * TILE + TILE, call.num_tokens) - 1u;
  if (workgroup.x * TILE >= call.num_tokens || last_position < segment.start) {
    return;
  }
  let half_dim = HEAD_DIM / 2u;
  let query_base = (token * (NUM_HEADS + 2u * NUM_KV_HEADS) + head) * HEAD_DIM;
  for (var channel = local.x; channel < half_dim; channel += TILE) {
    let turn = rotation(position, channel) / sqrt(f32(HEAD_DIM));
    let low = qkv[query_base + channel];
    let high = qkv[query_base + half_dim + channel];
    queries[query * HEAD_DIM + channel] = low * turn.x - high * turn.y;
    queries[query * HEAD_DIM + half_dim + channel] = high * turn.x + low * turn.y;
  }
  workgroupBarrier();

  let row = token * NUM_HEADS + head;
  var largest = LOWEST_SCORE;
  var total = 0.0;
  var sums: array<f32, MAX_COLUMNS>;
  if (segment.index > 0u) {
    largest = stats[row].x;
    total = stats[row].y;
    for (var i = 0u; local.x + i * TILE < HEAD_DIM; i++) {
      sums[i] = attention_output[row * HEAD_DIM + local.x + i * TILE] * total;
    }
  }
  let num_keys = min(last_position + 1u - segment.start, segment.length);
  let row4 = HEAD_DIM / 4u;
  for (var first_key = 0u; first_key < num_keys; first_key += TILE) {
    let key = first_key + local.x;
    var score = LOWEST_SCORE;
    if (key < num_keys && segment.start + key <= position) {
      let key_base = (key * 2u * NUM_KV_HEADS + kv_head) * row4;
      score = 0.0;
      for (var k = 0u; k < row4; k++) {
        let i = query * HEAD_DIM + 4u * k;
        score += dot(vec4<f32>(queries[i], queries[i + 1u], queries[i + 2u], queries[i + 3u]), cache[key_base + k]);
      }
    }
    scores[query * TILE + local.x] = score;
    workgroupBarrier();
    var new_largest = largest;
    for (var j = 0u; j < TILE; j++) {
      new_largest = max(new_largest, scores[query * TILE + j]);
    }
    let shrink = exp(largest - new_largest);
    largest = new_largest;
    total *= shrink;
    for (var i = 0u; local.x + i * TILE < HEAD_DIM; i++) {
      sums[i] *= shrink;
    }
    for (var j = 0u; j < min(TILE, num_keys - first_key); j++) {
      let weight = exp(scores[query * TILE + j] - largest);
      total += weight;
      let value_base = (((first_key + j) * 2u + 1u) * NUM_KV_HEADS + kv_head) * row4;
      for (var i = 0u; local.x + i * TILE < HEAD_DIM; i++) {
        let column = local.x + i * TILE;
        sums[i] += weight * cache[value_base + column / 4u][column % 4u];
      }
    }
    workgroupBarrier();
  }
  if (workgroup.x * TILE + query < call.num_tokens) {
    for (var i = 0u; local.x + i * TILE < HEAD_DIM; i++) {
      attention_output[row * HEAD_DIM + local.x + i * TILE] = sums[i] / total;
    }
    if (local.x == 0u) {
      stats[row] = vec2<f32>(largest, total);
    }
  }
}
