// The engine on devices that are lost: what was loaded, read and written comes back, and answers end as they would have.

import { beforeEach, expect, test, vi } from "vitest";
import { createRandom } from "../../src/bench/made-up-source.ts";
import type { SamplingSettings } from "../../src/worker/messages-model.ts";
import {
  answer,
  type EngineUnderTest,
  load,
  loadEngine,
  SAMPLING,
  send,
  startEngine,
  textOf,
  useSite,
} from "./engine-under-test.ts";

const site = useSite();
beforeEach(() => site.loseDevices(1));

const SEEDED: SamplingSettings = { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 5 };
const NUM_TOKENS = 10;
const NUM_LOADING = 5;
const NUM_ANSWERING = 15;
/** Some 18 compilations of all kernels. */
const LONG = { timeout: 600_000 };

function ask(engine: EngineUnderTest, turn: number, text: string, sampling: SamplingSettings): Promise<string> {
  engine.send({ kind: "send", turn, text, sampling, maxTokens: NUM_TOKENS });
  return finish(engine, turn);
}

async function finish(engine: EngineUnderTest, turn: number): Promise<string> {
  expect(await engine.wait("turnEnded", "turnFailed", "loadFailed", "gpuGivenUp")).toMatchObject({
    kind: "turnEnded",
    turn,
  });
  return textOf(engine, turn);
}

async function beginAnew(engine: EngineUnderTest): Promise<void> {
  engine.send({ kind: "newChat", systemPrompt: "" });
  await engine.wait("chatCleared");
}

test("a device that is lost at any of 20 moments of loading, reading and writing changes no answer", LONG, async () => {
  const random = createRandom(3);
  /** A call from the first to the last of so many. */
  const drawCall = (numCalls: number) => 1 + Math.floor(((random() + 1) / 2) * numCalls);
  site.loseDevices(0);
  const engine = startEngine();
  let numBefore = site.numCalls;
  await load(engine);
  const numLoadCalls = site.numCalls - numBefore;
  let turn = 0;
  const expected = [];
  for (const sampling of [SAMPLING, SEEDED]) {
    await beginAnew(engine);
    const first = await ask(engine, ++turn, "Hello!", sampling);
    numBefore = site.numCalls;
    const second = await ask(engine, ++turn, "Tell me more than that.", sampling);
    expected.push({ sampling, first, second, numCalls: site.numCalls - numBefore });
  }
  expect(expected[0]!.second).not.toBe(expected[1]!.second);

  for (let moment = 0; moment < NUM_LOADING; moment++) {
    site.loseDevices(1);
    const at = drawCall(numLoadCalls);
    site.lossAtCall = site.numCalls + at;
    await load(engine);
    expect(site.numCalls, `loss at call ${at} of loading`).toBeGreaterThan(site.lossAtCall + numLoadCalls / 2);
    const { sampling, first } = expected[moment % 2]!;
    expect(await ask(engine, ++turn, "Hello!", sampling), `after a loss at call ${at} of loading`).toBe(first);
  }
  site.loseDevices(NUM_ANSWERING);
  await load(engine);
  for (let moment = 0; moment < NUM_ANSWERING; moment++) {
    const { sampling, first, second, numCalls } = expected[moment % 2]!;
    await beginAnew(engine);
    expect(await ask(engine, ++turn, "Hello!", sampling)).toBe(first);
    const at = drawCall(numCalls);
    site.lossAtCall = site.numCalls + at;
    const numRestored = engine.events.filter(({ kind }) => kind === "restored").length;
    expect(await ask(engine, ++turn, "Tell me more than that.", sampling), `loss at call ${at} of ${numCalls}`).toBe(
      second,
    );
    const texts = engine.events.filter((event) => event.kind === "text" && event.turn === turn);
    const counts = texts.map((event) => (event.kind === "text" ? event.generatedTokens : 0));
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    expect(engine.events.filter(({ kind }) => kind === "restored").length - numRestored, `loss at call ${at}`).toBe(1);
  }
  expect(site.devices).toHaveLength(1 + 2 * NUM_LOADING + 1 + NUM_ANSWERING);
});

/** An error that no scope takes. */
function raise(error: GPUError): void {
  site.devices.at(-1)!.onuncapturederror!(new GPUUncapturedErrorEvent("uncapturederror", { error }));
}

test("a conversation that is idle when the GPU fails goes on, however it failed", async () => {
  const engine = await loadEngine();
  await answer(engine, 1, "Hello!");
  const expected = await answer(engine, 2, "Go on.", 8);
  engine.send({ kind: "newChat", systemPrompt: "" });
  expect(await answer(engine, 3, "Hello!")).toBe(textOf(engine, 1));
  site.devices.at(-1)!.destroy();
  const { failure } = await engine.wait("restoring");
  expect(failure).toMatchObject({ kind: "device-lost" });
  await engine.wait("restored");
  raise(new GPUOutOfMemoryError("no room"));
  expect((await engine.wait("restoring")).failure).toMatchObject({ kind: "out-of-memory" });
  send(engine, 4, "Go on.", 8);
  expect(await finish(engine, 4)).toBe(expected);
  expect(engine.events.some(({ kind }) => kind === "loadFailed" || kind === "gpuGivenUp")).toBe(false);
});

test("an answer that is stopped while its GPU is away keeps what was shown", async () => {
  const engine = await loadEngine();
  await answer(engine, 1, "Hello!", 3);
  const after = await answer(engine, 2, "Go on.");
  engine.send({ kind: "newChat", systemPrompt: "" });
  send(engine, 3, "Hello!", 100);
  let text = await engine.wait("text");
  while (text.generatedTokens < 5) text = await engine.wait("text");
  raise(new GPUValidationError("wrong"));
  expect((await engine.wait("restoring")).failure).toEqual({
    kind: "gpu-error",
    message: "GPU: expected no error, got: wrong",
  });
  engine.send({ kind: "stop", turn: 3, shownTokens: 3 });
  expect(await engine.wait("turnEnded")).toMatchObject({ turn: 3, reason: "stopped", timings: { generatedTokens: 3 } });
  expect(await answer(engine, 4, "Go on.")).toBe(after);
});

test("after three losses in a row the person is asked, and smaller blocks go on with the same answer", async () => {
  site.loseDevices(3);
  const engine = await loadEngine();
  const expected = await answer(engine, 1, "Hello!", 8);
  await beginAnew(engine);
  send(engine, 2, "Hello!", 8);
  await engine.wait("text");
  site.devices.at(-1)!.destroy();
  for (let numLosses = 1; numLosses < 3; numLosses++) {
    await engine.wait("restoring");
    site.lossAtCall = site.numCalls + 40;
  }
  expect(await engine.wait("gpuGivenUp", "turnEnded", "turnFailed")).toMatchObject({
    failure: { kind: "device-lost" },
  });
  const numDevices = site.devices.length;
  engine.send({ kind: "resumeGpu", blockSize: 4 });
  expect(await finish(engine, 2)).toBe(expected);
  expect(site.devices.length).toBe(numDevices + 1);
  engine.send({ kind: "resumeGpu", blockSize: null });
  expect(await answer(engine, 3, "Go on.")).not.toBe("");
});

test("while there is no adapter it is asked for again and again", async () => {
  const engine = await loadEngine();
  const expected = await answer(engine, 1, "Hello!");
  await beginAnew(engine);
  const { requestAdapter } = navigator.gpu;
  let numRefused = 0;
  vi.stubGlobal("navigator", {
    userAgent: "test browser",
    gpu: { requestAdapter: async () => (++numRefused < 3 ? null : requestAdapter()) },
  });
  site.devices.at(-1)!.destroy();
  await engine.wait("restoring");
  expect(await answer(engine, 2, "Hello!")).toBe(expected);
  expect(numRefused).toBe(3);
});

test("a GPU that stands still is given up, and another finishes the answer", async () => {
  const hangLimits = { gpuMs: 180_000, softwareMs: 180_000 };
  const engine = startEngine({ hangLimits });
  await load(engine);
  const expected = await answer(engine, 1, "Hello!");
  await beginAnew(engine);
  const { queue } = site.devices.at(-1)!;
  queue.onSubmittedWorkDone = () => new Promise(() => {});
  hangLimits.gpuMs = hangLimits.softwareMs = 1000;
  send(engine, 2, "Hello!");
  const { failure } = await engine.wait("restoring");
  hangLimits.gpuMs = hangLimits.softwareMs = 180_000;
  expect(failure).toEqual({
    kind: "gpu-hung",
    message: "GPU queue: expected work to be done within 1 s, got none",
  });
  expect(await finish(engine, 2)).toBe(expected);
});
