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

export interface LightningOutputTensors {
  readonly call: Tensor;
  /** (blockSize, numHeads * 3 * headDim): q, k, v of each head, after silu */
  readonly qkv: Tensor;
  /** (numHeads) of this layer */
  readonly slopes: Tensor;
  /** (numChunks(blockSize), numHeads, headDim, headDim): the state before each chunk */
  readonly chunkStates: Tensor;
  /** (blockSize, numHeads * headDim), written */
  readonly attentionOutput: Tensor;
}

/** Compiles `lightning_output`. */
export async function createLightningOutput(session: GpuSession, constants: LightningConstants) {
  const { numHeads, headDim } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "lightning_output",
      appends: ["common/call", "common/lightning_qkv"],
      bindings: ["uniform", "read", "read", "read", "read_write"],
    },
    {
      // Four columns of two tokens a thread.
      WORKGROUP_SIZE: (CHUNK_TOKENS * STATE_TILE_COLUMNS) / 8,
      NUM_HEADS: numHeads,
      HEAD_DIM: headDim,
      CHUNK_TOKENS,
      TILE_COLUMNS: STATE_TILE_COLUMNS,
    },
  );
  return (label: string, tensors: LightningOutputTensors): Dispatch => {
    const { call, qkv, slopes, chunkStates, attentionOutput } = tensors;
    expectRows(qkv, [numHeads * 3 * headDim]);
    expectShape(slopes, [numHeads]);
    expectChunkStates(chunkStates, qkv, constants);
    expectRows(attentionOutput, [numHeads * headDim]);
    const bound = [call, qkv, slopes, chunkStates, attentionOutput];
    return createDispatch(session, kernel, label, bound, (numTokens) => [
      numHeads,
      numChunks(numTokens),
      Math.ceil(headDim / STATE_TILE_COLUMNS),
    ]);
  };
}
