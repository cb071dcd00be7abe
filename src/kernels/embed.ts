import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface EmbedConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  /** The table's rows in this binding: a table beyond the binding limit has several. */
  readonly firstRow: number;
  readonly numRows: number;
}

export interface EmbedTensors {
  readonly call: Tensor;
  readonly step: Tensor;
  /** (numRows, hiddenSize) */
  readonly weights: WeightMatrix;
  /** (blockSize, hiddenSize), written */
  readonly hidden: Tensor;
}

/** Compiles `embed` for one range of the embedding table. */
export async function createEmbed(session: GpuSession, { format, hiddenSize, firstRow, numRows }: EmbedConstants) {
  const kernel = await compileKernel(
    session,
    {
      name: "embed",
      appends: ["common/call", "common/step", ...weightAppends(format)],
      bindings: ["uniform", "read", "read", "read_write"],
    },
    { WORKGROUP_SIZE: 64, WEIGHT_GROUPS: numWeightGroups(hiddenSize), FIRST_ROW: firstRow, NUM_ROWS: numRows },
  );
  return (label: string, { call, step, weights, hidden }: EmbedTensors): Dispatch => {
    expectWeights(weights, format, numRows, hiddenSize);
    expectRows(hidden, [hiddenSize]);
    const unread = weights.sizeBytes * (1 - 1 / numRows);
    return createDispatch(
      session,
      kernel,
      label,
      [call, step, weights, hidden],
      (numTokens) => [numTokens, 1, 1],
      unread,
    );
  };
}
