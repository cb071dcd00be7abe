import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { MATVEC_ROWS, matvecConstants } from "./matvec.ts";
import { expectTerms, type ResidualTerms, termConstants } from "./residual-terms.ts";
import { ROPE_ROWS } from "./rope-table.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

/** A thread for each group of a row: nothing waits for a second one. */
const WORKGROUP_SIZE = 512;

export interface AttentionQkvDecodeConstants {
  readonly format: WeightFormat;
  readonly input: ResidualTerms;
  readonly hiddenSize: number;
  readonly eps: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** Even. */
  readonly headDim: number;
}

export interface AttentionQkvDecodeTensors {
  readonly step: Tensor;
  /** (1 + numTerms or more, hiddenSize + 4), or (rows, hiddenSize), the first row read */
  readonly terms: Tensor;
  /** input_layernorm, (hiddenSize) */
  readonly norm: Tensor;
  /** q_proj, k_proj, v_proj, ((numHeads + 2 numKvHeads) * headDim, hiddenSize) */
  readonly weights: WeightMatrix;
  /** (2, ROPE_ROWS, headDim / 2, 2) */
  readonly ropeTable: Tensor;
  /** (blockSize, (numHeads + 2 numKvHeads) * headDim), the first row written: queries and keys rotated */
  readonly qkv: Tensor;
  /** (2, hiddenSize), written: the normed input, and the input */
  readonly residual: Tensor;
}

/** Compiles `attention_qkv_decode`. */
export async function createAttentionQkvDecode(session: GpuSession, constants: AttentionQkvDecodeConstants) {
  const { format, input, hiddenSize, eps, numHeads, numKvHeads, headDim } = constants;
  const numRows = (numHeads + 2 * numKvHeads) * headDim;
  const weightGroups = numWeightGroups(hiddenSize);
  const kernel = await compileKernel(
    session,
    {
      name: "attention_qkv_decode",
      appends: [
        "common/step",
        "common/residual_terms",
        "common/sums",
        "common/matvec",
        "common/rope",
        ...weightAppends(format),
      ],
      bindings: ["read", "read", "read", "read", "read", "read_write", "read_write"],
    },
    {
      ...matvecConstants(session, { format, inputGroups: weightGroups, workgroupSize: WORKGROUP_SIZE }),
      ...termConstants(input, hiddenSize, eps),
      WEIGHT_GROUPS: weightGroups,
      NUM_HEADS: numHeads,
      NUM_KV_HEADS: numKvHeads,
      HEAD_DIM: headDim,
    },
  );
  return (label: string, tensors: AttentionQkvDecodeTensors): Dispatch => {
    const { step, terms, norm, weights, ropeTable, qkv, residual } = tensors;
    expectTerms(terms, input, hiddenSize);
    expectShape(norm, [hiddenSize]);
    expectWeights(weights, format, numRows, hiddenSize);
    expectShape(ropeTable, [2, ROPE_ROWS, headDim / 2, 2]);
    expectRows(qkv, [numRows]);
    expectShape(residual, [2, hiddenSize]);
    const bound = [step, terms, norm, weights, ropeTable, qkv, residual];
    return createDispatch(session, kernel, label, bound, () => [Math.ceil(numRows / MATVEC_ROWS), 1, 1]);
  };
}
