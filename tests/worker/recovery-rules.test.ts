// When another GPU is tried, how long one is waited for, and when the person is asked: without any GPU.

import { expect, test, vi } from "vitest";
import { UnsupportedGpuError } from "../../src/gpu/session.ts";
import { DownloadError } from "../../src/store/download-error.ts";
import type { WorkerEvent } from "../../src/worker/messages.ts";
import { Recovery } from "../../src/worker/recovery.ts";
import { GpuFailureError } from "../../src/worker/session-health.ts";

const LOST = new GpuFailureError("device-lost", "GPU device: expected it to stay, got lost");
const NO_ADAPTER = new UnsupportedGpuError("no-adapter", "GPU adapter: expected one, got none");

function createRecovery() {
  const events: WorkerEvent["kind"][] = [];
  const recovery = new Recovery((event) => events.push(event.kind));
  return { recovery, events };
}

/** Whether a promise has ended by now. */
async function hasEnded(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  await Promise.resolve();
  return (
    (await Promise.race([
      promise.catch(() => "ended"),
      new Promise((resolve) => setImmediate(() => resolve(pending))),
    ])) !== pending
  );
}

test("two losses in a row are tried again at once, the third asks, and progress begins the count anew", async () => {
  const { recovery, events } = createRecovery();
  await recovery.take(LOST, undefined);
  await recovery.take(LOST, undefined);
  recovery.progress();
  await recovery.take(LOST, undefined);
  await recovery.take(LOST, undefined);
  expect(events).toEqual(["restoring", "restoring", "restored", "restoring", "restoring"]);
  const third = recovery.take(LOST, undefined);
  expect(await hasEnded(third)).toBe(false);
  expect(events.at(-1)).toBe("gpuGivenUp");
  recovery.resume();
  await third;
  expect(events.at(-1)).toBe("restoring");
});

test("the first GPU is not waited for, one in place of a lost one is, with growing pauses, and then the person is asked", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const { recovery, events } = createRecovery();
    let numTries = 0;
    const open = async () => {
      numTries += 1;
      throw NO_ADAPTER;
    };
    await expect(recovery.open(open, undefined)).rejects.toBe(NO_ADAPTER);
    expect(numTries).toBe(1);
    await recovery.take(LOST, undefined);
    const opening = recovery.open(open, undefined).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(200);
    expect(numTries).toBe(2);
    await vi.advanceTimersByTimeAsync(100);
    expect(numTries).toBe(3);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(numTries).toBe(10);
    expect(events).toEqual(["restoring", "gpuGivenUp"]);
    recovery.resume();
    await vi.advanceTimersByTimeAsync(100);
    expect(numTries).toBe(11);
    recovery.giveUp();
    expect(await opening).toBeInstanceOf(GpuFailureError);
  } finally {
    vi.useRealTimers();
  }
});

test("losses without any job ask before another GPU is opened, unless it was calm between them", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const { recovery, events } = createRecovery();
    const open = async () => "a GPU";
    for (let loss = 0; loss < 4; loss++) {
      await recovery.open(open, undefined);
      await vi.advanceTimersByTimeAsync(31_000);
      recovery.takeIdle(LOST);
    }
    expect(events).toEqual(["restoring", "restoring", "restoring", "restoring"]);
    for (let loss = 0; loss < 2; loss++) {
      await recovery.open(open, undefined);
      recovery.takeIdle(LOST);
    }
    const opening = recovery.open(open, undefined);
    expect(await Promise.race([opening, vi.advanceTimersByTimeAsync(100).then(() => "asked")])).toBe("asked");
    expect(events.at(-1)).toBe("gpuGivenUp");
    recovery.resume();
    expect(await opening).toBe("a GPU");
  } finally {
    vi.useRealTimers();
  }
});

test("a download that fails while the model is brought back asks too; before any loss it is a failure", async () => {
  const { recovery, events } = createRecovery();
  const failure = new DownloadError("cut", "weights-1.bin: expected the rest, got an error");
  expect(await recovery.takeDownload(failure, undefined)).toBe(false);
  await recovery.take(LOST, undefined);
  expect(await recovery.takeDownload(new Error("something else"), undefined)).toBe(false);
  const asked = recovery.takeDownload(failure, undefined);
  expect(events.at(-1)).toBe("gpuGivenUp");
  recovery.resume();
  expect(await asked).toBe(true);
});

test("waiting ends with the job's signal", async () => {
  const { recovery } = createRecovery();
  const abort = new AbortController();
  for (let loss = 0; loss < 2; loss++) await recovery.take(LOST, abort.signal);
  const third = recovery.take(LOST, abort.signal);
  abort.abort(new Error("cancelled"));
  await expect(third).rejects.toThrow("cancelled");
  await expect(recovery.take(LOST, abort.signal)).rejects.toThrow("cancelled");
});
