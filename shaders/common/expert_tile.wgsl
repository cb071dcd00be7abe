// Which expert's tokens a tile of the sorted slots holds. The kernel declares `override TILE_TOKENS, NUM_EXPERTS: u32`
// and binds `expert_offsets`.
struct ExpertTile {
  expert: u32,
  first: u32,  // of sorted_slots
  end: u32,    // first == end: a surplus tile
}

/// Tile number `index`, when each expert's slots are cut into tiles of TILE_TOKENS.
fn find_expert_tile(index: u32) -> ExpertTile {
  var before = 0u;
  for (var expert = 0u; expert < NUM_EXPERTS; expert++) {
    let start = expert_offsets[expert];
    let end = expert_offsets[expert + 1u];
    let num_tiles = (end - start + TILE_TOKENS - 1u) / TILE_TOKENS;
    if (index < before + num_tiles) {
      let first = start + (index - before) * TILE_TOKENS;
      return ExpertTile(expert, first, min(first + TILE_TOKENS, end));
    }
    before += num_tiles;
  }
  return ExpertTile(0u, 0u, 0u);
}
