import { expect, test } from "vitest";
import { GpuMemoryError, MemoryBudgetError } from "../../src/gpu/memory-budget.ts";
import type { GpuSession } from "../../src/gpu/session.ts";
import { GREEDY } from "../../src/kernels/call.ts";
import { modelBytes, sequenceBytes } from "../../src/model/memory-needs.ts";
import { Model } from "../../src/model/model.ts";
import { useSession } from "./harness.ts";
import { createMadeUpSource, createMadeUpWeights, MADE_UP_CONFIG } from "./made-up-model.ts";

const session = useSession();
const source = createMadeUpSource(MADE_UP_CONFIG, createMadeUpWeights(MADE_UP_CONFIG, 1));
const OPTIONS = { blockSize: 16, kvFormat: "f16" } as const;
const DRAW = { sampling: GREEDY, endTokenIds: [] };

/** A session of its own on the tests' device, with a budget that begins where it stands. */
function withBudget(freeBytes: number): GpuSession {
  const { memory } = session();
  memory.budgetBytes = memory.usedBytes + freeBytes;
  return session();
}

test("what a model and a sequence take is known before, within a few percent", async () => {
  const open = withBudget(Infinity);
  const before = open.memory.usedBytes;
  const model = await Model.load(open, source, OPTIONS);
  const taken = open.memory.usedBytes - before;
  const ropeBytes = model.ropeTable.sizeBytes;
  expect(taken).toBe(open.ledger.allocatedBytes - before);
  expect(modelBytes(open, source, 16) / (taken - ropeBytes)).toBeCloseTo(1, 1);
  const sequence = await model.createSequence(300);
  const sequenceTaken = open.memory.usedBytes - before - taken;
  expect(sequenceBytes(model, 300) / sequenceTaken).toBeGreaterThan(0.9);
  expect(sequenceBytes(model, 300)).toBeLessThanOrEqual(sequenceTaken);
  sequence.destroy();
  model.destroy();
  expect(open.memory.usedBytes).toBe(before);
});

test("a model, a sequence and a longer text over the budget are refused before anything is made", async () => {
  const small = withBudget(1000);
  const before = small.counters.buffersCreated;
  const { usedBytes } = small.memory;
  await expect(Model.load(small, source, OPTIONS)).rejects.toMatchObject({
    name: "MemoryBudgetError",
    what: "model",
    neededBytes: modelBytes(small, source, 16),
    usedBytes,
    budgetBytes: usedBytes + 1000,
  });
  expect(small.counters.buffersCreated).toBe(before);

  withBudget(Infinity);
  const model = await Model.load(small, source, OPTIONS);
  withBudget(sequenceBytes(model, 64) - 1);
  const made = small.counters.buffersCreated;
  await expect(model.createSequence(64)).rejects.toThrow(MemoryBudgetError);
  expect(small.counters.buffersCreated).toBe(made);

  withBudget(sequenceBytes(model, 64));
  const sequence = await model.createSequence(64);
  const first = await sequence.prefill([1, 2, 3, 4], { output: "last", ...DRAW });
  withBudget(0);
  await expect(sequence.prefill(new Uint32Array(61), { output: "none" })).rejects.toThrow(MemoryBudgetError);
  expect(sequence.position).toBe(4);
  sequence.clear();
  expect(await sequence.prefill([1, 2, 3, 4], { output: "last", ...DRAW })).toBe(first);
  withBudget(Infinity);
  sequence.clear();
  await sequence.prefill(new Uint32Array(80), { output: "none" });
  expect(sequence.position).toBe(80);
  sequence.destroy();
  model.destroy();
});

test("when the GPU has no room, what was made of it is freed, and the text goes on as it was", async () => {
  const open = withBudget(Infinity);
  const model = await Model.load(open, source, OPTIONS);
  const sequence = await model.createSequence(32);
  const first = await sequence.prefill([1, 2, 3, 4], { output: "last", ...DRAW });
  const { usedBytes } = open.memory;
  const { device } = open;
  const popErrorScope = device.popErrorScope.bind(device);
  const answers = [new GPUOutOfMemoryError("no room")];
  device.popErrorScope = async () => (await popErrorScope()) ?? answers.pop() ?? null;
  await expect(sequence.prefill(new Uint32Array(100), { output: "none" })).rejects.toThrow(GpuMemoryError);
  expect(open.memory.usedBytes).toBe(usedBytes);
  expect(sequence.segmentLengths).toEqual([32]);
  answers.push(new GPUOutOfMemoryError("no room"));
  await expect(model.createSequence(32)).rejects.toThrow(
    /room for 32 tokens: expected \d+ bytes of GPU memory beside \d+, got: no room/,
  );
  expect(open.memory.usedBytes).toBe(usedBytes);
  sequence.clear();
  expect(await sequence.prefill([1, 2, 3, 4], { output: "last", ...DRAW })).toBe(first);
  device.popErrorScope = popErrorScope;
  sequence.destroy();
  model.destroy();
});
