// The engine on devices that are lost: what was loaded, read and written comes back, and answers end as they would have.

import { beforeEach, expect, test, vi } from "vitest";
import { answer, load, loadEngine, send, startEngine, textOf, useSite } from "./engine-under-test.ts";
import { beginAnew, finish, loseDevicesAt } from "./losses.ts";

const site = useSite();
beforeEach(() => site.loseDevices(1));

/** Each loss compiles all kernels; tests/long/recovery.test.ts has 20. */
const LONG = { timeout: 600_000 };

test("a device that is lost at any of 10 moments of loading, reading and writing changes no answer", LONG, async () => {
  await loseDevicesAt(site, 3, 7);
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
    gpu: { requestAdapter: async () => (++numRefused < 6 ? null : requestAdapter()) },
  });
  site.devices.at(-1)!.destroy();
  await engine.wait("restoring");
  expect(await answer(engine, 2, "Hello!")).toBe(expected);
  expect(numRefused).toBe(6);
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
