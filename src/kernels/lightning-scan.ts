import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";
import { CHUNK_TOKENS, type LightningConstants } from "./chunk-states.ts";

/** Small, so that one layer's state fills a wide GPU. */
const WORKGROUP_SIZE = 64;

export interface LightningScanTensors {
  readonly call: Tensor;
  /** (numHeads) of this layer */
  readonly slopes: Tensor;
  /** (numHeads, headDim, headDim), updated in place */
  readonly state: Tensor;
  /** (numChunks(blockSize), numHeads, headDim, headDim): what each chunk adds, replaced by the state before it */
  readonly chunkStates: Tensor;
}

/** Compiles `lightning_scan`. */
export async function createLightningScan(session: GpuSession, { numHeads, headDim }: LightningConstants) {
  const kernel = await compileKernel(
    session,
    {
      name: "lightning_scan",
      appends: ["common/call"],
      bindings: ["uniform", "read", "read_write", "read_write"],
    },
    { WORKGROUP_SIZE, NUM_HEADS: numHeads, HEAD_DIM: headDim, CHUNK_TOKENS },
  );
  return (label: string, { call, slopes, state, chunkStates }: LightningScanTensors): Dispatch => {
    expectShape(slopes, [numHeads]);
    expectShape(state, [numHeads, headDim, headDim]);
    expectRows(chunkStates, [numHeads, headDim, headDim]);
    return createDispatch(session, kernel, label, [call, slopes, state, chunkStates], () => [
      Math.ceil(headDim ** 2 / WORKGROUP_SIZE),
      numHeads,
      1,
    ]);
  };
}
