// rope_append: keys of a block rotated, and keys and values appended to one segment of the KV cache.
//   cache[position - start] = (rotate(k, position), v)
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 segment: Segment, uniform — positions that this segment holds
//   2 step: Step, read — position of the block's first token
//   3 qkv: array<f32>, read — (num_tokens, num_heads + 2 num_kv_heads, head_dim): queries, keys, values
//   4 rope_table: array<vec2<f32>>, read — (2, 2048, head_dim / 2), cos and sin
//   5 cache: array<f32>, read_write — (capacity, 2, num_kv_heads, head_dim), rows of this block's tokens written
// Dispatch: (num_tokens, num_kv_heads, 1) workgroups; each owns one head's key and value of one token. Tokens outside the
//   segment are left to the dispatch of another segment.
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
@group(0) @binding(3) var<storage, read> qkv: array<f32>;
@group(0) @binding(4) var<storage, read> rope_table: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> cache: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn rope_append(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let token = workgroup.x;
  let kv_head = workgroup.y;
  let position = step.position + token;
  if (token >= call.num_tokens || position < segment.start || position - segment.start >= segment.length) {
    return;
  }
  let half_dim = HEAD_DIM / 2u;
  let key = (token * (NUM_HEADS + 2u * NUM_KV_HEADS) + NUM_HEADS + kv_head) * HEAD_DIM;
  let value = key + NUM_KV_HEADS * HEAD_DIM;
  let cached_key = ((position - segment.start) * 2u * NUM_KV_HEADS + kv_head) * HEAD_DIM;
  let cached_value = cached_key + NUM_KV_HEADS * HEAD_DIM;
  for (var channel = local; channel < half_dim; channel += WORKGROUP_SIZE) {
    let turn = rotation(position, channel);
    let low = qkv[key + channel];
    let high = qkv[key + half_dim + channel];
    cache[cached_key + channel] = low * turn.x - high * turn.y;
    cache[cached_key + half_dim + channel] = high * turn.x + low * turn.y;
    cache[cached_value + channel] = qkv[value + channel];
    cache[cached_value + half_dim + channel] = qkv[value + half_dim + channel];
  }
}
