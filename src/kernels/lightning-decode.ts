import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { matvecConstants } from "./matvec.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

/** Columns of the state that one workgroup owns: fewer make more workgroups, each of which computes q and k anew. */
const VALUE_COLUMNS = 16;
/** With head_dim 128 the sums of ROWS · (LANES + 1) fit into workgroup memory. */
const MAX_LANES = 4;

export interface LightningDecodeConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  readonly eps: number;
  readonly numHeads: number;
  /** A multiple of 4, at most 128. */
  readonly headDim: number;
}

export interface LightningDecodeTensors {
  readonly step: Tensor;
  /** (blockSize, hiddenSize), the first row read */
  readonly hidden: Tensor;
  /** input_layernorm, (hiddenSize) */
  readonly norm: Tensor;
  /** qkv_proj then output_gate, (numHeads * 4 * headDim, hiddenSize) */
  readonly weights: WeightMatrix;
  /** (numHeads) of this layer */
  readonly slopes: Tensor;
  /** (numHeads, headDim, headDim), updated in place */
  readonly state: Tensor;
  /** (blockSize, numHeads * headDim), the first row written */
  readonly attentionOutput: Tensor;
  /** (blockSize, numHeads * headDim), the first row written */
  readonly gate: Tensor;
}

/** Compiles `lightning_decode`. */
export async function createLightningDecode(session: GpuSession, constants: LightningDecodeConstants) {
  const { format, hiddenSize, eps, numHeads, headDim } = constants;
  const weightGroups = numWeightGroups(hiddenSize);
  const kernel = await compileKernel(
    session,
    {
      name: "lightning_decode",
      appends: ["common/step", "common/normed_hidden", "common/sums", "common/matvec", ...weightAppends(format)],
      bindings: ["read", "read", "read", "read", "read", "read_write", "read_write", "read_write"],
    },
    {
      ...matvecConstants(session, weightGroups, 2 * headDim + 2 * VALUE_COLUMNS, MAX_LANES),
      WEIGHT_GROUPS: weightGroups,
      HIDDEN_SIZE: hiddenSize,
      EPS: eps,
      NUM_HEADS: numHeads,
      HEAD_DIM: headDim,
      VALUE_COLUMNS,
    },
  );
  return (label: string, tensors: LightningDecodeTensors): Dispatch => {
    const { step, hidden, norm, weights, slopes, state, attentionOutput, gate } = tensors;
    expectRows(hidden, [hiddenSize]);
    expectShape(norm, [hiddenSize]);
    expectWeights(weights, format, numHeads * 4 * headDim, hiddenSize);
    expectShape(slopes, [numHeads]);
    expectShape(state, [numHeads, headDim, headDim]);
    expectRows(attentionOutput, [numHeads * headDim]);
    expectRows(gate, [numHeads * headDim]);
    const bound = [step, hidden, norm, weights, slopes, state, attentionOutput, gate];
    return createDispatch(session, kernel, label, bound, () => [numHeads, Math.ceil(headDim / VALUE_COLUMNS), 1]);
  };
}
