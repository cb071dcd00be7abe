// rope_append: queries and keys of a block rotated, and keys and values appended to one segment of the KV cache.
//   q = rotate(q, position);  cache[position - start] = (rotate(k, position), v)
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 segment: Segment, uniform — positions that this segment holds
//   2 step: Step, read — position of the block's first token
//   3 rope_table: array<vec2<f32>>, read — (2, 2048, head_dim / 2), cos and sin
//   4 qkv: array<f32>, read_write — (num_tokens, num_heads + 2 num_kv_heads, head_dim): queries, updated in place, keys, values
//   5 cache: array<f32>, read_write — (capacity, 2, num_kv_heads, head_dim), rows of this block's tokens written
// Dispatch: (num_tokens, num_kv_heads, 1) workgroups; each owns one KV head's key and value of one token, and the queries
//   that read them. Tokens outside the segment are left to the dispatch of another segment.
// Source: arXiv:2104.09864 (RoPE), "rotate half" pairing
// Reference: src/reference/kernels/rope-append.ts, ropeAppend
// Appends: common/call.wgsl, common/step.wgsl, common/segment.wgsl, common/rope.wgsl

override WORKGROUP_SIZE: u32;
override NUM_HEADS: u32;
override NUM_KV_HEADS: u32;
override HEAD_DIM: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<uniform> segment: Segment;
@group(0) @binding(2) var<storage, read> step: Step;
@group(0) @binding(3) var<storage, read> rope_table: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(5) var<storage, read_write> cache: array<f32>;

/// Channels `channel` and `channel + head_dim/2` of the row at `base`, turned.
fn rotated(base: u32, channel: u32, turn: vec2<f32>) -> vec2<f32> {
  let low = qkv[base + channel];
  let high = qkv[base + HEAD_DIM / 2u + channel];
  return vec2<f32>(low * turn.x - high * turn.y, high * turn.x + low * turn.y);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn rope_append(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let token = workgroup.x;
  let kv_head = workgroup.y;
  let position = step.position + token;
  if (token >= call.num_tokens || position < segment.start || position - segment.start >= segment.length) {
    return;
  }
  let half_dim = HEAD_DIM / 2u;
  let num_queries = NUM_HEADS / NUM_KV_HEADS;
  let first = token * (NUM_HEADS + 2u * NUM_KV_HEADS) * HEAD_DIM;
  let query = first + kv_head * num_queries * HEAD_DIM;
  let key = first + (NUM_HEADS + kv_head) * HEAD_DIM;
  let value = key + NUM_KV_HEADS * HEAD_DIM;
  let cached_key = ((position - segment.start) * 2u * NUM_KV_HEADS + kv_head) * HEAD_DIM;
  let cached_value = cached_key + NUM_KV_HEADS * HEAD_DIM;
  for (var channel = local; channel < half_dim; channel += WORKGROUP_SIZE) {
    let turn = rotation(position, channel);
    for (var base = query; base < query + num_queries * HEAD_DIM; base += HEAD_DIM) {
      let pair = rotated(base, channel, turn);
      qkv[base + channel] = pair.x;
      qkv[base + half_dim + channel] = pair.y;
    }
    let pair = rotated(key, channel, turn);
    cache[cached_key + channel] = pair.x;
    cache[cached_key + half_dim + channel] = pair.y;
    cache[cached_value + channel] = qkv[value + channel];
    cache[cached_value + half_dim + channel] = qkv[value + half_dim + channel];
  }
}
