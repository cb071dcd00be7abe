import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch, type Grid } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { TILE_CONSTANTS, TILE_ROWS, TILE_TOKENS } from "./tile.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface LinearConstants {
  readonly format: WeightFormat;
  readonly numRows: number;
  /** A multiple of 4. */
  readonly numColumns: number;
}

export interface LinearTensors {
  readonly call: Tensor;
  /** (blockSize, numColumns) */
  readonly input: Tensor;
  /** (numRows, numColumns) */
  readonly weights: WeightMatrix;
  /** (blockSize, numRows), written */
  readonly output: Tensor;
}

/** Compiles `linear` for one matrix shape. */
export async function createLinear(session: GpuSession, constants: LinearConstants) {
  const { format, numRows, numColumns } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "linear",
      appends: ["common/call", "common/tile", ...weightAppends(format)],
      bindings: ["uniform", "read", "read", "read_write"],
    },
    {
      ...TILE_CONSTANTS,
      NUM_ROWS: numRows,
      NUM_COLUMNS: numColumns,
      WEIGHT_GROUPS: numWeightGroups(numColumns),
    },
  );
  return (label: string, { call, input, weights, output }: LinearTensors): Dispatch => {
    expectRows(input, [numColumns]);
    expectWeights(weights, format, numRows, numColumns);
    expectRows(output, [numRows]);
    const grid = (numTokens: number): Grid => [Math.ceil(numRows / TILE_ROWS), Math.ceil(numTokens / TILE_TOKENS), 1];
    const unread = weights.sizeBytes * (1 - numRows / weights.shape[0]!);
    return createDispatch(session, kernel, label, [call, input, weights, output], grid, unread);
  };
}
