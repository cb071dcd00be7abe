import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { matvecConstants } from "./matvec.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface MoeDownDecodeConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  readonly eps: number;
  /** A multiple of 4. */
  readonly intermediateSize: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
  readonly alpha: number;
  readonly beta: number;
}

export interface MoeDownDecodeTensors {
  /** (blockSize, hiddenSize), the first row read */
  readonly hidden: Tensor;
  /** post_attention_layernorm, (hiddenSize) */
  readonly norm: Tensor;
  /** (blockSize, expertsPerToken) u32, the first row read */
  readonly expertIds: Tensor;
  /** (blockSize, expertsPerToken), the first row read */
  readonly expertWeights: Tensor;
  /** as moe_up_decode writes it */
  readonly up: Tensor;
  /** down_proj, (numExperts * hiddenSize, intermediateSize) */
  readonly weights: WeightMatrix;
  /** (blockSize, hiddenSize), the first row written; not `hidden` */
  readonly hiddenNext: Tensor;
}

/** Compiles `moe_down_decode`. */
export async function createMoeDownDecode(session: GpuSession, constants: MoeDownDecodeConstants) {
  const { format, hiddenSize, eps, intermediateSize, numExperts, expertsPerToken, alpha, beta } = constants;
  const weightGroups = numWeightGroups(intermediateSize);
  const sizes = matvecConstants(session, expertsPerToken * weightGroups);
  const kernel = await compileKernel(
    session,
    {
      name: "moe_down_decode",
      appends: ["common/normed_hidden", "common/sums", "common/matvec", ...weightAppends(format)],
      bindings: ["read", "read", "read", "read", "read", "read", "read_write"],
    },
    {
      ...sizes,
      WEIGHT_GROUPS: weightGroups,
      HIDDEN_SIZE: hiddenSize,
      EPS: eps,
      INTERMEDIATE_SIZE: intermediateSize,
      ALPHA: alpha,
      BETA: beta,
    },
  );
  return (label: string, tensors: MoeDownDecodeTensors): Dispatch => {
    const { hidden, norm, expertIds, expertWeights, up, weights, hiddenNext } = tensors;
    expectRows(hidden, [hiddenSize]);
    expectShape(norm, [hiddenSize]);
    expectRows(expertIds, [expertsPerToken]);
    expectRows(expertWeights, [expertsPerToken]);
    expectRows(up, [2 * intermediateSize]);
    expectWeights(weights, format, numExperts * hiddenSize, intermediateSize);
    expectRows(hiddenNext, [hiddenSize]);
    const bound = [hidden, norm, expertIds, expertWeights, up, weights, hiddenNext];
    const numWorkgroups = Math.ceil(hiddenSize / sizes.ROWS);
    const unread = weights.sizeBytes * (1 - expertsPerToken / numExperts);
    return createDispatch(session, kernel, label, bound, () => [numWorkgroups, 1, 1], unread);
  };
}
