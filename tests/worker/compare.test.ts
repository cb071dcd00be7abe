// Comparing behind the protocol: two models beside each other, each measurement, stopping, and a device that is lost.

import { beforeEach, describe, expect, test, vi } from "vitest";
import { stateBytesAt } from "../../src/compare/state-size.ts";
import type { ComparedModel, CompareTask } from "../../src/worker/messages-compare.ts";
import type { WorkerEvent } from "../../src/worker/messages.ts";
import { type EngineUnderTest, type EventOf, SAMPLING, startEngine, useSite } from "./engine-under-test.ts";
import { MODEL_URL, serveFolder } from "./made-up-folder.ts";

const site = useSite();
const SECOND_URL = "https://model.test/second/";
const PLAN = { prompt: "Hello!", sampling: SAMPLING, maxTokens: 20, order: "in turns" } as const;
const RACE = { kind: "compareRace", text: { numTokens: 60, text: null, seed: 1 } } as const;

beforeEach(() => {
  // The same files under another address: another model.
  const serve = serveFolder(site.folder);
  vi.stubGlobal("fetch", (input: string | Request, init?: RequestInit) => {
    const url = String(input instanceof Request ? input.url : input);
    return serve(url.replace(SECOND_URL, MODEL_URL), init);
  });
});

async function open(engine: EngineUnderTest): Promise<readonly ComparedModel[]> {
  engine.send({ kind: "compareOpen", modelUrls: [MODEL_URL, SECOND_URL] });
  const size = await engine.wait("compareSize", "compareFailed");
  expect(size).toMatchObject({ kind: "compareSize", models: [{ keptBytes: 0 }, { keptBytes: 0 }] });
  engine.send({ kind: "compareAgree" });
  const ready = await engine.wait("compareReady", "compareFailed");
  if (ready.kind !== "compareReady") throw new Error(`compare: expected models, got ${ready.failure.message}`);
  await engine.wait("compareEnded");
  return ready.models;
}

async function finish(engine: EngineUnderTest, task: CompareTask): Promise<void> {
  const end = await engine.wait("compareEnded", "compareFailed");
  expect(end).toEqual({ kind: "compareEnded", task });
}

function eventsOf<Kind extends WorkerEvent["kind"]>(engine: EngineUnderTest, kind: Kind): EventOf<Kind>[] {
  return engine.events.filter((event): event is EventOf<Kind> => event.kind === kind);
}

describe("two models beside each other", () => {
  test("answer in turns and one after another with the same text, each with the bytes of its own ledger", async () => {
    const engine = startEngine();
    const models = await open(engine);
    expect(models).toHaveLength(2);
    expect(models[0]!.allocatedBytes).toBe(models[1]!.allocatedBytes);
    const texts: string[][] = [];
    for (const order of ["in turns", "one after another"] as const) {
      const numBefore = engine.events.length;
      engine.send({ kind: "compareAnswer", plan: { ...PLAN, order } });
      await finish(engine, "answer");
      const told = engine.events.slice(numBefore).filter((event) => event.kind === "compareAnswering");
      const runs = told.filter(({ state }) => state.writtenTokens > 0).map(({ index }) => index);
      // 19 tokens after the first: a run of 16 steps and one of 3.
      expect(runs).toEqual(order === "in turns" ? [0, 1, 0, 1] : [0, 0, 1, 1]);
      const last = [0, 1].map((index) => told.findLast((event) => event.index === index)!.state);
      texts.push(last.map(({ text }) => text));
      for (const state of last) {
        expect(state).toMatchObject({ generatedTokens: 20, writtenTokens: 19, end: "length" });
        expect(state.position).toBe(state.promptTokens + 19);
        expect(state.used.recurrentState + state.used.keys).toBe(stateBytesAt(state.stateSize, state.position));
        expect(state.promptLoss).toBeGreaterThan(0);
      }
    }
    expect(new Set(texts.flat()).size).toBe(1);
    expect(texts[0]![0]).not.toBe("");
    const ledger = eventsOf(engine, "ledger").at(-1)!;
    const allocated = ledger.lines.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
    expect(allocated).toBe(models[0]!.allocatedBytes + models[1]!.allocatedBytes);

    engine.send({ kind: "compareInspect", text: "The password is copper." });
    const inspected = await engine.wait("compareInspected", "compareFailed");
    if (inspected.kind !== "compareInspected") throw new Error(inspected.failure.message);
    expect(inspected.tokens.join("")).toBe("The password is copper.");
    expect(inspected.models[0]!.layers.map(({ halfLives }) => halfLives === null)).toEqual([false, true, false]);
    expect(await engine.wait("compareWeights")).toMatchObject({ token: inspected.tokens.length - 1 });
    await finish(engine, "inspect");
    engine.send({ kind: "compareToken", token: 2 });
    const { models: weights } = await engine.wait("compareWeights");
    expect(weights.map(({ layers }) => layers.map(({ length }) => length))).toEqual([
      [6, 6, 6],
      [6, 6, 6],
    ]);
  });

  test("race to the end while the chat's model is asked for, which is loaded beside them then", async () => {
    const engine = startEngine();
    await open(engine);
    engine.send(RACE);
    await engine.wait("compareRead");
    engine.send({ kind: "load", modelUrl: MODEL_URL, features: "default" });
    await finish(engine, "race");
    expect(eventsOf(engine, "compareLane").map(({ lane }) => lane.isComplete)).toEqual([true, true]);
    await engine.wait("size");
    engine.send({ kind: "fetchWeights" });
    expect(await engine.wait("ready", "loadFailed")).toMatchObject({ kind: "ready" });
    expect(site.devices).toHaveLength(1);
    engine.send({ kind: "compareAnswer", plan: PLAN });
    await finish(engine, "answer");
    expect(eventsOf(engine, "compareReady")).toHaveLength(1);
  });

  // Every kernel is compiled anew, which takes a software adapter its time.
  test(
    "a race that loses its device begins anew, and one that is stopped keeps what it has",
    { timeout: 400_000 },
    async () => {
      site.loseDevices(1);
      const engine = startEngine();
      await open(engine);
      engine.send(RACE);
      await engine.wait("compareRead");
      site.devices.at(-1)!.destroy();
      await finish(engine, "race");
      expect(eventsOf(engine, "compareBegun").filter(({ task }) => task === "race")).toHaveLength(2);
      const lanes = eventsOf(engine, "compareLane");
      expect(lanes.map(({ index, lane }) => [index, lane.isComplete, lane.reads.at(-1)!.position])).toEqual([
        [0, true, 60],
        [1, true, 60],
      ]);

      engine.send(RACE);
      engine.send({ kind: "compareRecall", plan: { sizes: [2], seeds: [1], questions: 1 } });
      await engine.wait("compareRead");
      engine.send({ kind: "stopCompare" });
      const ends = [await engine.wait("compareEnded"), await engine.wait("compareEnded")].map(({ task }) => task);
      expect(ends.sort()).toEqual(["race", "recall"]);
      expect(eventsOf(engine, "compareLane").at(-1)!.lane.isComplete).toBe(false);
      expect(eventsOf(engine, "compareRecalled")).toEqual([]);
    },
  );
});

test("models that are not there, or texts without tokens, fail their task alone", async () => {
  const engine = startEngine();
  engine.send({ kind: "compareOpen", modelUrls: [MODEL_URL, "https://model.test/nowhere/"] });
  expect(await engine.wait("compareFailed")).toMatchObject({ task: "open", failure: { kind: "missing-file" } });
  await open(engine);
  engine.send({ kind: "compareInspect", text: "" });
  expect(await engine.wait("compareFailed", "compareEnded")).toMatchObject({
    task: "inspect",
    failure: { message: "text: expected a token or more, got none" },
  });
});
