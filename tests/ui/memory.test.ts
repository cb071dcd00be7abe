import { expect, test } from "vitest";
import type { SettingsStorage } from "../../src/ui/state/settings.ts";
import { createReadyPage, createTestPage, GOOD_ENVIRONMENT, say } from "./test-page.ts";

function createStorage(text?: string): SettingsStorage & { text: string | undefined } {
  const storage = {
    text,
    getItem: () => storage.text ?? null,
    setItem: (_: string, written: string) => {
      storage.text = written;
    },
  };
  return storage;
}

test("the budget is 1 GB, on phones 512 MB, and what a person chooses holds for later visits", () => {
  const storage = createStorage();
  expect(createTestPage({ ...GOOD_ENVIRONMENT, isPhone: true }, storage).page.memory.budgetBytes.value).toBe(512e6);
  const { page, engine } = createTestPage(GOOD_ENVIRONMENT, storage);
  expect(page.memory.budgetBytes.value).toBe(1e9);
  page.start();
  page.memory.setBudget(256e6);
  expect(engine().requests.at(-1)).toEqual({ kind: "setMemoryBudget", bytes: 256e6 });
  for (const refused of [NaN, 0, -1]) page.memory.setBudget(refused);
  const { page: later, engine: laterEngine } = createTestPage(GOOD_ENVIRONMENT, storage);
  later.start();
  expect(laterEngine().requests[0]).toMatchObject({ kind: "load", memoryBudgetBytes: 256e6 });
});

test("settings of a later version are neither used nor overwritten, damaged ones are", () => {
  const newer = JSON.stringify({ schemaVersion: 99, memoryBudgetBytes: 256e6 });
  const kept = createStorage(newer);
  const { page } = createTestPage(GOOD_ENVIRONMENT, kept);
  expect(page.memory.budgetBytes.value).toBe(1e9);
  page.memory.setBudget(128e6);
  expect(page.memory.budgetBytes.value).toBe(128e6);
  expect(kept.text).toBe(newer);
  const damaged = createStorage("{");
  createTestPage(GOOD_ENVIRONMENT, damaged).page.memory.setBudget(128e6);
  expect(JSON.parse(damaged.text!)).toEqual({ schemaVersion: 1, memoryBudgetBytes: 128e6 });
});

test("a shorter conversation is asked for where memory is short, and half of that the next time", () => {
  const { page, engine } = createTestPage();
  page.start();
  page.startShorter();
  expect(engine().requests[0]).toMatchObject({ kind: "load", contextTokens: 1024 });
  page.startShorter();
  expect(engine().requests[0]).toMatchObject({ kind: "load", contextTokens: 512 });
});

test("a report tells the GPU, its memory and what failed, and nothing that was said", () => {
  const test = createReadyPage();
  const { emit } = test.engine();
  const turn = say(test, "My secret question");
  emit({ kind: "text", turn, text: "A private answer", generatedTokens: 1, elapsedMs: 0 });
  emit({
    kind: "gpuOpened",
    report: {
      adapter: { vendor: "test vendor", architecture: "a", device: "d", description: "e" },
      features: ["shader-f16"],
      limits: { maxBufferSize: 268435456 },
    },
  });
  emit({ kind: "counters", counters: { submits: 12 } });
  emit({ kind: "ledger", lines: [{ kind: "weights", allocatedBytes: 40, usedBytes: 30 }] });
  emit({
    kind: "restoring",
    failure: { kind: "device-lost", message: "GPU device: expected it to stay, got lost: x" },
  });
  const report = test.page.report();
  for (const told of [
    "1.2.3",
    "test browser",
    "test vendor",
    "shader-f16",
    "maxBufferSize: 268435456",
    "submits: 12",
    "weights: 40 allocated, 30 used",
    "budget 1000000000 bytes",
    "restoring: device-lost: GPU device: expected it to stay, got lost: x",
  ]) {
    expect(report).toContain(told);
  }
  expect(report).not.toMatch(/secret|private/);
});
