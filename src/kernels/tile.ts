// The tile of the blocked matrix products (shaders/common/tile.wgsl): sizes, and how many tiles cover a block.

/** Input rows (tokens or slots) and weight rows of one tile; a thread computes 4 × 4 of it. */
export const TILE_TOKENS = 32;
export const TILE_ROWS = 64;

export const TILE_CONSTANTS = { TILE_TOKENS, TILE_ROWS, WORKGROUP_SIZE: (TILE_TOKENS * TILE_ROWS) / 16 };

/** Most tiles that `numSlots` slots of `numExperts` experts can need: each expert ends in one unfilled tile at most. */
export function expertTileBound(numSlots: number, numExperts: number): number {
  return Math.ceil(numSlots / TILE_TOKENS) + Math.min(numExperts, numSlots);
}
