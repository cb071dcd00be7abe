// A real, small run: what a result says is held to what the engine did.

import { beforeAll, describe, expect, it } from "vitest";
import { createMadeUpSource } from "../../src/bench/made-up-source.ts";
import { type BenchmarkPlan, DEFAULT_PLAN } from "../../src/bench/plan.ts";
import { type BenchmarkResult, type Measurement, parseBenchmarkResult } from "../../src/bench/result.ts";
import { runBenchmark } from "../../src/bench/run-benchmark.ts";
import type { ModelConfig } from "../../src/checkpoint/model-config.ts";
import { planTensors } from "../../src/checkpoint/tensor-plan.ts";
import { Model } from "../../src/model/model.ts";
import { useSession } from "../gpu/harness.ts";
import { MADE_UP_CONFIG } from "../gpu/made-up-model.ts";

const session = useSession({ profile: true });
const SUBJECT = { modelName: "made-up", isMadeUp: true, environment: "test" };
const PLAN: BenchmarkPlan = {
  ...DEFAULT_PLAN,
  prefillLengths: [20],
  contexts: [16, 100],
  decodeTokens: 16,
  promptTokens: 8,
  runs: 2,
  fixedPace: { depth: 4, steps: 4 },
  profile: true,
};
/** A fixed pace of runs of 4 steps has more than 4 steps in flight. */
const STEPS_PER_RUN = 4;

let model: Model;
let source: ReturnType<typeof createMadeUpSource>;
let result: BenchmarkResult;
const told: Measurement[] = [];
const runs: string[] = [];

beforeAll(async () => {
  source = createMadeUpSource(MADE_UP_CONFIG, "q4");
  model = await Model.load(session(), source, { blockSize: 16 });
  result = await runBenchmark(model, SUBJECT, PLAN, {
    onMeasurement: (measurement) => told.push(measurement),
    onRun: ({ name, run }) => runs.push(`${name}: ${run}`),
  });
}, 300_000);

const rowsOfKind = (kind: Measurement["kind"]) => result.measurements.filter((row) => row.kind === kind);

/** Bytes of weights for one token, by the config alone. */
function weightBytesNeeded(config: ModelConfig): number {
  return planTensors(config).reduce((sum, { name, kind, shape }) => {
    const { sizeBytes } = source.tensors.get(name)!;
    if (kind === "experts") return sum + (sizeBytes * config.expertsPerToken) / config.numExperts;
    const isOneRow = name.includes("embed_tokens") && !config.tieWordEmbeddings;
    return sum + (isOneRow ? sizeBytes / shape[0]! : sizeBytes);
  }, 0);
}

describe("runBenchmark", () => {
  it("measures every row of the plan, and tells each as it is done", () => {
    expect(result.measurements.map(({ name }) => name)).toEqual([
      "time to first token 8",
      "prefill 20",
      "decode at 16",
      "decode at 100",
    ]);
    expect(told).toEqual(result.measurements);
    expect(runs.slice(0, 4)).toEqual([
      "all kernels: 0",
      "time to first token 8: 0",
      "time to first token 8: 1",
      "time to first token 8: 2",
    ]);
    expect(result.skipped).toEqual([]);
    expect(result.isComplete).toBe(true);
    for (const { ms, runs, tokens, tokensPerSecond } of result.measurements) {
      expect(runs).toBe(PLAN.runs);
      expect(ms.fastest).toBeGreaterThan(0);
      expect(ms.median).toBeGreaterThanOrEqual(ms.fastest);
      expect(ms.slowest).toBeGreaterThanOrEqual(ms.median);
      expect(tokensPerSecond).toBeCloseTo((1000 * tokens) / ms.median, 6);
    }
  });

  it("says what was measured, and survives JSON", () => {
    expect(result.adapter.name).not.toBe("");
    expect(result.adapter.features).toEqual([...session().device.features].sort());
    const numParameters = planTensors(MADE_UP_CONFIG).reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b),
      0,
    );
    expect(result.model).toEqual({ name: "made-up", format: "q4", numParameters, isMadeUp: true });
    expect(result).toMatchObject({ environment: "test", blockSize: 16, pace: PLAN.fixedPace });
    expect(Math.abs(Date.now() - Date.parse(result.date))).toBeLessThan(3_600_000);
    expect(result.launch.dispatchUs.median).toBeGreaterThan(0);
    expect(result.launch.roundTripMs.median).toBeGreaterThan(0);
    expect(parseBenchmarkResult("result.json", JSON.stringify(result))).toEqual(result);
  });

  it("counts what a decode step asks of the GPU", () => {
    const numLightning = MADE_UP_CONFIG.layerTypes.filter((type) => type === "linear_attention").length;
    const numSoftmax = MADE_UP_CONFIG.numLayers - numLightning;
    expect(rowsOfKind("decode").length).toBe(2);
    for (const { perToken } of rowsOfKind("decode")) {
      expect(perToken.dispatches).toBeGreaterThan(0);
      expect(perToken.dispatches).toBeLessThanOrEqual(4 * numLightning + 5 * numSoftmax + 3);
      expect(perToken.submits).toBeGreaterThan(0);
      expect(perToken.submits).toBeLessThanOrEqual(1);
      expect(perToken.mapCalls).toBe(1 / STEPS_PER_RUN);
      expect(perToken).toMatchObject({ buffersCreated: 0, bindGroupsCreated: 0, pipelinesCreated: 0 });
    }
  });

  it("counts the weight bytes of a decode step: of the experts, those that the router chose", () => {
    const needed = weightBytesNeeded(MADE_UP_CONFIG);
    for (const { perToken } of rowsOfKind("decode")) {
      expect(perToken.weightBytes / needed).toBeGreaterThan(0.95);
      expect(perToken.weightBytes / needed).toBeLessThan(1.05);
    }
  });

  it("shares a run's time among its kernels", () => {
    for (const { profile, ms, kind, perToken, tokens } of result.measurements) {
      const { kernels, kernelMs, gapMs } = profile!;
      const sum = kernels.reduce((total, kernel) => total + kernel.ms, 0);
      expect(kernelMs).toBeCloseTo(sum, 9);
      expect(gapMs).toBeCloseTo(ms.median - sum, 9);
      expect(kernelMs).toBeGreaterThan(0);
      expect(kernels.map((kernel) => kernel.ms)).toEqual(kernels.map((kernel) => kernel.ms).sort((a, b) => b - a));
      const dispatches = kernels.reduce((total, kernel) => total + kernel.dispatches, 0);
      expect(dispatches).toBeCloseTo(perToken.dispatches * tokens, 6);
      const names = kernels.map(({ kernel }) => kernel);
      expect(names).toContain(kind === "decode" ? "lightning_decode" : "lightning_output");
      expect(names).toContain("sample");
    }
  });

  it("leaves nothing behind", async () => {
    const before = session().ledger.allocatedBytes;
    await runBenchmark(model, SUBJECT, { ...PLAN, prefillLengths: [], contexts: [16], runs: 1 });
    expect(session().ledger.allocatedBytes).toBe(before);
    expect(session().profiler).toBe(undefined);
  });

  it("ends when it is told to, with the rows measured until then", async () => {
    const controller = new AbortController();
    const plan = { ...PLAN, profile: false, runs: 1 };
    const partial = await runBenchmark(model, SUBJECT, plan, {
      signal: controller.signal,
      onRun: ({ name, run }) => name === "decode at 16" && run === 1 && controller.abort(),
    });
    expect(partial.measurements.map(({ kind }) => kind)).toEqual(["time to first token", "prefill"]);
    expect(partial.isComplete).toBe(false);
  });

  it("leaves out rows that would take too long, or that the engine has no positions for", async () => {
    const plan = {
      ...PLAN,
      profile: false,
      promptTokens: 0,
      prefillLengths: [4, 4_000],
      contexts: [1 << 22],
      rowBudgetMs: 1,
    };
    const { measurements, skipped, isComplete } = await runBenchmark(model, SUBJECT, plan);
    expect(measurements.map(({ name, runs }) => ({ name, runs }))).toEqual([{ name: "prefill 4", runs: 1 }]);
    expect(skipped).toEqual([
      {
        name: "prefill 4000",
        reason: expect.stringMatching(/^a run would take .* s or more, the row may take 0.0010 s$/),
      },
      { name: "decode at 4194304", reason: "the engine counts 4194304 positions, 4194320 are needed" },
    ]);
    expect(isComplete).toBe(true);
  });
});
