import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";

export interface RmsNormConstants {
  readonly hiddenSize: number;
  readonly eps: number;
}

export interface RmsNormTensors {
  readonly call: Tensor;
  /** (blockSize, hiddenSize) */
  readonly hidden: Tensor;
  /** (hiddenSize) */
  readonly weight: Tensor;
  /** (blockSize, hiddenSize), written */
  readonly normed: Tensor;
}

/** Compiles `rms_norm`. */
export async function createRmsNorm(session: GpuSession, { hiddenSize, eps }: RmsNormConstants) {
  const kernel = await compileKernel(
    session,
    {
      name: "rms_norm",
      appends: ["common/call", "common/reduce"],
      bindings: ["uniform", "read", "read", "read_write"],
    },
    { WORKGROUP_SIZE: 128, HIDDEN_SIZE: hiddenSize, EPS: eps },
  );
  return (label: string, { call, hidden, weight, normed }: RmsNormTensors): Dispatch => {
    expectRows(hidden, [hiddenSize]);
    expectShape(weight, [hiddenSize]);
    expectRows(normed, [hiddenSize]);
    return createDispatch(session, kernel, label, [call, hidden, weight, normed], (numTokens) => [numTokens, 1, 1]);
  };
}
