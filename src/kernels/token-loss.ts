import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface TokenLossConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  /** The head's rows in this binding; ranges are dispatched in order, from row 0 on. */
  readonly firstRow: number;
  readonly numRows: number;
}

export interface TokenLossTensors {
  readonly call: Tensor;
  readonly step: Tensor;
  /** (blockSize, hiddenSize), after the final norm */
  readonly normed: Tensor;
  /** (numRows, hiddenSize) */
  readonly weights: WeightMatrix;
  /** (blockSize, 4): largest logit, sum, successor's logit, unused; updated in place */
  readonly stats: Tensor;
}

/** Compiles `token_loss` for one range of the head. */
export async function createTokenLoss(session: GpuSession, constants: TokenLossConstants) {
  const { format, hiddenSize, firstRow, numRows } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "token_loss",
      appends: ["common/call", "common/step", "common/reduce", ...weightAppends(format)],
      bindings: ["uniform", "read", "read", "read", "read_write"],
    },
    { WORKGROUP_SIZE: 256, WEIGHT_GROUPS: numWeightGroups(hiddenSize), FIRST_ROW: firstRow, NUM_ROWS: numRows },
  );
  return (label: string, { call, step, normed, weights, stats }: TokenLossTensors): Dispatch => {
    expectRows(normed, [hiddenSize]);
    expectWeights(weights, format, numRows, hiddenSize);
    expectRows(stats, [4]);
    return createDispatch(session, kernel, label, [call, step, normed, weights, stats], (numTokens) => [
      numTokens,
      1,
      1,
    ]);
  };
}
