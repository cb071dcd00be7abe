import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor } from "../gpu/tensor.ts";

export interface MoeCombineConstants {
  readonly hiddenSize: number;
  readonly expertsPerToken: number;
  readonly alpha: number;
  readonly beta: number;
}

export interface MoeCombineTensors {
  readonly call: Tensor;
  /** (blockSize, hiddenSize), the residual */
  readonly normed: Tensor;
  /** (blockSize, expertsPerToken * hiddenSize) */
  readonly down: Tensor;
  /** (blockSize, expertsPerToken) */
  readonly expertWeights: Tensor;
  /** (blockSize, hiddenSize), written */
  readonly hidden: Tensor;
}

/** Compiles `moe_combine`. */
export async function createMoeCombine(session: GpuSession, constants: MoeCombineConstants) {
  const { hiddenSize, expertsPerToken, alpha, beta } = constants;
  const kernel = await compileKernel(
    session,
    { name: "moe_combine", appends: ["common/call"], bindings: ["uniform", "read", "read", "read", "read_write"] },
    { WORKGROUP_SIZE: 64, HIDDEN_SIZE: hiddenSize, EXPERTS_PER_TOKEN: expertsPerToken, ALPHA: alpha, BETA: beta },
  );
  return (label: string, { call, normed, down, expertWeights, hidden }: MoeCombineTensors): Dispatch => {
    expectRows(normed, [hiddenSize]);
    expectRows(down, [expertsPerToken * hiddenSize]);
    expectRows(expertWeights, [expertsPerToken]);
    expectRows(hidden, [hiddenSize]);
    return createDispatch(session, kernel, label, [call, normed, down, expertWeights, hidden], (numTokens) => [
      numTokens,
      1,
      1,
    ]);
  };
}
