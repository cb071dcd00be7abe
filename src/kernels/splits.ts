// How a block's keys are split over workgroups (shaders/common/splits.wgsl): sizes, and how many splits there can be.

import type { GpuSession } from "../gpu/session.ts";
import { isProcessor } from "./matvec.ts";

export interface SplitShape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** Workgroups that the splits of a block make at most, unless its rows alone make more. */
  readonly maxWorkgroups: number;
}

/** Rows of a workgroup of attention_block: ROW_TILE in the shader. */
const ROW_TILE = 64;
/** Keys of a split at least: fewer are not worth a workgroup and their part in combining. */
const MIN_SPLIT_KEYS = 256;
/** Several on each multiprocessor of a large GPU; a small one does not mind. */
const GPU_WORKGROUPS = 768;
/** A processor that plays GPU has few cores to fill, and each workgroup costs. */
const PROCESSOR_WORKGROUPS = 16;

/** As many workgroups as fill the GPU once. */
export function fillingWorkgroups(session: GpuSession): number {
  return isProcessor(session) ? PROCESSOR_WORKGROUPS : GPU_WORKGROUPS;
}

/** What shaders/common/splits.wgsl needs. */
export function splitConstants({ numHeads, numKvHeads, maxWorkgroups }: SplitShape) {
  return { NUM_HEADS: numHeads, NUM_KV_HEADS: numKvHeads, MAX_WORKGROUPS: maxWorkgroups, MIN_SPLIT_KEYS };
}

/** Workgroups of attention_block's grid for a block: tiles of rows, KV heads, and the most splits that the shader makes. */
export function splitGrid(shape: SplitShape, numTokens: number): readonly [number, number, number] {
  const { numHeads, numKvHeads, maxWorkgroups } = shape;
  const numTiles = Math.ceil((numTokens * (numHeads / numKvHeads)) / ROW_TILE);
  return [numTiles, numKvHeads, Math.max(1, Math.floor(maxWorkgroups / (numTiles * numKvHeads)))];
}

/** Results, one for each split of each head of each token, that blocks of up to `blockSize` tokens can have. */
export function maxSplitRows({ numHeads, maxWorkgroups }: SplitShape, blockSize: number): number {
  // A grid of at most maxWorkgroups has at most ROW_TILE rows in each; a larger grid has one split.
  return Math.max(blockSize * numHeads, maxWorkgroups * ROW_TILE);
}
