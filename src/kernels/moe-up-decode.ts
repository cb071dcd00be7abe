import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { MATVEC_ROWS, matvecConstants } from "./matvec.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

/** Columns of an expert that one workgroup owns, w1 and w3. */
const COLUMNS = MATVEC_ROWS / 2;

export interface MoeUpDecodeConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  readonly eps: number;
  readonly intermediateSize: number;
  /** At most 64, the threads of a workgroup. */
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

export interface MoeUpDecodeTensors {
  /** (blockSize, hiddenSize), the first row read */
  readonly hidden: Tensor;
  /** post_attention_layernorm, (hiddenSize) */
  readonly norm: Tensor;
  /** (numExperts, hiddenSize) f32 */
  readonly router: Tensor;
  /** gate_up_proj, (numExperts * 2 * intermediateSize, hiddenSize) */
  readonly weights: WeightMatrix;
  /** (blockSize, expertsPerToken) u32, the first row written */
  readonly expertIds: Tensor;
  /** (blockSize, expertsPerToken), the first row written */
  readonly expertWeights: Tensor;
  /** (at least expertsPerToken, 2 * intermediateSize), its first expertsPerToken * intermediateSize numbers written */
  readonly up: Tensor;
}

/** Compiles `moe_up_decode`. */
export async function createMoeUpDecode(session: GpuSession, constants: MoeUpDecodeConstants) {
  const { format, hiddenSize, eps, intermediateSize, numExperts, expertsPerToken } = constants;
  const weightGroups = numWeightGroups(hiddenSize);
  const kernel = await compileKernel(
    session,
    {
      name: "moe_up_decode",
      appends: ["common/normed_hidden", "common/sums", "common/matvec", ...weightAppends(format)],
      bindings: ["read", "read", "read", "read", "read_write", "read_write", "read_write"],
    },
    {
      ...matvecConstants(session, weightGroups, 2 * COLUMNS),
      WEIGHT_GROUPS: weightGroups,
      HIDDEN_SIZE: hiddenSize,
      EPS: eps,
      NUM_EXPERTS: numExperts,
      EXPERTS_PER_TOKEN: expertsPerToken,
      EXPERT_THREADS: 2 ** Math.ceil(Math.log2(numExperts)),
      INTERMEDIATE_SIZE: intermediateSize,
      COLUMNS,
    },
  );
  return (label: string, tensors: MoeUpDecodeTensors): Dispatch => {
    const { hidden, norm, router, weights, expertIds, expertWeights, up } = tensors;
    expectRows(hidden, [hiddenSize]);
    expectShape(norm, [hiddenSize]);
    expectShape(router, [numExperts, hiddenSize]);
    expectWeights(weights, format, numExperts * 2 * intermediateSize, hiddenSize);
    expectRows(expertIds, [expertsPerToken]);
    expectRows(expertWeights, [expertsPerToken]);
    expectRows(up, [2 * intermediateSize]);
    const bound = [hidden, norm, router, weights, expertIds, expertWeights, up];
    const numChunks = Math.ceil(intermediateSize / COLUMNS);
    const unread = weights.sizeBytes * (1 - expertsPerToken / numExperts);
    return createDispatch(session, kernel, label, bound, () => [numChunks, expertsPerToken, 1], unread);
  };
}
