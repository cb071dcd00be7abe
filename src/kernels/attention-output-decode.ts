import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { ATTENTION_SPLITS } from "./attention-decode.ts";
import { matvecConstants } from "./matvec.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface AttentionOutputDecodeConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  readonly eps: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly alpha: number;
  readonly beta: number;
}

export interface AttentionOutputDecodeTensors {
  readonly call: Tensor;
  /** (blockSize, hiddenSize), the first row read */
  readonly hidden: Tensor;
  /** input_layernorm, (hiddenSize) */
  readonly norm: Tensor;
  /** (segments, ATTENTION_SPLITS, numHeads, headDim + 2) */
  readonly partials: Tensor;
  /** o_proj, (hiddenSize, numHeads * headDim) */
  readonly weights: WeightMatrix;
  /** (blockSize, hiddenSize), the first row written; not `hidden` */
  readonly hiddenNext: Tensor;
}

/** Compiles `attention_output_decode`. */
export async function createAttentionOutputDecode(session: GpuSession, constants: AttentionOutputDecodeConstants) {
  const { format, hiddenSize, eps, numHeads, headDim, alpha, beta } = constants;
  const weightGroups = numWeightGroups(numHeads * headDim);
  const sizes = matvecConstants(session, weightGroups);
  const kernel = await compileKernel(
    session,
    {
      name: "attention_output_decode",
      appends: ["common/call", "common/normed_hidden", "common/sums", "common/matvec", ...weightAppends(format)],
      bindings: ["uniform", "read", "read", "read", "read", "read_write"],
    },
    {
      ...sizes,
      WEIGHT_GROUPS: weightGroups,
      HIDDEN_SIZE: hiddenSize,
      EPS: eps,
      NUM_HEADS: numHeads,
      HEAD_DIM: headDim,
      SPLITS: ATTENTION_SPLITS,
      ALPHA: alpha,
      BETA: beta,
    },
  );
  return (label: string, tensors: AttentionOutputDecodeTensors): Dispatch => {
    const { call, hidden, norm, partials, weights, hiddenNext } = tensors;
    expectRows(hidden, [hiddenSize]);
    expectShape(norm, [hiddenSize]);
    expectRows(partials, [ATTENTION_SPLITS, numHeads, headDim + 2]);
    expectWeights(weights, format, hiddenSize, numHeads * headDim);
    expectRows(hiddenNext, [hiddenSize]);
    const bound = [call, hidden, norm, partials, weights, hiddenNext];
    const numWorkgroups = Math.ceil(hiddenSize / sizes.ROWS);
    return createDispatch(session, kernel, label, bound, () => [numWorkgroups, 1, 1]);
  };
}
