import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectRows, expectShape, type Tensor } from "../gpu/tensor.ts";

export interface MoeSortConstants {
  readonly numExperts: number;
  readonly expertsPerToken: number;
}

export interface MoeSortTensors {
  readonly call: Tensor;
  /** (blockSize, expertsPerToken) u32 */
  readonly expertIds: Tensor;
  /** (numExperts + 1) u32, written */
  readonly expertOffsets: Tensor;
  /** (blockSize * expertsPerToken) u32, written */
  readonly sortedSlots: Tensor;
}

/** Compiles `moe_sort`. */
export async function createMoeSort(session: GpuSession, { numExperts, expertsPerToken }: MoeSortConstants) {
  const kernel = await compileKernel(
    session,
    { name: "moe_sort", appends: ["common/call"], bindings: ["uniform", "read", "read_write", "read_write"] },
    { WORKGROUP_SIZE: 256, NUM_EXPERTS: numExperts, EXPERTS_PER_TOKEN: expertsPerToken },
  );
  return (label: string, { call, expertIds, expertOffsets, sortedSlots }: MoeSortTensors): Dispatch => {
    expectRows(expertIds, [expertsPerToken]);
    expectShape(expertOffsets, [numExperts + 1]);
    expectRows(sortedSlots, []);
    return createDispatch(session, kernel, label, [call, expertIds, expertOffsets, sortedSlots], () => [1, 1, 1]);
  };
}
