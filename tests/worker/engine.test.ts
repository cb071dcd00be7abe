import { expect, test, vi } from "vitest";
import type { FailureKind } from "../../src/worker/messages-engine.ts";
import { answer, failLoad, load, loadEngine, send, settle, startEngine, textOf, useSite } from "./engine-under-test.ts";
import { encodeJson, MODEL_URL, serveFolder } from "./made-up-folder.ts";

const site = useSite();

test("a model is loaded in steps that are told, and its weights only when that is agreed to", async () => {
  const engine = startEngine();
  engine.send({ kind: "load", modelUrl: MODEL_URL, features: "default" });
  const totalBytes = [...site.folder].reduce((sum, [name, file]) => sum + (name.endsWith(".bin") ? file.length : 0), 0);
  expect(await engine.wait("size")).toEqual({ kind: "size", name: "made-up", totalBytes, keptBytes: 0 });
  await settle();
  const steps = engine.events.filter(({ kind }) => kind !== "queue" && kind !== "gpuOpened");
  expect(steps.map((event) => (event.kind === "loading" ? event.phase : event.kind))).toEqual([
    "adapter",
    "manifest",
    "keeping",
    "size",
  ]);
  engine.send({ kind: "fetchWeights" });
  const { model } = await engine.wait("ready");
  expect(model).toMatchObject({
    name: "made-up",
    downloadBytes: totalBytes,
    numLayers: 3,
    numLightningLayers: 2,
    contextLength: 512,
    defaultSampling: { temperature: 0.7, topK: 40, topP: 0.9, minP: 0 },
  });
  const loading = engine.events.filter((event) => event.kind === "loading").slice(2);
  const loaded = loading.flatMap((event) => (event.phase === "weights" ? [event.loadedBytes] : []));
  expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
  expect(loading.at(-2)).toEqual({
    kind: "loading",
    phase: "weights",
    loadedBytes: totalBytes,
    totalBytes,
    origin: "network",
  });
  expect(loading.at(-1)).toEqual({ kind: "loading", phase: "kernels" });
  expect(engine.events.findLast((event) => event.kind === "keeping")).toMatchObject({ keeping: "no-storage" });
  const { lines } = await engine.wait("ledger");
  expect(lines.find((line) => line.kind === "weights")!.allocatedBytes).toBeGreaterThanOrEqual(totalBytes - 10_000);
});

test("a turn tells what is read, the text, its end and the memory, and the next goes on from it", async () => {
  const engine = await loadEngine();
  send(engine, 1, "Hello!");
  const reading = await engine.wait("reading");
  expect(reading).toMatchObject({ turn: 1, readTokens: reading.totalTokens });
  expect(await engine.wait("text")).toMatchObject({ turn: 1, generatedTokens: 1, elapsedMs: expect.any(Number) });
  const ended = await engine.wait("turnEnded");
  expect(ended).toMatchObject({ turn: 1, reason: "length", usedTokens: reading.totalTokens + 6 });
  expect(ended.timings).toMatchObject({ promptTokens: reading.totalTokens, generatedTokens: 6 });
  expect(await engine.wait("ledger")).toBeDefined();
  send(engine, 2, "And?");
  const next = await engine.wait("turnEnded");
  expect(next.usedTokens).toBe(ended.usedTokens + next.timings.promptTokens - 1 + 6);
});

test("a stopped turn goes on from the tokens that were shown, and New chat from none", async () => {
  const engine = await loadEngine();
  await answer(engine, 1, "Hello!", 3);
  const after = await answer(engine, 2, "Go on.");
  engine.send({ kind: "newChat", systemPrompt: "" });
  expect(await engine.wait("chatCleared")).toEqual({ kind: "chatCleared", usedTokens: 0 });

  send(engine, 3, "Hello!", 200);
  let text = await engine.wait("text");
  while (text.generatedTokens < 5) text = await engine.wait("text");
  // The page has shown less than the worker has told.
  engine.send({ kind: "stop", turn: 3, shownTokens: 3 });
  const stopped = await engine.wait("turnEnded");
  expect(stopped).toMatchObject({ turn: 3, reason: "stopped", timings: { generatedTokens: 3 } });
  expect(stopped.usedTokens).toBe(stopped.timings.promptTokens + 3);
  expect(await answer(engine, 4, "Go on.")).toBe(after);

  engine.send({ kind: "newChat", systemPrompt: "" });
  const first = await answer(engine, 5, "Hello!", 3);
  expect(first).toBe(textOf(engine, 1));

  // Cancelled in the queue, an answer ends after what was told.
  send(engine, 6, "Go on.", 200);
  while ((await engine.wait("text")).generatedTokens < 3);
  const { jobs } = engine.events.findLast((event) => event.kind === "queue")!;
  engine.send({ kind: "cancelJob", job: jobs[0]!.job });
  const cancelled = await engine.wait("turnEnded");
  const { generatedTokens } = engine.events.findLast((event) => event.kind === "text")!;
  expect(cancelled).toMatchObject({ turn: 6, reason: "stopped", timings: { generatedTokens } });
});

test("a stop before any text takes the turn back, at once when it waits for another", async () => {
  const engine = await loadEngine();
  send(engine, 1, "Hello!", 3);
  send(engine, 2, "What?", 50);
  engine.send({ kind: "stop", turn: 2, shownTokens: 0 });
  expect(engine.events.at(-1)).toMatchObject({ kind: "turnEnded", turn: 2, reason: "stopped", usedTokens: 0 });
  await engine.wait("turnEnded");
  const first = await engine.wait("turnEnded");
  expect(first).toMatchObject({ turn: 1, reason: "length" });
  send(engine, 6, "What?", 50);
  await engine.wait("queue");
  engine.send({ kind: "stop", turn: 6, shownTokens: 0 });
  const { turn, reason, usedTokens } = await engine.wait("turnEnded");
  expect({ turn, reason, usedTokens }).toEqual({
    turn: 6,
    reason: "stopped",
    usedTokens: first.usedTokens,
  });
  expect(textOf(engine, 2) + textOf(engine, 6)).toBe("");
  // Too late, and for a turn that never was.
  engine.send({ kind: "stop", turn: 1, shownTokens: 1 });
  engine.send({ kind: "stop", turn: 9, shownTokens: 0 });
  const next = await answer(engine, 3, "Go on.");
  engine.send({ kind: "newChat", systemPrompt: "" });
  await answer(engine, 4, "Hello!", 3);
  expect(await answer(engine, 5, "Go on.")).toBe(next);
});

test("a message that does not fit ends at once, with the conversation as it was", async () => {
  const engine = await loadEngine();
  await answer(engine, 1, "Hello!");
  const { usedTokens } = engine.events.findLast((event) => event.kind === "turnEnded")!;
  send(engine, 2, "word ".repeat(600));
  expect(await engine.wait("turnEnded")).toMatchObject({ turn: 2, reason: "context", usedTokens });
});

test("no WebGPU in the worker and no adapter are told apart", async () => {
  vi.stubGlobal("navigator", {});
  expect(await failLoad()).toMatchObject({ kind: "no-webgpu-in-worker" });
  vi.stubGlobal("navigator", { gpu: { requestAdapter: async () => null } });
  expect(await failLoad()).toMatchObject({ kind: "no-adapter" });
});

test("the features that are asked for are used, and a wrong choice is told as such", async () => {
  const { model } = await load(startEngine(), "none");
  expect(model.gpu.features).toEqual([]);
  const usual = await load(startEngine());
  const offersSubgroups = (await site.gpu.requestAdapter())!.features.has("subgroups");
  expect(usual.model.gpu.features).toEqual(offersSubgroups ? ["subgroups"] : []);
  for (const choice of ["warp", "", "subgroups,", "NONE"]) {
    const { kind, message } = await failLoad(startEngine(), choice);
    expect(kind, choice).toBe("wrong-features");
    expect(message).toMatch(choice === "" ? /got nothing$/ : new RegExp(`got ${choice}$`));
  }
  expect(await failLoad(startEngine(), "subgroup-matrix")).toEqual({
    kind: "wrong-features",
    message: "features: expected what the GPU offers, got subgroup-matrix",
  });
});

test("a missing file, a network that is down and a connection that breaks off are told apart", async () => {
  for (const name of ["manifest.json", "tokenizer.json", "weights-2.bin"]) {
    site.folder = new Map(site.whole);
    site.folder.delete(name);
    vi.stubGlobal("fetch", serveFolder(site.folder));
    expect(await failLoad()).toEqual({ kind: "missing-file", message: `${name}: expected status 200, got 404` });
  }
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("fetch failed")));
  expect(await failLoad()).toMatchObject({ kind: "download" });
  for (const name of ["manifest.json", "weights-1.bin"]) {
    vi.stubGlobal("fetch", async (input: URL) => {
      if (!input.pathname.endsWith(name)) return serveFolder(new Map(site.whole))(input);
      const half = site.whole.get(name)!.slice(0, 1000);
      let numPulls = 0;
      return new Response(
        new ReadableStream({
          pull: (controller) =>
            numPulls++ === 0 ? controller.enqueue(half) : controller.error(new TypeError("reset")),
        }),
      );
    });
    const failure = await failLoad();
    expect(failure.kind, failure.message).toBe("download");
    expect(failure.message).toContain(`${name}: expected`);
  }
});

test("pages instead of files are told as such, and damaged files are a bad model", async () => {
  const page = new TextEncoder().encode("<!doctype html><title>Not found</title>");
  const shard = site.whole.get("weights-2.bin")!.slice();
  shard[12345]! ^= 1;
  const manifest = JSON.parse(new TextDecoder().decode(site.whole.get("manifest.json"))) as object;
  // An export from before the tokenizer's files had digests.
  const earlier = encodeJson({ ...manifest, files: [] });
  const damages: [Record<string, Uint8Array<ArrayBuffer>>, FailureKind, string][] = [
    [{ "manifest.json": page }, "web-page", "manifest.json"],
    [{ "tokenizer_config.json": page }, "web-page", "tokenizer_config.json"],
    [{ "tokenizer_config.json": page, "manifest.json": earlier }, "web-page", "tokenizer_config.json"],
    [{ "weights-1.bin": page }, "web-page", "weights-1.bin"],
    [{ "manifest.json": encodeJson({ ...manifest, tensors: [] }) }, "bad-model", "manifest.json"],
    [{ "manifest.json": encodeJson({ ...manifest, tokenizer: null }) }, "bad-model", "tokenizer"],
    [{ "tokenizer.json": encodeJson({}) }, "bad-model", "tokenizer.json"],
    [{ "tokenizer.json": encodeJson({}), "manifest.json": earlier }, "bad-model", "tokenizer.json"],
    [{ "weights-2.bin": shard }, "bad-model", "weights-2.bin: SHA-256"],
  ];
  for (const [files, kind, named] of damages) {
    site.folder = new Map([...site.whole, ...Object.entries(files)]);
    vi.stubGlobal("fetch", serveFolder(site.folder));
    const failure = await failLoad();
    expect(failure.kind, failure.message).toBe(kind);
    expect(failure.message).toContain(named);
  }
});

test("a load that failed can be tried again in the same engine", async () => {
  const engine = startEngine();
  site.folder.delete("weights-1.bin");
  expect(await failLoad(engine)).toMatchObject({ kind: "missing-file" });
  site.folder.set("weights-1.bin", site.whole.get("weights-1.bin")!);
  await load(engine);
  expect(await answer(engine, 1, "Hello!")).not.toBe("");
});

test("a load takes the place of one that is under way and of what was loaded, and frees their GPU", async () => {
  const engine = startEngine();
  engine.send({ kind: "load", modelUrl: MODEL_URL, features: "default" });
  await engine.wait("size");
  await load(engine);
  await load(engine);
  expect(await answer(engine, 1, "Hello!")).not.toBe("");
  expect(engine.events.filter((event) => event.kind === "loadFailed")).toEqual([]);
  expect(site.devices).toHaveLength(3);
  for (const device of site.devices.slice(0, 2)) expect(await device.lost).toMatchObject({ reason: "destroyed" });
});

test("an error in New chat is told, and the requests after it are served", async () => {
  const engine = await loadEngine();
  const device = site.devices.at(-1)!;
  const createCommandEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = () => {
    throw new Error("encoder: expected one, got none");
  };
  engine.send({ kind: "newChat", systemPrompt: "" });
  expect(await engine.wait("loadFailed", "chatCleared")).toMatchObject({ failure: { kind: "internal" } });
  device.createCommandEncoder = createCommandEncoder;
  await load(engine);
  expect(await answer(engine, 1, "Hello!")).not.toBe("");
});

test("what exceeds the budget of memory is refused with numbers, and a shorter conversation fits", async () => {
  const engine = startEngine();
  const limits = { memoryBudgetBytes: 1e6 };
  const { memory, kind } = await failLoad(engine, "default", limits);
  expect(kind).toBe("memory-budget");
  expect(memory).toMatchObject({ what: "model", usedBytes: 0, budgetBytes: 1e6 });
  expect(memory!.neededBytes).toBeGreaterThan(2e6);
  const { memory: text } = await failLoad(engine, "default", { memoryBudgetBytes: memory!.neededBytes + 3e5 });
  expect(text).toMatchObject({ what: "room for 512 tokens", usedBytes: expect.any(Number) });
  expect(text!.usedBytes).toBeGreaterThan(2e6);
  const { model } = await load(engine, "default", { contextTokens: 100 });
  expect(model.contextLength).toBe(100);
  expect(await answer(engine, 1, "Hello!")).not.toBe("");
});
