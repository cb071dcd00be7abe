import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";

export interface MoeCombineConstants {
  readonly hiddenSize: number;
  readonly expertsPerToken: number;
  readonly alpha: number;
  readonly beta: number;
  /** Of the norm. */
  readonly eps: number;
}

export interface MoeCombineTensors {
  readonly call: Tensor;
  /** (blockSize, expertsPerToken * hiddenSize) */
  readonly down: Tensor;
  /** (blockSize, expertsPerToken) */
  readonly expertWeights: Tensor;
  /** (hiddenSize), weight of the norm that follows */
  readonly norm: Tensor;
  /** (blockSize, hiddenSize), written */
  readonly hidden: Tensor;
  /** (blockSize, hiddenSize), the residual, replaced by the normed hidden state */
  readonly normed: Tensor;
}

/** Compiles `moe_combine`. */
export async function createMoeCombine(session: GpuSession, constants: MoeCombineConstants) {
  const { hiddenSize, expertsPerToken, alpha, beta, eps } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "moe_combine",
      appends: ["common/call", "common/reduce"],
      bindings: ["uniform", "read", "read", "read", "read_write", "read_write"],
    },
    {
      WORKGROUP_SIZE: 128,
      HIDDEN_SIZE: hiddenSize,
      EXPERTS_PER_TOKEN: expertsPerToken,
      ALPHA: alpha,
      BETA: beta,
      EPS: eps,
    },
  );
  return (label: string, { call, down, expertWeights, norm, hidden, normed }: MoeCombineTensors): Dispatch => {
    expectRows(down, [expertsPerToken * hiddenSize]);
    expectRows(expertWeights, [expertsPerToken]);
    expectShape(norm, [hiddenSize]);
    expectRows(hidden, [hiddenSize]);
    expectRows(normed, [hiddenSize]);
    return createDispatch(session, kernel, label, [call, down, expertWeights, norm, hidden, normed], (numTokens) => [
      numTokens,
      1,
      1,
    ]);
  };
}
