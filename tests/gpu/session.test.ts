import { describe, expect, it } from "vitest";
import { openGpu } from "../../scripts/node/gpu.ts";
import { readShaders } from "../../scripts/node/shaders.ts";
import { MemoryBudget } from "../../src/gpu/memory-budget.ts";
import { GpuSession, UnsupportedGpuError } from "../../src/gpu/session.ts";
import { createIncrement } from "../../src/kernels/increment.ts";
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

it("waits for an adapter that a browser offers only after a while", async () => {
  const { gpu } = await openGpu();
  let numRefused = 0;
  const late = { requestAdapter: async () => (++numRefused < 3 ? null : gpu.requestAdapter()) };
  const opened = await GpuSession.open(late, { shaders: readShaders() });
  expect(numRefused).toBe(3);
  opened.close();
  const none = { requestAdapter: async () => null };
  await expect(GpuSession.open(none, { shaders: readShaders() })).rejects.toThrow(
    "GPU adapter: expected one, got none",
  );
});

describe("a session beside another", () => {
  it("has a ledger and counters of its own on the same device, and leaves both alone when it is closed", async () => {
    const beside = GpuSession.beside(session());
    const before = session().ledger.allocatedBytes;
    const { buffer: own } = session().createStorage("own", "weights", [16]);
    const { buffer } = beside.createStorage("beside", "KV cache", [40]);
    expect(beside.device).toBe(session().device);
    expect(beside.ledger.totals()).toEqual([{ kind: "KV cache", allocatedBytes: 160, usedBytes: 160 }]);
    expect(session().ledger.allocatedBytes).toBe(before + 64);
    expect(beside.counters.buffersCreated).toBe(1);
    expect(session().kindOf(buffer)).toBe(undefined);
    beside.close();
    expect(beside.ledger.allocatedBytes).toBe(0);
    expect(session().ledger.allocatedBytes).toBe(before + 64);
    session().device.queue.writeBuffer(session().createStorage("after", "tables", [4]).buffer, 0, new Uint32Array(4));
    await session().device.queue.onSubmittedWorkDone();
    session().destroyBuffer(own);
  });

  it("compiles no kernel again that the other has", async () => {
    await createIncrement(session());
    const beside = GpuSession.beside(session());
    await createIncrement(beside);
    expect(beside.counters.pipelinesCreated).toBe(0);
    const again = GpuSession.beside(beside);
    expect(again.kernels).toBe(session().kernels);
  });

  it("shares one budget of memory, and leaves nothing of it behind when the device is closed", async () => {
    const { gpu } = await openGpu();
    const memory = new MemoryBudget(300);
    const first = await GpuSession.open(gpu, { shaders: readShaders(), memory });
    const beside = GpuSession.beside(first);
    first.createStorage("own", "weights", [16]);
    beside.createStorage("beside", "KV cache", [40]);
    expect(memory.usedBytes).toBe(64 + 160);
    expect(memory.canGrow(76)).toBe(true);
    await expect(beside.allocate("more", 80, () => "made")).rejects.toThrow(
      "more: expected at most 76 bytes (224 of 300 are used), got 80",
    );
    first.close();
    expect(memory.usedBytes).toBe(0);
    beside.createStorage("late", "KV cache", [40]);
    first.createStorage("late", "KV cache", [40]);
    expect(memory.usedBytes).toBe(0);
  });

  it("hears that the device was lost, once the first is closed, unless it was closed before", async () => {
    const { gpu } = await openGpu();
    const first = await GpuSession.open(gpu, { shaders: readShaders() });
    const [beside, closed] = [GpuSession.beside(first), GpuSession.beside(first)];
    let heard = false;
    void closed.lost.then(() => (heard = true));
    closed.close();
    first.close();
    expect(await beside.lost).toMatchObject({ reason: "destroyed" });
    expect(heard).toBe(false);
  });
});
