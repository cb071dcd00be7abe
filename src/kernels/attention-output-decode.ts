import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { decodeSplitConstants } from "./decode-splits.ts";
import { type KeyWindow, keyWindowConstants } from "./key-window.ts";
import { matvecConstants } from "./matvec.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

/** A thread for each group of a row: nothing waits for a second one. */
const WORKGROUP_SIZE = 512;

export interface AttentionOutputDecodeConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly headDim: number;
  /** As in attention_decode. */
  readonly maxSplits: number;
  readonly keyWindow?: KeyWindow | undefined;
  readonly alpha: number;
  readonly beta: number;
}

export interface AttentionOutputDecodeTensors {
  readonly step: Tensor;
  /** (rows, hiddenSize), the first row read: the normed input of the layer */
  readonly residual: Tensor;
  /** (at least maxSplits * numHeads, 2), as attention_decode leaves it */
  readonly stats: Tensor;
  /** (at least maxSplits * numHeads, headDim), likewise */
  readonly partials: Tensor;
  /** o_proj, (hiddenSize, numHeads * headDim) */
  readonly weights: WeightMatrix;
  /** (blockSize, hiddenSize), the first row written */
  readonly hiddenNext: Tensor;
}

/** Compiles `attention_output_decode`. */
export async function createAttentionOutputDecode(session: GpuSession, constants: AttentionOutputDecodeConstants) {
  const { format, hiddenSize, numHeads, headDim, maxSplits, keyWindow, alpha, beta } = constants;
  const weightGroups = numWeightGroups(numHeads * headDim);
  const sizes = matvecConstants(session, { format, inputGroups: weightGroups, workgroupSize: WORKGROUP_SIZE });
  const kernel = await compileKernel(
    session,
    {
      name: "attention_output_decode",
      appends: ["common/step", "common/key_window", "common/decode_splits", "common/matvec", ...weightAppends(format)],
      bindings: ["read", "read", "read", "read", "read", "read_write"],
    },
    {
      ...sizes,
      WEIGHT_GROUPS: weightGroups,
      HIDDEN_SIZE: hiddenSize,
      NUM_HEADS: numHeads,
      HEAD_DIM: headDim,
      ...decodeSplitConstants(maxSplits),
      ...keyWindowConstants(keyWindow),
      ALPHA: alpha,
      BETA: beta,
    },
  );
  return (label: string, tensors: AttentionOutputDecodeTensors): Dispatch => {
    const { step, residual, stats, partials, weights, hiddenNext } = tensors;
    expectRows(residual, [hiddenSize]);
    expectRows(stats, [2]);
    expectRows(partials, [headDim]);
    expectWeights(weights, format, hiddenSize, numHeads * headDim);
    expectRows(hiddenNext, [hiddenSize]);
    const bound = [step, residual, stats, partials, weights, hiddenNext];
    const numWorkgroups = Math.ceil(hiddenSize / sizes.ROWS);
    return createDispatch(session, kernel, label, bound, () => [numWorkgroups, 1, 1]);
  };
}
