// attention_block: causal softmax attention of a block's queries over one segment of the KV cache, split over workgroups.
//   partials[split, token, head] = sum of exp(score - largest) v, with score = q · k / sqrt(head_dim), over the keys of the
//   segments' splits of that number that the token sees;  stats[split, token, head] = (largest, sum of exp(score - largest))
// Bindings:
//   0 call: Call, uniform — num_tokens
//   1 segment: Segment, uniform — keys that this segment holds
//   2 step: Step, read — position of the block's first token
//   3 qkv: array<vec4<f32>>, read — (num_tokens, num_heads + 2 num_kv_heads, head_dim), queries rotated
//   4 cache: array<CachedQuad>, read — (capacity, 2, num_kv_heads, row_quads()), keys rotated
//   5 stats: array<vec2<f32>>, read_write — (splits, num_tokens, num_heads), written by the first segment, updated by others
//   6 partials: array<vec4<f32>>, read_write — (splits, num_tokens, num_heads, head_dim), likewise
// Dispatch: (rows / 64 rounded up, num_kv_heads, splits at most) workgroups of 8 × 8; each owns 64 rows of one KV head, a row
//   being one token's query of one of the heads that share it, and the keys of one split. Segments are dispatched in order.
// Source: arXiv:2307.08691 (FlashAttention-2); flash-decoding (Dao et al. 2023)
// Reference: src/reference/kernels/attention-block.ts, attentionBlock
// Appends: common/call.wgsl, common/step.wgsl, common/key_window.wgsl, common/segment.wgsl, common/splits.wgsl,
//   common/kv_FORMAT.wgsl

override NUM_HEADS: u32;
override NUM_KV_HEADS: u32;
override HEAD_DIM: u32;
override MAX_WORKGROUPS: u32;
override MIN_SPLIT_KEYS: u32;
override FIRST_KEYS: u32;
override LAST_KEYS: u32;
override VALUE_KEYS: u32;  // keys whose values are staged at once: VALUE_KEYS · head_dim ≤ 1024

const LOWEST_SCORE: f32 = -1e30;  // of masked keys, and before the first key

/// Four columns of a thread's eight rows.
struct Rows {
  r0: vec4<f32>, r1: vec4<f32>, r2: vec4<f32>, r3: vec4<f32>,
  r4: vec4<f32>, r5: vec4<f32>, r6: vec4<f32>, r7: vec4<f32>,
}

@group(0) @binding(0) var<uniform> call: Call;
@group(0) @binding(1) var<uniform> segment: Segment;
@group(0) @binding(2) var<storage, read> step: Step;
@group(0) @binding(3) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> cache: array<CachedQuad>;
@group(0) @binding(5) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read_write> partials: array<vec4<f32>>;

// Both products, scores = Q Kᵀ and sums = P V, are left · right over tiles in workgroup memory. Thread (x, y) has the rows
// y + 8i and the columns of quads x, x + 8, … The order within a tile keeps a warp's reads in different banks:
// left[i][8y + (q ^ y)]: row y + 8i, quad q: of 32 channels of the queries, or of the weights of 32 keys;
// right[c][8q + (x ^ q)]: channel 4q + c of the keys of quad x; right[c][q · head_dim/4 + x]: value of key 4q + c, quad x.
var<workgroup> left: array<array<vec4<f32>, 64>, 8>;
var<workgroup> right: array<array<vec4<f32>, 64>, 4>;
var<workgroup> shrinks: array<array<f32, 8>, 8>;

fn left_rows(i: u32) -> Rows {
  return Rows(left[0][i], left[1][i], left[2][i], left[3][i], left[4][i], left[5][i], left[6][i], left[7][i]);
}

fn right_rows(i: u32) -> mat4x4<f32> {
  return mat4x4<f32>(right[0][i], right[1][i], right[2][i], right[3][i]);
}

/// sum + factors · rows, as a chain of multiply-adds.
fn add_product(sum: vec4<f32>, factors: vec4<f32>, rows: mat4x4<f32>) -> vec4<f32> {
  return (((sum + factors.x * rows[0]) + factors.y * rows[1]) + factors.z * rows[2]) + factors.w * rows[3];
}

fn add_products(sums: Rows, factors: Rows, rows: mat4x4<f32>) -> Rows {
  return Rows(
    add_product(sums.r0, factors.r0, rows), add_product(sums.r1, factors.r1, rows),
    add_product(sums.r2, factors.r2, rows), add_product(sums.r3, factors.r3, rows),
    add_product(sums.r4, factors.r4, rows), add_product(sums.r5, factors.r5, rows),
    add_product(sums.r6, factors.r6, rows), add_product(sums.r7, factors.r7, rows),
  );
}

fn shrunk(sums: Rows, y: u32) -> Rows {
  return Rows(
    sums.r0 * shrinks[0][y], sums.r1 * shrinks[1][y], sums.r2 * shrinks[2][y], sums.r3 * shrinks[3][y],
    sums.r4 * shrinks[4][y], sums.r5 * shrinks[5][y], sums.r6 * shrinks[6][y], sums.r7 * shrinks[7][y],
  );
}

fn store_left(i: u32, rows: Rows) {
  left[0][i] = rows.r0;
  left[1][i] = rows.r1;
  left[2][i] = rows.r2;
  left[3][i] = rows.r3;
  left[4][i] = rows.r4;
  left[5][i] = rows.r5;
  left[6][i] = rows.r6;
  left[7][i] = rows.r7;
}

/// Four channels of a slot's key (part 0) or value (part 1).
fn cached(slot: u32, part: u32, kv_head: u32, quad: u32) -> vec4<f32> {
  let row = ((slot * 2u + part) * NUM_KV_HEADS + kv_head) * row_quads();
  var values = unpack_quad(cache[row + quad]);
  if (HAS_SCALE) {
    values *= unpack_scale(cache[row + HEAD_DIM / 4u]);
  }
  return values;
}

/// A quarter of the query of a row; rows past the block repeat the last.
fn query(row: u32, kv_head: u32, quad: u32) -> vec4<f32> {
  let num_queries = NUM_HEADS / NUM_KV_HEADS;
  let used_row = min(row, call.num_tokens * num_queries - 1u);
  let head = kv_head * num_queries + used_row % num_queries;
  return qkv[((used_row / num_queries) * (NUM_HEADS + 2u * NUM_KV_HEADS) + head) * (HEAD_DIM / 4u) + quad];
}

/// Where a row's results begin, in rows of head_dim.
fn result_row(split: u32, row: u32, kv_head: u32) -> u32 {
  let num_queries = NUM_HEADS / NUM_KV_HEADS;
  return (split * call.num_tokens + row / num_queries) * NUM_HEADS + kv_head * num_queries + row % num_queries;
}

/// Takes up the sums that an earlier segment left, of the columns of `quad`, by way of the thread's own part of `left`.
fn load_sums(split: u32, row: u32, kv_head: u32, quad: u32, own: u32) -> Rows {
  if (quad < HEAD_DIM / 4u) {
    for (var i = 0u; i < 8u; i++) {
      let used_row = min(row + 8u * i, call.num_tokens * (NUM_HEADS / NUM_KV_HEADS) - 1u);
      left[i][own] = partials[result_row(split, used_row, kv_head) * (HEAD_DIM / 4u) + quad];
    }
  }
  return left_rows(own);
}

/// Leaves them, likewise.
fn store_sums(split: u32, row: u32, kv_head: u32, quad: u32, own: u32, sums: Rows) {
  store_left(own, sums);
  for (var i = 0u; i < 8u; i++) {
    if (row + 8u * i < call.num_tokens * (NUM_HEADS / NUM_KV_HEADS) && quad < HEAD_DIM / 4u) {
      partials[result_row(split, row + 8u * i, kv_head) * (HEAD_DIM / 4u) + quad] = left[i][own];
    }
  }
}

@compute @workgroup_size(8, 8)
fn attention_block(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let x = local.x;
  let y = local.y;
  let own = 8u * y + (x ^ y);  // the thread's place in each left[i]
  let quads = HEAD_DIM / 4u;
  let num_queries = NUM_HEADS / NUM_KV_HEADS;
  let num_rows = call.num_tokens * num_queries;
  let first_row = workgroup.x * ROW_TILE;
  let kv_head = workgroup.y;
  let split = workgroup.z;
  if (first_row >= num_rows || split >= num_splits()) {
    return;
  }
  let first_query = first_index() + first_row / num_queries;
  let last_query = first_index() + (min(first_row + ROW_TILE, num_rows) - 1u) / num_queries;
  let segment_end = min(segment.start + segment.length, first_index() + call.num_tokens);
  let length = split_length(max(segment_end, segment.start) - segment.start);
  let start = segment.start + split * length;
  let end = min(min(start + length, segment_end), last_query + 1u);
  // The first segment leaves nothing unwritten: its splits without keys hold sums of nothing.
  if (start >= end && segment.index > 0u) {
    return;
  }

  // Of the row whose softmax this thread keeps: x + 8y of the tile.
  let own_row = first_row + x + 8u * y;
  let own_end = min(first_index() + own_row / num_queries + 1u, end);
  var largest = LOWEST_SCORE;
  var total = 0.0;
  var sums_0 = Rows();
  var sums_1 = Rows();
  var sums_2 = Rows();
  var sums_3 = Rows();
  if (segment.index > 0u) {
    if (own_row < num_rows) {
      let own = stats[result_row(split, own_row, kv_head)];
      largest = own.x;
      total = own.y;
    }
    sums_0 = load_sums(split, first_row + y, kv_head, x, own);
    if (quads > 8u) {
      sums_1 = load_sums(split, first_row + y, kv_head, x + 8u, own);
    }
    if (quads > 16u) {
      sums_2 = load_sums(split, first_row + y, kv_head, x + 16u, own);
      sums_3 = load_sums(split, first_row + y, kv_head, x + 24u, own);
    }
  }

  let turn = slot_turn();
  for (var tile = start; tile < end; tile += KEY_TILE) {
    // Keys past the end repeat the last one: they are masked.
    let tile_key = tile - segment.start;
    let last_key = end - 1u - segment.start;
    var scores = Rows();
    for (var first_quad = 0u; first_quad < quads; first_quad += 8u) {
      if (first_quad + x < quads) {
        for (var i = 0u; i < 8u; i++) {
          left[i][own] = query(first_row + y + 8u * i, kv_head, first_quad + x);
        }
        let key = tile_key + 4u * y;
        let keys = transpose(mat4x4<f32>(
          cached(turned_slot(min(key, last_key), turn), 0u, kv_head, first_quad + x),
          cached(turned_slot(min(key + 1u, last_key), turn), 0u, kv_head, first_quad + x),
          cached(turned_slot(min(key + 2u, last_key), turn), 0u, kv_head, first_quad + x),
          cached(turned_slot(min(key + 3u, last_key), turn), 0u, kv_head, first_quad + x),
        ));
        for (var c = 0u; c < 4u; c++) {
          right[c][8u * x + (y ^ x)] = keys[c];
        }
      }
      workgroupBarrier();
      for (var quad = 0u; quad < min(8u, quads - first_quad); quad++) {
        scores = add_products(scores, left_rows(8u * y + (quad ^ y)), right_rows(8u * quad + (x ^ quad)));
      }
      workgroupBarrier();
    }
    store_left(own, scores);
    for (var first_key = 0u; first_key < KEY_TILE; first_key += VALUE_KEYS) {
      for (var i = 8u * y + x; i < VALUE_KEYS * quads; i += 64u) {
        let key = i / quads;
        right[key % 4u][(key / 4u) * quads + i % quads] =
          cached(turned_slot(min(tile_key + first_key + key, last_key), turn), 1u, kv_head, i % quads);
      }
      workgroupBarrier();
      if (first_key == 0u) {
        let visible = max(own_end, tile) - tile;
        let is_masked = tile + KEY_TILE > min(first_query + 1u, end);
        // In constant memory mode, the keys between the first ones and a query's last ones.
        let hides = LAST_KEYS > 0u && tile + LAST_KEYS < last_query + 1u && tile + KEY_TILE > FIRST_KEYS;
        let hidden_end = max(first_index() + own_row / num_queries + 1u, LAST_KEYS) - LAST_KEYS;
        var new_largest = largest;
        for (var quad = 0u; quad < KEY_TILE / 4u; quad++) {
          let i = 8u * x + (quad ^ x);
          var score = left[y][i] / sqrt(f32(HEAD_DIM));
          if (is_masked) {
            score = select(vec4<f32>(LOWEST_SCORE), score, 4u * quad + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(visible));
          }
          if (hides) {
            let index = tile + 4u * quad + vec4<u32>(0u, 1u, 2u, 3u);
            let is_hidden = (index >= vec4<u32>(FIRST_KEYS)) & (index < vec4<u32>(hidden_end));
            score = select(score, vec4<f32>(LOWEST_SCORE), is_hidden);
          }
          left[y][i] = score;
          new_largest = max(new_largest, max(max(score.x, score.y), max(score.z, score.w)));
        }
        let shrink = exp(largest - new_largest);
        largest = new_largest;
        total *= shrink;
        shrinks[y][x] = shrink;
        for (var quad = 0u; quad < KEY_TILE / 4u; quad++) {
          let i = 8u * x + (quad ^ x);
          let weights = exp(left[y][i] - largest);
          left[y][i] = weights;
          total += (weights.x + weights.y) + (weights.z + weights.w);
        }
        workgroupBarrier();
        sums_0 = shrunk(sums_0, y);
        if (quads > 8u) {
          sums_1 = shrunk(sums_1, y);
        }
        if (quads > 16u) {
          sums_2 = shrunk(sums_2, y);
          sums_3 = shrunk(sums_3, y);
        }
      }
      for (var quad = 0u; quad < VALUE_KEYS / 4u; quad++) {
        let weights = left_rows(8u * y + ((first_key / 4u + quad) ^ y));
        sums_0 = add_products(sums_0, weights, right_rows(quad * quads + x));
        if (quads > 8u) {
          sums_1 = add_products(sums_1, weights, right_rows(quad * quads + x + 8u));
        }
        if (quads > 16u) {
          sums_2 = add_products(sums_2, weights, right_rows(quad * quads + x + 16u));
          sums_3 = add_products(sums_3, weights, right_rows(quad * quads + x + 24u));
        }
      }
      workgroupBarrier();
    }
  }
  store_sums(split, first_row + y, kv_head, x, own, sums_0);
  if (quads > 8u) {
    store_sums(split, first_row + y, kv_head, x + 8u, own, sums_1);
  }
  if (quads > 16u) {
    store_sums(split, first_row + y, kv_head, x + 16u, own, sums_2);
    store_sums(split, first_row + y, kv_head, x + 24u, own, sums_3);
  }
  if (own_row < num_rows) {
    stats[result_row(split, own_row, kv_head)] = vec2<f32>(largest, total);
  }
}
