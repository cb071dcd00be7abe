import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";

const WORKGROUP_SIZE = 128;

export interface RouterConstants {
  readonly hiddenSize: number;
  /** 1 to 128. */
  readonly numExperts: number;
  readonly expertsPerToken: number;
  /** Of the norm. */
  readonly eps: number;
}

export interface RouterTensors {
  readonly call: Tensor;
  /** (blockSize, hiddenSize) */
  readonly hidden: Tensor;
  /** (hiddenSize), the norm's weight */
  readonly norm: Tensor;
  /** (numExperts, hiddenSize) f32 */
  readonly gate: Tensor;
  /** (blockSize, hiddenSize), written */
  readonly normed: Tensor;
  /** (blockSize, numExperts), written */
  readonly routerLogits: Tensor;
  /** (blockSize, expertsPerToken) u32, written */
  readonly expertIds: Tensor;
  /** (blockSize, expertsPerToken), written */
  readonly expertWeights: Tensor;
}

/** Compiles `router`. */
export async function createRouter(session: GpuSession, constants: RouterConstants) {
  const { hiddenSize, numExperts, expertsPerToken, eps } = constants;
  const expertThreads = 2 ** Math.ceil(Math.log2(numExperts));
  const kernel = await compileKernel(
    session,
    {
      name: "router",
      appends: ["common/call", "common/reduce"],
      bindings: ["uniform", "read", "read", "read", "read_write", "read_write", "read_write", "read_write"],
    },
    {
      EXPERT_THREADS: expertThreads,
      LANES: WORKGROUP_SIZE / expertThreads,
      WORKGROUP_SIZE,
      HIDDEN_SIZE: hiddenSize,
      NUM_EXPERTS: numExperts,
      EXPERTS_PER_TOKEN: expertsPerToken,
      EPS: eps,
    },
  );
  return (label: string, tensors: RouterTensors): Dispatch => {
    const { call, hidden, norm, gate, normed, routerLogits, expertIds, expertWeights } = tensors;
    expectRows(hidden, [hiddenSize]);
    expectShape(norm, [hiddenSize]);
    expectRows(normed, [hiddenSize]);
    expectShape(gate, [numExperts, hiddenSize]);
    expectRows(routerLogits, [numExperts]);
    expectRows(expertIds, [expertsPerToken]);
    expectRows(expertWeights, [expertsPerToken]);
    const bound = [call, hidden, norm, gate, normed, routerLogits, expertIds, expertWeights];
    return createDispatch(session, kernel, label, bound, (numTokens) => [numTokens, 1, 1]);
  };
}
