// How a block is cut into chunks for lightning attention's block form, and the tensor that its three kernels share.

import { expectShape, type Tensor } from "../gpu/tensor.ts";

/** Tokens of a chunk; the last of a block may have fewer. More chunks are more workgroups, shorter ones less arithmetic and
 * more memory. `lightning_output` is laid out for 32. */
export const CHUNK_TOKENS = 32;

/** State columns of one workgroup, in the kernels that compute tiles of it. */
export const STATE_TILE_COLUMNS = 64;

export interface LightningConstants {
  readonly numHeads: number;
  /** A multiple of 4, at most 128. */
  readonly headDim: number;
}

export function numChunks(numTokens: number): number {
  return Math.ceil(numTokens / CHUNK_TOKENS);
}

/** Throws RangeError unless `chunkStates` is (num_chunks, num_heads, head_dim, head_dim) for the rows of `qkv`. */
export function expectChunkStates(chunkStates: Tensor, qkv: Tensor, { numHeads, headDim }: LightningConstants): void {
  expectShape(chunkStates, [numChunks(qkv.shape[0]!), numHeads, headDim, headDim]);
}
