// rope_append: queries and keys of a block rotated, and keys and values appended to one segment of the KV cache.
//   q = rotate(q, position);  cache[slot of the position] = (rotate(k, position), v)
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 segment: Segment, uniform — keys that this segment holds
//   2 step: Step, read — position of the block's first token
//   3 rope_table: array<vec2<f32>>, read — (2, 2048, head_dim / 2), cos and sin
//   4 qkv: array<f32>, read_write — (num_tokens, num_heads + 2 num_kv_heads, head_dim): queries, updated in place, keys, values
//   5 cache: array<CachedQuad>, read_write — (capacity, 2, num_kv_heads, row_quads()), slots of this block's tokens written
// Dispatch: (num_tokens, num_kv_heads, 1) workgroups; each owns one KV head's key and value of one token, and the queries
//   that read them. Tokens outside the segment are left to the dispatch of another segment. A ring is longer than a block.
// Source: arXiv:2104.09864 (RoPE), "rotate half" pairing
// Reference: src/reference/kernels/rope-append.ts, ropeAppend
// Appends: common/call.wgsl, common/step.wgsl, common/key_window.wgsl, common/segment.wgsl, common/rope.wgsl,
//   common/reduce.wgsl, common/kv_FORMAT.wgsl

override WORKGROUP_SIZE: u32;
override NUM_HEADS: u32;
override NUM_KV_HEADS: u32;
override HEAD_DIM: u32;
override FIRST_KEYS: u32;
override LAST_KEYS: u32;

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<uniform> segment: Segment;
@group(0) @binding(2) var<storage, read> step: Step;
@group(0) @binding(3) var<storage, read> rope_table: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(5) var<storage, read_write> cache: array<CachedQuad>;

var<workgroup> appended: array<f32, 2u * HEAD_DIM>;  // the key, rotated, and the value

/// Two neighbouring channels of a row, from `channel` on, and their partners half a row further, turned.
struct Turned {
  low: vec2<f32>,
  high: vec2<f32>,
}

fn pair(at: u32) -> vec2<f32> {
  return vec2<f32>(qkv[at], qkv[at + 1u]);
}

fn turned(row: u32, channel: u32, cosines: vec2<f32>, sines: vec2<f32>) -> Turned {
  let low = pair(row + channel);
  let high = pair(row + HEAD_DIM / 2u + channel);
  return Turned(low * cosines - high * sines, high * cosines + low * sines);
}

/// Four channels of the key (part 0) or value (part 1).
fn appended_quad(part: u32, quad: u32) -> vec4<f32> {
  let at = part * HEAD_DIM + 4u * quad;
  return vec4<f32>(appended[at], appended[at + 1u], appended[at + 2u], appended[at + 3u]);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn rope_append(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let token = workgroup.x;
  let kv_head = workgroup.y;
  let position = step.position + token;
  let index = first_index() + token;
  if (token >= call.num_tokens || index < segment.start || index - segment.start >= segment.length) {
    return;
  }
  let half_dim = HEAD_DIM / 2u;
  let num_queries = NUM_HEADS / NUM_KV_HEADS;
  let first = token * (NUM_HEADS + 2u * NUM_KV_HEADS) * HEAD_DIM;
  let query = first + kv_head * num_queries * HEAD_DIM;
  let key = first + (NUM_HEADS + kv_head) * HEAD_DIM;
  let value = key + NUM_KV_HEADS * HEAD_DIM;
  for (var channel = 2u * local; channel < half_dim; channel += 2u * WORKGROUP_SIZE) {
    let first_turn = rotation(position, channel);
    let second_turn = rotation(position, channel + 1u);
    let cosines = vec2<f32>(first_turn.x, second_turn.x);
    let sines = vec2<f32>(first_turn.y, second_turn.y);
    for (var row = query; row < query + num_queries * HEAD_DIM; row += HEAD_DIM) {
      let pairs = turned(row, channel, cosines, sines);
      qkv[row + channel] = pairs.low.x;
      qkv[row + channel + 1u] = pairs.low.y;
      qkv[row + half_dim + channel] = pairs.high.x;
      qkv[row + half_dim + channel + 1u] = pairs.high.y;
    }
    let pairs = turned(key, channel, cosines, sines);
    appended[channel] = pairs.low.x;
    appended[channel + 1u] = pairs.low.y;
    appended[half_dim + channel] = pairs.high.x;
    appended[half_dim + channel + 1u] = pairs.high.y;
  }
  for (var channel = local; channel < HEAD_DIM; channel += WORKGROUP_SIZE) {
    appended[HEAD_DIM + channel] = qkv[value + channel];
  }
  workgroupBarrier();
  let slot = turned_slot(index - segment.start, slot_turn());
  for (var part = 0u; part < 2u; part++) {
    let row = ((slot * 2u + part) * NUM_KV_HEADS + kv_head) * row_quads();
    var scale = 1.0;
    if (HAS_SCALE) {
      var largest = vec4<f32>();
      for (var quad = local; quad < HEAD_DIM / 4u; quad += WORKGROUP_SIZE) {
        largest = max(largest, abs(appended_quad(part, quad)));
      }
      scale = row_scale(workgroup_max(max(max(largest.x, largest.y), max(largest.z, largest.w)), local));
      if (local == 0u) {
        cache[row + HEAD_DIM / 4u] = pack_scale(scale);
      }
    }
    for (var quad = local; quad < HEAD_DIM / 4u; quad += WORKGROUP_SIZE) {
      cache[row + quad] = pack_quad(appended_quad(part, quad), scale);
    }
  }
}
