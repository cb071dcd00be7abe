// How the keys of a block are split over workgroups: as many splits as fill a GPU, none shorter than is worth a workgroup.
// The kernel declares `override NUM_HEADS, NUM_KV_HEADS, MAX_WORKGROUPS, MIN_SPLIT_KEYS: u32` and binds `call` and
// `step`; it appends common/key_window.wgsl.
const ROW_TILE: u32 = 64u;  // rows of a workgroup: the queries of all heads that share a KV head, token by token
const KEY_TILE: u32 = 32u;

/// Keys of a split, whole tiles of them: split number n begins at index n times this, in whatever segment.
fn split_length() -> u32 {
  let num_rows = call.num_tokens * (NUM_HEADS / NUM_KV_HEADS);
  let num_tiles = NUM_KV_HEADS * ((num_rows + ROW_TILE - 1u) / ROW_TILE);
  let max_splits = max(1u, MAX_WORKGROUPS / num_tiles);
  let length = max(MIN_SPLIT_KEYS, (first_index() + call.num_tokens + max_splits - 1u) / max_splits);
  return (length + KEY_TILE - 1u) / KEY_TILE * KEY_TILE;
}
