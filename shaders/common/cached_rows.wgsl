// Keys and values as one token's attention reads them: a thread asks for several quads at once, long before it needs them.
// The kernel declares `override WORKGROUP_SIZE, NUM_KV_HEADS, HEAD_DIM: u32`, binds `cache` as array<CachedQuad>, and appends
// common/segment.wgsl and the cache's format.
const KEY_LANES: u32 = 2u;  // threads that share a key's scores
const BATCH: u32 = 8u;  // quads of keys, and of values, that a thread asks for at once

/// Where the row of a slot's key (part 0) or value (part 1) begins.
fn cached_row(slot: u32, part: u32, kv_head: u32) -> u32 {
  return ((slot * 2u + part) * NUM_KV_HEADS + kv_head) * row_quads();
}

struct Quads {
  quads: array<CachedQuad, BATCH>,
  scales: array<CachedQuad, BATCH>,  // where the cache has them
}

/// Every KEY_LANES-th quad of a key from `first` on; past the last one they repeat it.
fn read_key(key_row: u32, first: u32) -> array<CachedQuad, BATCH> {
  let row4 = HEAD_DIM / 4u;
  var quads: array<CachedQuad, BATCH>;
  for (var i = 0u; i < BATCH; i++) {
    if (i * KEY_LANES < row4) {
      quads[i] = cache[key_row + min(first + i * KEY_LANES, row4 - 1u)];
    }
  }
  return quads;
}

/// Keys of a tile that a key set weighs; values are read BATCH keys at a time.
fn set_keys() -> u32 {
  let num_sets = WORKGROUP_SIZE / (HEAD_DIM / 4u);
  return (WORKGROUP_SIZE / KEY_LANES + num_sets - 1u) / num_sets;
}

/// One quad of the values of keys `first`, `first + step`, … of a tile; past the last one they repeat it.
fn read_values(tile: u32, num_keys: u32, first: u32, step_keys: u32, kv_head: u32, column4: u32, turn: u32) -> Quads {
  var values: Quads;
  for (var i = 0u; i < BATCH; i++) {
    if (i < set_keys()) {
      let key = tile + min(first + i * step_keys, num_keys - 1u);
      let row = cached_row(turned_slot(key, turn), 1u, kv_head);
      values.quads[i] = cache[row + column4];
      if (HAS_SCALE) {
        values.scales[i] = cache[row + HEAD_DIM / 4u];
      }
    }
  }
  return values;
}
