import { describe, expect, test } from "vitest";
import { findObstacle, mustAsk, UNASKED_BYTES } from "../../src/ui/state/life-cycle.ts";
import { createTestPage, GOOD_ENVIRONMENT, MODEL } from "./test-page.ts";

describe("before the worker starts", () => {
  test("an insecure page is told as such, though it has no navigator.gpu either", () => {
    expect(findObstacle({ ...GOOD_ENVIRONMENT, hasWebGpu: false, isSecureContext: false })?.kind).toBe(
      "insecure-origin",
    );
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
    engine().emit({ kind: "size", name: "small", totalBytes: UNASKED_BYTES - 1, keptBytes: 0 });
    expect(engine().requests).toEqual([
      { kind: "load", modelUrl: "https://example.test/models/small/", features: "default", memoryBudgetBytes: 1e9 },
      { kind: "fetchWeights" },
    ]);
    expect(page.lifeCycle.current.value).toMatchObject({ state: "loading", totalBytes: UNASKED_BYTES - 1 });
  });

  test("waits for agreement from 100 MB on", () => {
    const { page, engine } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: UNASKED_BYTES, keptBytes: 0 });
    expect(engine().requests.map(({ kind }) => kind)).toEqual(["load"]);
    expect(page.lifeCycle.current.value).toEqual({
      state: "asking",
      name: "small",
      totalBytes: UNASKED_BYTES,
      keptBytes: 0,
    });
    page.agree();
    page.agree();
    expect(engine().requests.map(({ kind }) => kind)).toEqual(["load", "fetchWeights"]);
  });

  test("waits for agreement on a metered connection, however small it is", () => {
    expect(mustAsk(1, { ...GOOD_ENVIRONMENT, isMetered: true })).toBe(true);
    expect(mustAsk(1, GOOD_ENVIRONMENT)).toBe(false);
  });

  test("is only what this browser has not kept: none of it needs no agreement", () => {
    expect(mustAsk(0, { ...GOOD_ENVIRONMENT, isMetered: true })).toBe(false);
    const { page, engine } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: 3 * UNASKED_BYTES, keptBytes: 2 * UNASKED_BYTES + 1 });
    expect(page.lifeCycle.current.value).toMatchObject({ state: "loading", origin: "storage" });
  });

  test("has a rate only where bytes come over the network, in one run", () => {
    const { page, engine, advance } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: 9000, keptBytes: 4000 });
    const arrive = (loadedBytes: number, origin: "storage" | "network" | "other-tab") => {
      engine().emit({ kind: "loading", phase: "weights", loadedBytes, totalBytes: 9000, origin });
      advance(1000);
    };
    arrive(2000, "storage");
    arrive(4000, "storage");
    expect(page.lifeCycle.progress.value).toMatchObject({ origin: "storage", bytesPerSecond: null, secondsLeft: null });
    arrive(4000, "network");
    expect(page.lifeCycle.progress.value).toMatchObject({ origin: "network", bytesPerSecond: null });
    arrive(5000, "network");
    expect(page.lifeCycle.progress.value).toMatchObject({ bytesPerSecond: 1000, secondsLeft: 4 });
    // Begun anew.
    arrive(4500, "network");
    expect(page.lifeCycle.progress.value).toMatchObject({ loadedBytes: 4500, bytesPerSecond: null });
    arrive(4500, "other-tab");
    expect(page.lifeCycle.progress.value).toMatchObject({ origin: "other-tab", bytesPerSecond: null });
  });
  test("tells bytes, rate and time left", () => {
    const { page, engine, advance } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: 10_000_000, keptBytes: 0 });
    expect(page.lifeCycle.progress.value).toMatchObject({ fraction: 0, bytesPerSecond: null, secondsLeft: null });
    for (const loadedBytes of [0, 1_000_000, 2_000_000]) {
      engine().emit({ kind: "loading", phase: "weights", loadedBytes, totalBytes: 10_000_000, origin: "network" });
      advance(500);
    }
    expect(page.lifeCycle.progress.value).toEqual({
      phase: "weights",
      origin: "network",
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
    engine().emit({ kind: "loading", phase: "manifest" });
    advance(200);
    expect(page.lifeCycle.progress.value).toMatchObject({ phase: "manifest", elapsedMs: 200, fraction: null });
    engine().emit({ kind: "size", name: "small", totalBytes: 5, keptBytes: 0 });
    engine().emit({ kind: "loading", phase: "kernels" });
    advance(100);
    engine().emit({ kind: "loading", phase: "kernels" });
    expect(page.lifeCycle.progress.value).toMatchObject({ phase: "kernels", elapsedMs: 100, fraction: null });
  });

  test("a late progress event does not undo ready", () => {
    const { page, engine } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: 5, keptBytes: 0 });
    engine().emit({ kind: "ready", model: MODEL });
    engine().emit({ kind: "loading", phase: "weights", loadedBytes: 1, totalBytes: 5, origin: "network" });
    expect(page.lifeCycle.current.value).toEqual({ state: "ready", model: MODEL });
    expect(page.lifeCycle.progress.value).toBeNull();
  });
});

describe("a pause of the download", () => {
  const PAUSE = { kind: "paused", problem: "cut", message: "part 0: expected the rest, got an error" } as const;

  function createPausedPage() {
    const test = createTestPage();
    test.page.start();
    test.engine().emit({ kind: "size", name: "small", totalBytes: 9000, keptBytes: 0 });
    test.engine().emit({ ...PAUSE, pauseMs: 4000 });
    test.engine().requests.length = 0;
    return test;
  }

  test("counts down by whole seconds, never below none", () => {
    const { page, advance } = createPausedPage();
    const { pause, secondsToTry } = page.lifeCycle;
    expect(pause.value).toMatchObject({ problem: "cut", message: PAUSE.message });
    expect(secondsToTry.value).toBe(4);
    advance(100);
    expect(secondsToTry.value).toBe(4);
    advance(900);
    expect(secondsToTry.value).toBe(3);
    advance(9000);
    expect(secondsToTry.value).toBe(0);
  });

  test("is announced once, and its end by what goes on", () => {
    const { page, engine, advance } = createPausedPage();
    const announced = page.announcement.value;
    expect(announced).toBe("The connection broke off. It will be tried again.");
    advance(1000);
    expect(page.announcement.value).toBe(announced);
    engine().emit({ kind: "resumed" });
    expect(page.announcement.value).toBe("Downloading the model.");
  });

  test("can be cut short, which is asked of the engine once there is one", () => {
    const { page, engine } = createPausedPage();
    page.tryNow();
    expect(engine().requests).toEqual([{ kind: "tryNow" }]);
    engine().emit({ kind: "resumed" });
    page.tryNow();
    expect(engine().requests).toHaveLength(1);
  });

  test("is no part of the connection's speed", () => {
    const { page, engine, advance } = createTestPage();
    page.start();
    engine().emit({ kind: "size", name: "small", totalBytes: 90_000, keptBytes: 0 });
    const arrive = (loadedBytes: number) => {
      engine().emit({ kind: "loading", phase: "weights", loadedBytes, totalBytes: 90_000, origin: "network" });
      advance(1000);
    };
    arrive(0);
    arrive(1000);
    expect(page.lifeCycle.progress.value).toMatchObject({ bytesPerSecond: 1000 });
    engine().emit({ ...PAUSE, pauseMs: 1000 });
    expect(page.lifeCycle.progress.value).toMatchObject({ bytesPerSecond: null, secondsLeft: null });
    advance(1000);
    engine().emit({ kind: "resumed" });
    arrive(1500);
    arrive(3500);
    expect(page.lifeCycle.progress.value).toMatchObject({ bytesPerSecond: 2000 });
  });

  test("ends with the load, well or not", () => {
    for (const end of [
      { kind: "ready", model: MODEL },
      { kind: "loadFailed", failure: { kind: "download", message: "no" } },
    ] as const) {
      const { page, engine } = createPausedPage();
      engine().emit(end);
      expect(page.lifeCycle.pause.value).toBeNull();
      expect(page.lifeCycle.secondsToTry.value).toBeNull();
    }
  });

  test("can come before the size is known", () => {
    const { page, engine } = createTestPage();
    page.start();
    engine().emit({ kind: "loading", phase: "manifest" });
    engine().emit({ ...PAUSE, pauseMs: 2000 });
    expect(page.lifeCycle.secondsToTry.value).toBe(2);
    engine().emit({ kind: "size", name: "small", totalBytes: 5, keptBytes: 0 });
    expect(page.lifeCycle.pause.value).toBeNull();
  });
});

test("what the next visit will find is known until the next load", () => {
  const { page, engine } = createTestPage();
  page.start();
  expect(page.lifeCycle.keeping.value).toBeNull();
  engine().emit({ kind: "keeping", keeping: "full" });
  expect(page.lifeCycle.keeping.value).toBe("full");
  page.start();
  expect(page.lifeCycle.keeping.value).toBeNull();
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
