import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { leastSubgroups, matvecConstants } from "./matvec.ts";
import { expectTerms, type ResidualTerms, termConstants, termRowLength } from "./residual-terms.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

/** Columns of a head that a workgroup owns at most: a group of out_proj's input. */
const MAX_SLICE_COLUMNS = 32;
const WORKGROUP_SIZE = 512;

export interface LightningDecodeConstants {
  readonly format: WeightFormat;
  /** Of out_proj. */
  readonly outFormat: WeightFormat;
  readonly input: ResidualTerms;
  readonly hiddenSize: number;
  readonly eps: number;
  readonly numHeads: number;
  /** A multiple of 4, at most 128. */
  readonly headDim: number;
}

export interface LightningDecodeTensors {
  readonly step: Tensor;
  /** (1 + numTerms or more, hiddenSize + 4), or (rows, hiddenSize), the first row read */
  readonly terms: Tensor;
  /** input_layernorm, (hiddenSize) */
  readonly norm: Tensor;
  /** qkv_proj then output_gate, (numHeads * 4 * headDim, hiddenSize) */
  readonly weights: WeightMatrix;
  /** (numHeads * headDim), then the layer's slopes (numHeads) */
  readonly attentionNorm: Tensor;
  /** (numHeads, headDim, headDim), updated in place */
  readonly state: Tensor;
  /** out_proj, (hiddenSize, numHeads * headDim) */
  readonly outWeights: WeightMatrix;
  /** (2 + lightningTerms(…), hiddenSize + 4), written: the next residual, the terms, the hidden state of the input */
  readonly nextTerms: Tensor;
}

/** Terms that `lightning_decode` leaves: one for each slice of a head's columns. */
export function lightningTerms({ numHeads, headDim }: { numHeads: number; headDim: number }): number {
  return numHeads * Math.ceil(headDim / sliceColumnsOf(headDim));
}

/** A power of two, so that whole threads share the slice's columns. */
function sliceColumnsOf(headDim: number): number {
  return 2 ** Math.floor(Math.log2(Math.min(MAX_SLICE_COLUMNS, headDim)));
}

/** Compiles `lightning_decode`. */
export async function createLightningDecode(session: GpuSession, constants: LightningDecodeConstants) {
  const { format, outFormat, input, hiddenSize, eps, numHeads, headDim } = constants;
  const weightGroups = numWeightGroups(hiddenSize);
  const sliceColumns = sliceColumnsOf(headDim);
  const rows = 2 * headDim + 2 * sliceColumns;
  const sizes = matvecConstants(session, { format, inputGroups: weightGroups, rows, workgroupSize: WORKGROUP_SIZE });
  // After the products: four sums a thread, a column's ones apart from the next column's by one.
  const laneSums = Math.max(sizes.LANE_SUMS, 4 * sizes.WORKGROUP_SIZE + sliceColumns);
  const kernel = await compileKernel(
    session,
    {
      name: "lightning_decode",
      appends: [
        "common/step",
        "common/residual_terms",
        "common/sums",
        "common/matvec",
        "common/slice_product",
        "common/column_sums",
        ...weightAppends(format, outFormat),
      ],
      bindings: ["read", "read", "read", "read", "read", "read_write", "read", "read_write"],
    },
    {
      ...sizes,
      LANE_SUMS: laneSums,
      ...termConstants(input, hiddenSize, eps),
      WEIGHT_GROUPS: weightGroups,
      OUT_WEIGHT_GROUPS: numWeightGroups(numHeads * headDim),
      NUM_HEADS: numHeads,
      HEAD_DIM: headDim,
      SLICE_COLUMNS: sliceColumns,
      MIN_SUBGROUPS: leastSubgroups(session, sizes.WORKGROUP_SIZE),
    },
  );
  return (label: string, tensors: LightningDecodeTensors): Dispatch => {
    const { step, terms, norm, weights, attentionNorm, state, outWeights, nextTerms } = tensors;
    expectTerms(terms, input, hiddenSize);
    expectShape(norm, [hiddenSize]);
    expectWeights(weights, format, numHeads * 4 * headDim, hiddenSize);
    expectShape(attentionNorm, [numHeads * headDim + numHeads]);
    expectShape(state, [numHeads, headDim, headDim]);
    expectWeights(outWeights, outFormat, hiddenSize, numHeads * headDim);
    expectShape(nextTerms, [2 + lightningTerms(constants), termRowLength(hiddenSize)]);
    const bound = [step, terms, norm, weights, attentionNorm, state, outWeights, nextTerms];
    return createDispatch(session, kernel, label, bound, () => [numHeads, Math.ceil(headDim / sliceColumns), 1]);
  };
}
