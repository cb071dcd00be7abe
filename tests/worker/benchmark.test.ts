import { expect, test } from "vitest";
import type { BenchmarkPlan } from "../../src/bench/plan.ts";
import { type EventOf, loadEngine, SAMPLING, startEngine, textOf, useSite } from "./engine-under-test.ts";

const site = useSite();

const PLAN: BenchmarkPlan = {
  prefillLengths: [8],
  contexts: [4],
  decodeTokens: 2,
  promptTokens: 0,
  runs: 1,
  rowBudgetMs: 60_000,
  profile: false,
};

test("a benchmark tells what it finds, and the conversation goes on as if it had not been", async () => {
  const engine = await loadEngine();
  const say = async (turn: number) => {
    engine.send({ kind: "send", turn, text: "Hello!", sampling: SAMPLING, maxTokens: 6 });
    expect(await engine.wait("turnEnded", "turnFailed")).toMatchObject({ kind: "turnEnded" });
    return textOf(engine, turn);
  };
  const first = await say(1);
  const undisturbed = await say(2);
  engine.send({ kind: "newChat", systemPrompt: "" });
  expect(await say(3)).toBe(first);
  engine.send({ kind: "benchmark", plan: PLAN });
  const { setup } = await engine.wait("benchmarkSetup");
  expect(setup).toMatchObject({ environment: "test browser", model: { isMadeUp: false } });
  const { result } = await engine.wait("benchmarkEnded");
  expect(result).toMatchObject({ isComplete: true, skipped: [] });
  expect(result!.measurements.map(({ name }) => name)).toEqual(["prefill 8", "decode at 4"]);
  const told = engine.events.flatMap((event) => (event.kind === "benchmarkMeasured" ? [event.measurement] : []));
  expect(told).toEqual(result!.measurements);
  expect(await say(4)).toBe(undisturbed);
});

test("a benchmark that is stopped before it begins measures nothing", async () => {
  const engine = await loadEngine();
  engine.send({ kind: "send", turn: 1, text: "Hello!", sampling: SAMPLING, maxTokens: 4 });
  engine.send({ kind: "benchmark", plan: PLAN });
  engine.send({ kind: "stopBenchmark" });
  expect((await engine.wait("benchmarkEnded")).result).toBeNull();
  expect(engine.events.some(({ kind }) => kind === "benchmarkSetup")).toBe(false);
});

test("without a model there is nothing to measure", async () => {
  const engine = startEngine();
  engine.send({ kind: "benchmark", plan: PLAN });
  expect((await engine.wait("benchmarkEnded")).result).toBeNull();
});

test("a device lost meanwhile has the benchmark begin anew", async () => {
  site.loseDevices(1);
  const engine = await loadEngine();
  engine.send({ kind: "benchmark", plan: PLAN });
  await engine.wait("benchmarkRun");
  site.lossAtCall = site.numCalls + 10;
  await engine.wait("restoring");
  const { result } = (await engine.wait("benchmarkEnded", "benchmarkFailed")) as EventOf<"benchmarkEnded">;
  expect(result).toMatchObject({ isComplete: true });
  expect(engine.events.filter(({ kind }) => kind === "benchmarkSetup")).toHaveLength(2);
  expect(engine.events.filter(({ kind }) => kind === "restored")).toHaveLength(1);
});
