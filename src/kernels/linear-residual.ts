import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { TILE_CONSTANTS, TILE_ROWS, TILE_TOKENS } from "./tile.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface LinearResidualConstants {
  readonly format: WeightFormat;
  readonly numRows: number;
  /** A multiple of 4. */
  readonly numColumns: number;
  readonly alpha: number;
  readonly beta: number;
}

export interface LinearResidualTensors {
  readonly call: Tensor;
  /** (blockSize, numColumns) */
  readonly input: Tensor;
  /** (numRows, numColumns) */
  readonly weights: WeightMatrix;
  /** (blockSize, numRows) */
  readonly residual: Tensor;
  /** (blockSize, numRows), written */
  readonly output: Tensor;
}

/** Compiles `linear_residual` for one matrix shape. */
export async function createLinearResidual(session: GpuSession, constants: LinearResidualConstants) {
  const { format, numRows, numColumns, alpha, beta } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "linear_residual",
      appends: ["common/call", "common/tile", ...weightAppends(format)],
      bindings: ["uniform", "read", "read", "read", "read_write"],
    },
    {
      ...TILE_CONSTANTS,
      NUM_ROWS: numRows,
      NUM_COLUMNS: numColumns,
      WEIGHT_GROUPS: numWeightGroups(numColumns),
      ALPHA: alpha,
      BETA: beta,
    },
  );
  return (label: string, { call, input, weights, residual, output }: LinearResidualTensors): Dispatch => {
    expectRows(input, [numColumns]);
    expectWeights(weights, format, numRows, numColumns);
    expectRows(residual, [numRows]);
    expectRows(output, [numRows]);
    return createDispatch(session, kernel, label, [call, input, weights, residual, output], (numTokens) => [
      Math.ceil(numRows / TILE_ROWS),
      Math.ceil(numTokens / TILE_TOKENS),
      1,
    ]);
  };
}
