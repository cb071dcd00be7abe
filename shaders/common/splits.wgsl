// How the keys of a block are split over workgroups: as many splits as fill a GPU, none shorter than is worth a workgroup.
// Each segment is split anew, so that all of its splits are at work however many segments there are; what splits of the same
// number find is added up over the segments.
// The kernel declares `override NUM_HEADS, NUM_KV_HEADS, MAX_WORKGROUPS, MIN_SPLIT_KEYS: u32` and binds `call` and
// `step`; it appends common/key_window.wgsl.
const ROW_TILE: u32 = 64u;  // rows of a workgroup: the queries of all heads that share a KV head, token by token
const KEY_TILE: u32 = 32u;

/// Splits that a block's workgroups allow.
fn max_splits() -> u32 {
  let num_rows = call.num_tokens * (NUM_HEADS / NUM_KV_HEADS);
  let num_tiles = NUM_KV_HEADS * ((num_rows + ROW_TILE - 1u) / ROW_TILE);
  return max(1u, MAX_WORKGROUPS / num_tiles);
}

/// Splits of a block: no segment has more.
fn num_splits() -> u32 {
  return min(max_splits(), (first_index() + call.num_tokens + MIN_SPLIT_KEYS - 1u) / MIN_SPLIT_KEYS);
}

/// Keys of a split, whole tiles of them, in a segment of which the block sees `num_keys`.
fn split_length(num_keys: u32) -> u32 {
  let length = max(MIN_SPLIT_KEYS, (num_keys + max_splits() - 1u) / max_splits());
  return (length + KEY_TILE - 1u) / KEY_TILE * KEY_TILE;
}
