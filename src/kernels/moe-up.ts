import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { expertTileBound, TILE_CONSTANTS, TILE_ROWS } from "./tile.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface MoeUpConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

export interface MoeUpTensors {
  /** (blockSize, hiddenSize) */
  readonly normed: Tensor;
  /** (numExperts + 1) u32 */
  readonly expertOffsets: Tensor;
  /** (blockSize * expertsPerToken) u32 */
  readonly sortedSlots: Tensor;
  /** gate_up_proj, (numExperts * 2 * intermediateSize, hiddenSize) */
  readonly weights: WeightMatrix;
  /** (blockSize * expertsPerToken, 2 * intermediateSize) by place in sortedSlots, written */
  readonly up: Tensor;
}

/** Compiles `moe_up`. */
export async function createMoeUp(session: GpuSession, constants: MoeUpConstants) {
  const { format, hiddenSize, intermediateSize, numExperts, expertsPerToken } = constants;
  const numRows = 2 * intermediateSize;
  const kernel = await compileKernel(
    session,
    {
      name: "moe_up",
      appends: ["common/tile", "common/expert_tile", ...weightAppends(format)],
      bindings: ["read", "read", "read", "read", "read_write"],
    },
    {
      ...TILE_CONSTANTS,
      NUM_ROWS: numRows,
      NUM_EXPERTS: numExperts,
      EXPERTS_PER_TOKEN: expertsPerToken,
      WEIGHT_GROUPS: numWeightGroups(hiddenSize),
    },
  );
  return (label: string, { normed, expertOffsets, sortedSlots, weights, up }: MoeUpTensors): Dispatch => {
    expectRows(normed, [hiddenSize]);
    expectShape(expertOffsets, [numExperts + 1]);
    expectRows(sortedSlots, []);
    expectWeights(weights, format, numExperts * numRows, hiddenSize);
    expectRows(up, [numRows]);
    return createDispatch(session, kernel, label, [normed, expertOffsets, sortedSlots, weights, up], (numTokens) => [
      Math.ceil(numRows / TILE_ROWS),
      expertTileBound(numTokens * expertsPerToken, numExperts),
      1,
    ]);
  };
}
