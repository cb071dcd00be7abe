import { expect, it } from "vitest";
import { UnsupportedGpuError } from "../../src/gpu/session.ts";
import { useSession } from "./harness.ts";

const session = useSession();

it("refuses a storage tensor larger than a binding, and makes no buffer for it", () => {
  const limit = session().device.limits.maxStorageBufferBindingSize;
  const { allocatedBytes } = session().ledger;
  const create = () => session().createStorage("chunk states", "activations", [limit / 4 + 1]);
  expect(create).toThrow(UnsupportedGpuError);
  expect(create).toThrow(
    `chunk states: expected at most ${limit} bytes (maxStorageBufferBindingSize), got ${limit + 4}`,
  );
  expect(session().ledger.allocatedBytes).toBe(allocatedBytes);
});
