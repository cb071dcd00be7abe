import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";

/** The norm inside lightning attention has an epsilon of its own, whatever rms_norm_eps is. */
export const LIGHTNING_NORM_EPS = 1e-6;

export interface LightningGateTensors {
  readonly call: Tensor;
  /** (attentionSize) */
  readonly weight: Tensor;
  /** (blockSize, attentionSize), before the sigmoid */
  readonly gate: Tensor;
  /** (blockSize, attentionSize), gated in place */
  readonly attentionOutput: Tensor;
}

/** Compiles `lightning_gate`; attentionSize is numHeads * headDim. */
export async function createLightningGate(session: GpuSession, { attentionSize }: { readonly attentionSize: number }) {
  const kernel = await compileKernel(
    session,
    {
      name: "lightning_gate",
      appends: ["common/call", "common/reduce"],
      bindings: ["uniform", "read", "read", "read_write"],
    },
    { WORKGROUP_SIZE: 128, ATTENTION_SIZE: attentionSize, EPS: LIGHTNING_NORM_EPS },
  );
  return (label: string, { call, weight, gate, attentionOutput }: LightningGateTensors): Dispatch => {
    expectShape(weight, [attentionSize]);
    expectRows(gate, [attentionSize]);
    expectRows(attentionOutput, [attentionSize]);
    return createDispatch(session, kernel, label, [call, weight, gate, attentionOutput], (numTokens) => [
      numTokens,
      1,
      1,
    ]);
  };
}
