import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor } from "../gpu/tensor.ts";
import { type KeyWindow, keyWindowConstants } from "./key-window.ts";
import { splitConstants, type SplitShape } from "./splits.ts";

const WORKGROUP_SIZE = 64;

export interface AttentionCombineConstants extends SplitShape {
  readonly headDim: number;
  readonly keyWindow?: KeyWindow | undefined;
}

export interface AttentionCombineTensors {
  readonly call: Tensor;
  readonly step: Tensor;
  /** (maxSplitRows, 2), as attention_block leaves it */
  readonly stats: Tensor;
  /** (maxSplitRows, headDim), likewise */
  readonly partials: Tensor;
  /** (blockSize, numHeads * headDim) */
  readonly attentionOutput: Tensor;
}

/** Compiles `attention_combine`. */
export async function createAttentionCombine(session: GpuSession, constants: AttentionCombineConstants) {
  const { numHeads, headDim, keyWindow } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "attention_combine",
      appends: ["common/call", "common/step", "common/key_window", "common/splits"],
      bindings: ["uniform", "read", "read", "read", "read_write"],
    },
    { ...splitConstants(constants), ...keyWindowConstants(keyWindow), WORKGROUP_SIZE, HEAD_DIM: headDim },
  );
  return (label: string, tensors: AttentionCombineTensors): Dispatch => {
    const { call, step, stats, partials, attentionOutput } = tensors;
    expectRows(stats, [2]);
    expectRows(partials, [headDim]);
    expectRows(attentionOutput, [numHeads * headDim]);
    const bound = [call, step, stats, partials, attentionOutput];
    return createDispatch(session, kernel, label, bound, (numTokens) => [
      Math.ceil((numTokens * numHeads * headDim) / 4 / WORKGROUP_SIZE),
      1,
      1,
    ]);
  };
}
