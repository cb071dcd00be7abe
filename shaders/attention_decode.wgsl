// attention_decode: softmax attention of one token over one segment of the KV cache, split over workgroups, and the
//   token's own key and value appended.
//   partials[split, head] = sum of exp(score - largest) v, with score = q · k / sqrt(head_dim), over the keys of the split;
//   stats[split, head] = (largest, sum of exp(score - largest))
// Bindings:
//   0 segment: Segment, uniform — keys that this segment holds
//   1 step: Step, read — position of the token; done: nothing is appended
//   2 qkv: array<vec4<f32>>, read — (1, num_heads + 2 num_kv_heads, head_dim), queries and keys rotated
//   3 cache: array<CachedQuad>, read_write — (capacity, 2, num_kv_heads, row_quads()), the token's slot written in its segment
//   4 stats: array<vec2<f32>>, read_write — (splits, num_heads), updated where an earlier segment began the split
//   5 partials: array<f32>, read_write — (splits, num_heads, head_dim), likewise
// Dispatch: (num_kv_heads, MAX_SPLITS, 1) workgroups; each owns the keys of one split for the query heads of one KV head, and
//   appends the token's key and value of that head in the split that holds them. Segments are dispatched in order.
// Source: flash-decoding (Dao et al. 2023), arXiv:2205.14135
// Reference: src/reference/kernels/attention-decode.ts, attentionDecode
// Appends: common/step.wgsl, common/key_window.wgsl, common/segment.wgsl, common/decode_splits.wgsl, common/cached_rows.wgsl,
//   common/kv_FORMAT.wgsl

override WORKGROUP_SIZE: u32;  // at least head_dim / 4
override NUM_HEADS: u32;
override NUM_KV_HEADS: u32;
override HEAD_DIM: u32;
override HEADS: u32;  // query heads at a time, at most four: the components of a vector
override MAX_SPLITS: u32;
override SPLIT_UNIT: u32;
override FIRST_KEYS: u32;
override LAST_KEYS: u32;

const LOWEST_SCORE: f32 = -1e30;

@group(0) @binding(0) var<uniform> segment: Segment;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> cache: array<CachedQuad>;
@group(0) @binding(4) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

var<workgroup> queries: array<vec4<f32>, HEAD_DIM>;  // a channel of HEADS heads, scaled
var<workgroup> own_rows: array<CachedQuad, HEAD_DIM / 2u>;  // the token's key, then its value, as the cache holds them
var<workgroup> own_scales: array<CachedQuad, 2>;
// For each tile of keys scores of HEADS heads, KEY_LANES of each key; in the end each thread's sums, one head after another.
var<workgroup> parts: array<vec4<f32>, HEADS * WORKGROUP_SIZE>;
var<workgroup> set_largest: array<vec4<f32>, WORKGROUP_SIZE * 4u / HEAD_DIM>;  // score, of a key set so far
var<workgroup> set_totals: array<vec4<f32>, WORKGROUP_SIZE * 4u / HEAD_DIM>;

/// Column by column sums + weights · values, a column for each head.
fn add_products(sums: mat4x4<f32>, weights: vec4<f32>, values: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    sums[0] + weights.x * values, sums[1] + weights.y * values, sums[2] + weights.z * values, sums[3] + weights.w * values,
  );
}

fn partial_quad(row: u32, column4: u32) -> vec4<f32> {
  let at = row * HEAD_DIM + 4u * column4;
  return vec4<f32>(partials[at], partials[at + 1u], partials[at + 2u], partials[at + 3u]);
}

/// Attention of the heads from `head` on, below `end_head`, over the segment's keys from `first` on, below `end`; key
/// `own_key` is the token's own.
fn attend(head: u32, end_head: u32, kv_head: u32, split: u32, first: u32, end: u32, own_key: u32, is_begun: bool, local: u32) {
  // Scores take KEY_LANES threads a key; values take head_dim / 4 threads a key, each such key set with a softmax of its own
  // over every num_sets-th key, so that nothing but the scores is exchanged until the end.
  let row4 = HEAD_DIM / 4u;
  let tile_keys = WORKGROUP_SIZE / KEY_LANES;
  let num_sets = WORKGROUP_SIZE / row4;
  let turn = slot_turn();
  let key_set = local / row4;
  let column4 = local % row4;
  // Keys and values are asked for together, before anything else. What is read of the token's own slot, while it is being
  // written, counts for nothing: its key and value are taken from `own_rows`.
  var key_row = cached_row(turned_slot(min(first + local / KEY_LANES, end - 1u), turn), 0u, kv_head);
  var key_quads = read_key(key_row, local % KEY_LANES);
  var values = read_values(first, min(tile_keys, end - first), key_set, num_sets, kv_head, column4, turn);
  for (var channel = local; channel < HEAD_DIM; channel += WORKGROUP_SIZE) {
    var query = vec4<f32>();
    for (var i = 0u; i < HEADS; i++) {
      if (head + i < end_head) {
        query[i] = qkv[(head + i) * row4 + channel / 4u][channel % 4u] / sqrt(f32(HEAD_DIM));
      }
    }
    queries[channel] = query;
  }
  var largest = vec4<f32>(LOWEST_SCORE);
  var totals = vec4<f32>();
  var sums = mat4x4<f32>();
  if (is_begun && key_set == 0u) {
    // Each head by itself: a matrix that is indexed by a variable does not stay in registers.
    let row = split * NUM_HEADS + head;
    let last_row = split * NUM_HEADS + end_head - 1u;
    let rows = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(last_row));
    let begun = array<vec2<f32>, 4>(stats[rows.x], stats[rows.y], stats[rows.z], stats[rows.w]);
    largest = vec4<f32>(begun[0].x, begun[1].x, begun[2].x, begun[3].x);
    totals = vec4<f32>(begun[0].y, begun[1].y, begun[2].y, begun[3].y);
    sums = mat4x4<f32>(
      partial_quad(rows.x, column4), partial_quad(rows.y, column4),
      partial_quad(rows.z, column4), partial_quad(rows.w, column4),
    );
  }
  workgroupBarrier();

  for (var tile = first; tile < end; tile += tile_keys) {
    let num_keys = min(tile_keys, end - tile);
    let key = min(tile + local / KEY_LANES, end - 1u);
    if (tile != first) {
      key_row = cached_row(turned_slot(key, turn), 0u, kv_head);
      key_quads = read_key(key_row, local % KEY_LANES);
      values = read_values(tile, num_keys, key_set, num_sets, kv_head, column4, turn);
    }
    var score_part = vec4<f32>();
    for (var first_column = 0u; first_column < row4; first_column += BATCH * KEY_LANES) {
      if (first_column > 0u) {
        key_quads = read_key(key_row, first_column + local % KEY_LANES);
      }
      for (var i = 0u; i < BATCH; i++) {
        let column = first_column + i * KEY_LANES + local % KEY_LANES;
        if (column < row4) {
          var quad = key_quads[i];
          if (key == own_key) {
            quad = own_rows[column];
          }
          let channels = unpack_quad(quad);
          score_part += channels.x * queries[4u * column];
          score_part += channels.y * queries[4u * column + 1u];
          score_part += channels.z * queries[4u * column + 2u];
          score_part += channels.w * queries[4u * column + 3u];
        }
      }
    }
    if (HAS_SCALE) {
      var scale = own_scales[0];
      if (key != own_key) {
        scale = cache[key_row + row4];
      }
      score_part *= unpack_scale(scale);
    }
    parts[local] = score_part;
    workgroupBarrier();
    if (key_set < num_sets) {
      var new_largest = largest;
      for (var i = 0u; i < set_keys(); i++) {
        let j = min(key_set + i * num_sets, num_keys - 1u);
        new_largest = max(new_largest, parts[2u * j] + parts[2u * j + 1u]);
      }
      let shrinks = exp(largest - new_largest);
      largest = new_largest;
      totals *= shrinks;
      sums = mat4x4<f32>(sums[0] * shrinks.x, sums[1] * shrinks.y, sums[2] * shrinks.z, sums[3] * shrinks.w);
      for (var first_key = 0u; first_key < set_keys(); first_key += BATCH) {
        if (first_key > 0u) {
          values = read_values(tile, num_keys, key_set + first_key * num_sets, num_sets, kv_head, column4, turn);
        }
        for (var i = 0u; i < BATCH; i++) {
          if (first_key + i < set_keys()) {
            let key_of_tile = key_set + (first_key + i) * num_sets;
            let j = min(key_of_tile, num_keys - 1u);
            var quad = values.quads[i];
            var scale = values.scales[i];
            if (tile + j == own_key) {
              quad = own_rows[row4 + column4];
              scale = own_scales[1];
            }
            var channels = unpack_quad(quad);
            if (HAS_SCALE) {
              channels *= unpack_scale(scale);
            }
            let scores = parts[2u * j] + parts[2u * j + 1u];
            // Keys past the end weigh nothing.
            let weights = select(vec4<f32>(), exp(min(scores - largest, vec4<f32>())), key_of_tile < num_keys);
            totals += weights;
            sums = add_products(sums, weights, channels);
          }
        }
      }
      if (column4 == 0u) {
        set_largest[key_set] = largest;
      }
    }
    workgroupBarrier();
  }

  // The key sets together.
  var all_largest = set_largest[0];
  for (var i = 1u; i < num_sets; i += 4u) {
    let last = num_sets - 1u;
    let pair = max(set_largest[i], set_largest[min(i + 1u, last)]);
    all_largest = max(all_largest, max(pair, max(set_largest[min(i + 2u, last)], set_largest[min(i + 3u, last)])));
  }
  let shrinks = exp(largest - all_largest);
  if (key_set < num_sets) {
    if (column4 == 0u) {
      set_totals[key_set] = totals * shrinks;
    }
    parts[local] = sums[0] * shrinks.x;
    if (HEADS > 1u) {
      parts[WORKGROUP_SIZE + local] = sums[1] * shrinks.y;
    }
    if (HEADS > 2u) {
      parts[2u * WORKGROUP_SIZE + local] = sums[2] * shrinks.z;
    }
    if (HEADS > 3u) {
      parts[3u * WORKGROUP_SIZE + local] = sums[3] * shrinks.w;
    }
  }
  workgroupBarrier();
  let num_heads = min(HEADS, end_head - head);
  let row = split * NUM_HEADS + head;
  for (var i = local; i < num_heads * HEAD_DIM; i += WORKGROUP_SIZE) {
    let part = (i / HEAD_DIM) * WORKGROUP_SIZE + i % HEAD_DIM / 4u;
    var sum = 0.0;
    // Four at once, so that they arrive together.
    for (var other_set = 0u; other_set < num_sets; other_set += 4u) {
      sum += part_sum(part, other_set, i % 4u) + part_sum(part, other_set + 1u, i % 4u)
        + part_sum(part, other_set + 2u, i % 4u) + part_sum(part, other_set + 3u, i % 4u);
    }
    partials[row * HEAD_DIM + i] = sum;
  }
  // Not threads that have the longest way already.
  let stat = WORKGROUP_SIZE - 1u - local;
  if (stat < num_heads) {
    var total = 0.0;
    for (var other_set = 0u; other_set < num_sets; other_set += 4u) {
      total += set_total(other_set, stat) + set_total(other_set + 1u, stat)
        + set_total(other_set + 2u, stat) + set_total(other_set + 3u, stat);
    }
    stats[row + stat] = vec2<f32>(all_largest[stat], total);
  }
}

/// A key set's total of a head, zero past the last set.
fn set_total(key_set: u32, head: u32) -> f32 {
  let last = WORKGROUP_SIZE * 4u / HEAD_DIM - 1u;
  return select(0.0, set_totals[min(key_set, last)][head], key_set <= last);
}

/// A key set's sum of a channel, zero past the last set.
fn part_sum(first: u32, key_set: u32, channel: u32) -> f32 {
  let row4 = HEAD_DIM / 4u;
  let last = WORKGROUP_SIZE / row4 - 1u;
  return select(0.0, parts[first + min(key_set, last) * row4][channel], key_set <= last);
}

/// Writes four channels of the token's key or value, and with the first ones the row's scale, to its slot and for this
/// workgroup.
fn append(slot: u32, part: u32, kv_head: u32, column4: u32) {
  let row4 = HEAD_DIM / 4u;
  let first = (NUM_HEADS + part * NUM_KV_HEADS + kv_head) * row4;
  let row = cached_row(slot, part, kv_head);
  var scale = 1.0;
  if (HAS_SCALE) {
    var largest = vec4<f32>();
    for (var i = 0u; i < row4; i++) {
      largest = max(largest, abs(qkv[first + i]));
    }
    scale = row_scale(max(max(largest.x, largest.y), max(largest.z, largest.w)));
    if (column4 == 0u) {
      own_scales[part] = pack_scale(scale);
      cache[row + row4] = pack_scale(scale);
    }
  }
  let quad = pack_quad(qkv[first + column4], scale);
  own_rows[part * row4 + column4] = quad;
  cache[row + column4] = quad;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn attention_decode(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let kv_head = workgroup.x;
  let split = workgroup.y;
  let split_start = split * split_length();
  let start = max(split_start, segment.start);
  let own_index = first_index();
  let end = min(min(split_start + split_length(), segment.start + segment.length), own_index + 1u);
  if (start >= end) {
    return;
  }
  let own_key = own_index - segment.start;
  // One half of the threads appends the key, the other the value.
  let part = local / (WORKGROUP_SIZE / 2u);
  let column4 = local % (WORKGROUP_SIZE / 2u);
  if (end == own_index + 1u && step.done == 0u && column4 < HEAD_DIM / 4u) {
    append(turned_slot(own_key, slot_turn()), part, kv_head, column4);
  }
  let num_queries = NUM_HEADS / NUM_KV_HEADS;
  let end_head = (kv_head + 1u) * num_queries;
  let is_begun = split_start < segment.start;
  for (var head = kv_head * num_queries; head < end_head; head += HEADS) {
    attend(head, end_head, kv_head, split, start - segment.start, end - segment.start, own_key, is_begun, local);
  }
}
