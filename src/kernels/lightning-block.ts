import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";

/** Columns of the state that one workgroup owns: with SUB_BLOCK they fit 16 KB of workgroup memory at head_dim 128. */
const VALUE_COLUMNS = 16;
const SUB_BLOCK = 32;

export interface LightningBlockConstants {
  readonly numHeads: number;
  /** A multiple of 4, at most 128. */
  readonly headDim: number;
}

export interface LightningBlockTensors {
  readonly call: Tensor;
  /** (blockSize, numHeads * 3 * headDim): q, k, v of each head, after silu */
  readonly qkv: Tensor;
  /** (numHeads) of this layer */
  readonly slopes: Tensor;
  /** (numHeads, headDim, headDim), updated in place */
  readonly state: Tensor;
  /** (blockSize, numHeads * headDim), written */
  readonly attentionOutput: Tensor;
}

/** Compiles `lightning_block`. */
export async function createLightningBlock(session: GpuSession, { numHeads, headDim }: LightningBlockConstants) {
  const kernel = await compileKernel(
    session,
    {
      name: "lightning_block",
      appends: ["common/call"],
      bindings: ["uniform", "read", "read", "read_write", "read_write"],
    },
    { WORKGROUP_SIZE: 128, NUM_HEADS: numHeads, HEAD_DIM: headDim, VALUE_COLUMNS, SUB_BLOCK },
  );
  return (label: string, { call, qkv, slopes, state, attentionOutput }: LightningBlockTensors): Dispatch => {
    expectRows(qkv, [numHeads * 3 * headDim]);
    expectShape(slopes, [numHeads]);
    expectShape(state, [numHeads, headDim, headDim]);
    expectRows(attentionOutput, [numHeads * headDim]);
    return createDispatch(session, kernel, label, [call, qkv, slopes, state, attentionOutput], () => [
      numHeads,
      Math.ceil(headDim / VALUE_COLUMNS),
      1,
    ]);
  };
}
