import { describe, expect, test } from "vitest";
import { findObstacle, mustAsk, UNASKED_BYTES } from "../../src/ui/state/life-cycle.ts";
import { createTestPage, GOOD_ENVIRONMENT, MODEL } from "./test-page.ts";

describe("before the worker starts", () => {
  test("an insecure page is told as such, though it has no navigator.gpu either", () => {
    expect(findObstacle({ hasWebGpu: false, isSecureContext: false, isMetered: false })?.kind).toBe("insecure-origin");
  });

  test("a secure page without navigator.gpu has no WebGPU", () => {
    expect(findObstacle({ ...GOOD_ENVIRONMENT, hasWebGpu: false })?.kind).toBe("no-webgpu");
  });

  test("no engine is started where it could not run", () => {
    const { page, engines } = createTestPage({ ...GOOD_ENVIRONMENT, hasWebGpu: false });
    page.start();
    expect(engines).toHaveLength(0);
    expect(page.lifeCycle.current.value).toMatchObject({ state: "failed", failure: { kind: "no-webgpu" } });
  });
});

describe("the download", () => {
  test("starts at once below 100 MB", () => {
    const { page, engine } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: UNASKED_BYTES - 1 });
    expect(engine().requests).toEqual([
      { kind: "load", modelUrl: "https://example.test/models/small/", features: "default" },
      { kind: "fetchWeights" },
    ]);
    expect(page.lifeCycle.current.value).toMatchObject({ state: "loading", totalBytes: UNASKED_BYTES - 1 });
  });

  test("waits for agreement from 100 MB on", () => {
    const { page, engine } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: UNASKED_BYTES });
    expect(engine().requests.map(({ kind }) => kind)).toEqual(["load"]);
    expect(page.lifeCycle.current.value).toEqual({ state: "asking", name: "small", totalBytes: UNASKED_BYTES });
    page.agree();
    page.agree();
    expect(engine().requests.map(({ kind }) => kind)).toEqual(["load", "fetchWeights"]);
  });

  test("waits for agreement on a metered connection, however small it is", () => {
    expect(mustAsk(1, { ...GOOD_ENVIRONMENT, isMetered: true })).toBe(true);
    expect(mustAsk(1, GOOD_ENVIRONMENT)).toBe(false);
  });

  test("tells bytes, rate and time left", () => {
    const { page, engine, advance } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: 10_000_000 });
    expect(page.lifeCycle.progress.value).toMatchObject({ fraction: 0, bytesPerSecond: null, secondsLeft: null });
    for (const loadedBytes of [0, 1_000_000, 2_000_000]) {
      engine().emit({ kind: "loading", phase: "weights", loadedBytes, totalBytes: 10_000_000 });
      advance(500);
    }
    expect(page.lifeCycle.progress.value).toEqual({
      phase: "weights",
      fraction: 0.2,
      loadedBytes: 2_000_000,
      totalBytes: 10_000_000,
      bytesPerSecond: 2_000_000,
      secondsLeft: 4,
      elapsedMs: 1500,
    });
  });

  test("counts the time of each phase from its own beginning", () => {
    const { page, engine, advance } = createTestPage();
    page.start();
    advance(300);
    expect(page.lifeCycle.progress.value).toMatchObject({ phase: "adapter", elapsedMs: 300 });
    engine().emit({ kind: "loading", phase: "manifest", loadedBytes: 0, totalBytes: 0 });
    advance(200);
    expect(page.lifeCycle.progress.value).toMatchObject({ phase: "manifest", elapsedMs: 200, fraction: null });
    engine().emit({ kind: "size", name: "small", totalBytes: 5 });
    engine().emit({ kind: "loading", phase: "kernels", loadedBytes: 5, totalBytes: 5 });
    advance(100);
    engine().emit({ kind: "loading", phase: "kernels", loadedBytes: 5, totalBytes: 5 });
    expect(page.lifeCycle.progress.value).toMatchObject({ phase: "kernels", elapsedMs: 100, fraction: null });
  });

  test("a late progress event does not undo ready", () => {
    const { page, engine } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: 5 });
    engine().emit({ kind: "ready", model: MODEL });
    engine().emit({ kind: "loading", phase: "weights", loadedBytes: 1, totalBytes: 5 });
    expect(page.lifeCycle.current.value).toEqual({ state: "ready", model: MODEL });
    expect(page.lifeCycle.progress.value).toBeNull();
  });
});

describe("a failure", () => {
  test("of loading is kept for the page, and a retry starts a new engine", () => {
    const { page, engines, engine } = createTestPage();
    page.start();
    const failure = { kind: "download", message: "shard 0: expected 5 bytes, got 4" } as const;
    engine().emit({ kind: "loadFailed", failure });
    expect(page.lifeCycle.current.value).toEqual({ state: "failed", failure });
    page.start();
    expect(engines).toHaveLength(2);
    expect(engines[0]!.isClosed).toBe(true);
    expect(engine().requests.map(({ kind }) => kind)).toEqual(["load"]);
    expect(page.lifeCycle.current.value.state).toBe("starting");
  });

  test("is told by its first cause", () => {
    const { page, engine } = createTestPage();
    page.start();
    engine().emit({ kind: "loadFailed", failure: { kind: "device-lost", message: "the cause" } });
    engine().emit({ kind: "loadFailed", failure: { kind: "internal", message: "what followed" } });
    expect(page.lifeCycle.current.value).toMatchObject({ failure: { message: "the cause" } });
  });

  test("of the worker itself closes it", () => {
    const { page, engine } = createTestPage();
    page.start();
    engine().crash({ kind: "internal", message: "engine worker: expected no error, got x" });
    expect(engine().isClosed).toBe(true);
    expect(page.lifeCycle.current.value).toMatchObject({ state: "failed", failure: { kind: "internal" } });
  });
});
