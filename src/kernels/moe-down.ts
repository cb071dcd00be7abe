import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { expertTileBound, TILE_CONSTANTS, TILE_ROWS } from "./tile.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface MoeDownConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  /** A multiple of 4. */
  readonly intermediateSize: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

export interface MoeDownTensors {
  /** (blockSize * expertsPerToken, 2 * intermediateSize) by place in sortedSlots */
  readonly up: Tensor;
  /** (numExperts + 1) u32 */
  readonly expertOffsets: Tensor;
  /** (blockSize * expertsPerToken) u32 */
  readonly sortedSlots: Tensor;
  /** down_proj, (numExperts * hiddenSize, intermediateSize) */
  readonly weights: WeightMatrix;
  /** (blockSize, expertsPerToken * hiddenSize), written */
  readonly down: Tensor;
}

/** Compiles `moe_down`. */
export async function createMoeDown(session: GpuSession, constants: MoeDownConstants) {
  const { format, hiddenSize, intermediateSize, numExperts, expertsPerToken } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "moe_down",
      appends: ["common/tile", "common/expert_tile", ...weightAppends(format)],
      bindings: ["read", "read", "read", "read", "read_write"],
    },
    {
      ...TILE_CONSTANTS,
      NUM_ROWS: hiddenSize,
      NUM_EXPERTS: numExperts,
      INTERMEDIATE_SIZE: intermediateSize,
      WEIGHT_GROUPS: numWeightGroups(intermediateSize),
    },
  );
  return (label: string, { up, expertOffsets, sortedSlots, weights, down }: MoeDownTensors): Dispatch => {
    expectRows(up, [2 * intermediateSize]);
    expectShape(expertOffsets, [numExperts + 1]);
    expectRows(sortedSlots, []);
    expectWeights(weights, format, numExperts * hiddenSize, intermediateSize);
    expectRows(down, [expertsPerToken * hiddenSize]);
    return createDispatch(session, kernel, label, [up, expertOffsets, sortedSlots, weights, down], (numTokens) => [
      Math.ceil(hiddenSize / TILE_ROWS),
      expertTileBound(numTokens * expertsPerToken, numExperts),
      1,
    ]);
  };
}
