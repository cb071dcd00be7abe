import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch, type Grid } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { TILE_CONSTANTS, TILE_ROWS, TILE_TOKENS } from "./tile.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface LinearConstants {
  readonly format: WeightFormat;
  /** Of a stack of matrices, the row where this one begins (0 when absent). */
  readonly firstRow?: number;
  readonly numRows: number;
  /** A multiple of 4. */
  readonly numColumns: number;
  readonly activation: "none" | "silu";
}

export interface LinearTensors {
  readonly call: Tensor;
  /** (blockSize, numColumns) */
  readonly input: Tensor;
  /** (at least firstRow + numRows, numColumns) */
  readonly weights: WeightMatrix;
  /** (blockSize, numRows), written */
  readonly output: Tensor;
}

/** Compiles `linear` for one matrix shape. */
export async function createLinear(session: GpuSession, constants: LinearConstants) {
  const { format, firstRow = 0, numRows, numColumns, activation } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "linear",
      appends: ["common/call", "common/tile", ...weightAppends(format)],
      bindings: ["uniform", "read", "read", "read_write"],
    },
    {
      ...TILE_CONSTANTS,
      FIRST_ROW: firstRow,
      NUM_ROWS: numRows,
      NUM_COLUMNS: numColumns,
      WEIGHT_GROUPS: numWeightGroups(numColumns),
      IS_SILU: activation === "silu" ? 1 : 0,
    },
  );
  return (label: string, { call, input, weights, output }: LinearTensors): Dispatch => {
    expectRows(input, [numColumns]);
    expectWeights(weights, format, Math.max(weights.shape[0] ?? 0, firstRow + numRows), numColumns);
    expectRows(output, [numRows]);
    const grid = (numTokens: number): Grid => [Math.ceil(numRows / TILE_ROWS), Math.ceil(numTokens / TILE_TOKENS), 1];
    const unread = weights.sizeBytes * (1 - numRows / weights.shape[0]!);
    return createDispatch(session, kernel, label, [call, input, weights, output], grid, unread);
  };
}
