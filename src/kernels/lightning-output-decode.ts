import type { WeightFormat } from "../checkpoint/weight-source.ts";
import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor, type WeightMatrix } from "../gpu/tensor.ts";
import { LIGHTNING_NORM_EPS } from "./lightning-gate.ts";
import { MATVEC_ROWS, matvecConstants } from "./matvec.ts";
import { expectWeights, numWeightGroups, weightAppends } from "./weight-kernel.ts";

export interface LightningOutputDecodeConstants {
  readonly format: WeightFormat;
  readonly hiddenSize: number;
  readonly eps: number;
  /** numHeads * headDim, a multiple of 4. */
  readonly attentionSize: number;
  readonly alpha: number;
  readonly beta: number;
}

export interface LightningOutputDecodeTensors {
  /** (blockSize, hiddenSize), the first row read */
  readonly hidden: Tensor;
  /** input_layernorm, (hiddenSize) */
  readonly norm: Tensor;
  /** (blockSize, attentionSize), the first row read */
  readonly attentionOutput: Tensor;
  /** (attentionSize) */
  readonly attentionNorm: Tensor;
  /** (blockSize, attentionSize), after sigmoid, the first row read */
  readonly gate: Tensor;
  /** out_proj, (hiddenSize, attentionSize) */
  readonly weights: WeightMatrix;
  /** (blockSize, hiddenSize), the first row written */
  readonly hiddenNext: Tensor;
}

/** Compiles `lightning_output_decode`. */
export async function createLightningOutputDecode(session: GpuSession, constants: LightningOutputDecodeConstants) {
  const { format, hiddenSize, eps, attentionSize, alpha, beta } = constants;
  const weightGroups = numWeightGroups(attentionSize);
  const kernel = await compileKernel(
    session,
    {
      name: "lightning_output_decode",
      appends: ["common/normed_hidden", "common/sums", "common/matvec", ...weightAppends(format)],
      bindings: ["read", "read", "read", "read", "read", "read", "read_write"],
    },
    {
      ...matvecConstants(session, weightGroups),
      WEIGHT_GROUPS: weightGroups,
      HIDDEN_SIZE: hiddenSize,
      EPS: eps,
      ATTENTION_SIZE: attentionSize,
      ATTENTION_EPS: LIGHTNING_NORM_EPS,
      ALPHA: alpha,
      BETA: beta,
    },
  );
  return (label: string, tensors: LightningOutputDecodeTensors): Dispatch => {
    const { hidden, norm, attentionOutput, attentionNorm, gate, weights, hiddenNext } = tensors;
    expectRows(hidden, [hiddenSize]);
    expectShape(norm, [hiddenSize]);
    expectRows(attentionOutput, [attentionSize]);
    expectShape(attentionNorm, [attentionSize]);
    expectRows(gate, [attentionSize]);
    expectWeights(weights, format, hiddenSize, attentionSize);
    expectRows(hiddenNext, [hiddenSize]);
    const bound = [hidden, norm, attentionOutput, attentionNorm, gate, weights, hiddenNext];
    return createDispatch(session, kernel, label, bound, () => [Math.ceil(hiddenSize / MATVEC_ROWS), 1, 1]);
  };
}
