import { describe, expect, test } from "vitest";
import { createMeasurement, createResult } from "../bench/made-up-result.ts";
import { createReadyPage, MODEL, say, type TestPage } from "./test-page.ts";

const ROW = createMeasurement({ name: "decode at 16", kind: "decode", length: 16, tokens: 128 }, 50);

function startBenchmark(model: Parameters<typeof createReadyPage>[0] = {}): TestPage {
  const test = createReadyPage(model);
  test.page.benchmark.start({ ...MODEL, ...model });
  return test;
}

describe("the benchmark", () => {
  test("asks for short texts, for long ones if wanted, and for few tokens of a software adapter", () => {
    const plans = [false, true].map((includesLong) => {
      const { page, engine } = createReadyPage();
      page.benchmark.includesLong.value = includesLong;
      page.benchmark.start(MODEL);
      return engine().requests.at(-1);
    });
    expect(plans[0]).toMatchObject({ kind: "benchmark", plan: { contexts: [16, 1024] } });
    expect(plans[1]).toMatchObject({ plan: { contexts: [16, 1024, 8192, 32_768, 131_072] } });
    const { engine } = startBenchmark({ gpu: { ...MODEL.gpu, isSoftware: true } });
    expect(engine().requests.at(-1)).toMatchObject({ plan: { contexts: [16], runs: 1 } });
  });

  test("shows rows as they come, and the result at the end", () => {
    const { page, engine } = startBenchmark();
    const { emit } = engine();
    emit({ kind: "benchmarkRun", name: ROW.name, run: 1, runs: 3 });
    expect(page.benchmark.current.value).toMatchObject({ name: "decode at 16", run: 1 });
    emit({ kind: "benchmarkMeasured", measurement: ROW });
    emit({ kind: "benchmarkSkipped", skipped: { name: "decode at 1024", reason: "too slow" } });
    expect(page.benchmark.measurements.value).toEqual([ROW]);
    expect(page.benchmark.skipped.value).toHaveLength(1);
    const result = createResult({ measurements: [ROW] });
    emit({ kind: "benchmarkEnded", result });
    expect(page.benchmark.activity.value).toBe("idle");
    expect(page.benchmark.result.value).toEqual(result);
    expect(page.benchmark.current.value).toBeNull();
  });

  test("runs once at a time, and no message is sent meanwhile", () => {
    const test = startBenchmark();
    const { page, engine } = test;
    page.benchmark.start(MODEL);
    expect(engine().requests.filter(({ kind }) => kind === "benchmark")).toHaveLength(1);
    page.conversation.draft.value = "Hello!";
    expect(page.canSend.value).toBe(false);
    page.benchmark.stop();
    page.benchmark.stop();
    expect(engine().requests.filter(({ kind }) => kind === "stopBenchmark")).toHaveLength(1);
    engine().emit({ kind: "benchmarkEnded", result: null });
    expect(page.benchmark.result.value).toBeNull();
    expect(say(test, "Hello!")).toBeGreaterThan(0);
  });

  test("a failure ends it and fails the model; a new start begins anew", () => {
    const { page, engine } = startBenchmark();
    engine().emit({ kind: "benchmarkFailed", failure: { kind: "device-lost", message: "gone" } });
    expect(page.benchmark.activity.value).toBe("idle");
    expect(page.lifeCycle.current.value).toMatchObject({ state: "failed", failure: { kind: "device-lost" } });
    page.start();
    expect(page.benchmark.isRunning.value).toBe(false);
  });

  test("an engine that crashes takes it along", () => {
    const { page, engine } = startBenchmark();
    engine().crash({ kind: "internal", message: "crash" });
    expect(page.benchmark.activity.value).toBe("idle");
  });

  test("has an address of its own", () => {
    const { page } = createReadyPage();
    page.navigate("#/benchmark");
    expect(page.route.value).toBe("benchmark");
    page.navigate("#/");
    expect(page.route.value).toBe("chat");
  });
});
