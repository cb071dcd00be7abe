import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { TILE_CONSTANTS, TILE_ROWS, TILE_TOKENS } from "./tile.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface LightningQkvGateConstants {
  readonly format: WeightFormat;
  /** A multiple of 4. */
  readonly hiddenSize: number;
  /** numHeads * headDim */
  readonly attentionSize: number;
}

export interface LightningQkvGateTensors {
  readonly call: Tensor;
  /** (blockSize, hiddenSize) */
  readonly normed: Tensor;
  /** qkv_proj then output_gate, (4 * attentionSize, hiddenSize) */
  readonly weights: WeightMatrix;
  /** (blockSize, 3 * attentionSize), written */
  readonly qkv: Tensor;
  /** (blockSize, attentionSize), before the sigmoid, written */
  readonly gate: Tensor;
}

/** Compiles `lightning_qkv_gate`. */
export async function createLightningQkvGate(session: GpuSession, constants: LightningQkvGateConstants) {
  const { format, hiddenSize, attentionSize } = constants;
  const kernel = await compileKernel(
    session,
    {
      name: "lightning_qkv_gate",
      appends: ["common/call", "common/tile", ...weightAppends(format)],
      bindings: ["uniform", "read", "read", "read_write", "read_write"],
    },
    {
      ...TILE_CONSTANTS,
      ATTENTION_SIZE: attentionSize,
      NUM_COLUMNS: hiddenSize,
      WEIGHT_GROUPS: numWeightGroups(hiddenSize),
    },
  );
  return (label: string, { call, normed, weights, qkv, gate }: LightningQkvGateTensors): Dispatch => {
    expectRows(normed, [hiddenSize]);
    expectWeights(weights, format, 4 * attentionSize, hiddenSize);
    expectRows(qkv, [3 * attentionSize]);
    expectRows(gate, [attentionSize]);
    return createDispatch(session, kernel, label, [call, normed, weights, qkv, gate], (numTokens) => [
      Math.ceil((4 * attentionSize) / TILE_ROWS),
      Math.ceil(numTokens / TILE_TOKENS),
      1,
    ]);
  };
}
