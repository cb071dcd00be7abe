import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";
import {
  CHUNK_TOKENS,
  expectChunkStates,
  type LightningConstants,
  numChunks,
  STATE_TILE_COLUMNS,
} from "./chunk-states.ts";

/** With STATE_TILE_COLUMNS, 4 · 4 elements a thread. */
const TILE_ROWS = 32;

export interface LightningChunkTensors {
  readonly call: Tensor;
  /** (blockSize, numHeads * 3 * headDim): q, k, v of each head, after silu */
  readonly qkv: Tensor;
  /** (numHeads) of this layer */
  readonly slopes: Tensor;
  /** (numChunks(blockSize), numHeads, headDim, headDim), written */
  readonly chunkStates: Tensor;
}

/** Compiles `lightning_chunk`. */
export async function createLightningChunk(session: GpuSession, constants: LightningConstants) {
  const { numHeads, headDim } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "lightning_chunk",
      appends: ["common/call", "common/lightning_qkv"],
      bindings: ["uniform", "read", "read", "read_write"],
    },
    {
      WORKGROUP_SIZE: (TILE_ROWS * STATE_TILE_COLUMNS) / 16,
      NUM_HEADS: numHeads,
      HEAD_DIM: headDim,
      CHUNK_TOKENS,
      TILE_ROWS,
      TILE_COLUMNS: STATE_TILE_COLUMNS,
    },
  );
  const numTiles = Math.ceil(headDim / TILE_ROWS) * Math.ceil(headDim / STATE_TILE_COLUMNS);
  return (label: string, { call, qkv, slopes, chunkStates }: LightningChunkTensors): Dispatch => {
    expectRows(qkv, [numHeads * 3 * headDim]);
    expectShape(slopes, [numHeads]);
    expectChunkStates(chunkStates, qkv, constants);
    return createDispatch(session, kernel, label, [call, qkv, slopes, chunkStates], (numTokens) => [
      numHeads,
      numChunks(numTokens),
      numTiles,
    ]);
  };
}
