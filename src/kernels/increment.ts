import { compileKernel, createDispatch, type Dispatch } from "../gpu/kernel.ts";
import type { GpuSession } from "../gpu/session.ts";
import { expectShape, type Tensor } from "../gpu/tensor.ts";

/** Compiles `increment`. */
export async function createIncrement(session: GpuSession) {
  const kernel = await compileKernel(session, { name: "increment", appends: [], bindings: ["read_write"] }, {});
  /** @param count (1) u32, in place */
  return (label: string, count: Tensor): Dispatch => {
    expectShape(count, [1]);
    return createDispatch(session, kernel, label, [count], () => [1, 1, 1]);
  };
}
