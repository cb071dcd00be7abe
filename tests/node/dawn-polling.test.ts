import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { slowDawnPolling } from "../../scripts/node/dawn-polling.ts";
import { openGpu } from "../../scripts/node/gpu.ts";

const { setImmediate: usual } = globalThis;
let gpu: GPU;

beforeEach(async () => {
  const opened = await openGpu();
  gpu = opened.gpu;
  // Done already where the adapter is software.
  if (!opened.isSoftware) slowDawnPolling();
});

afterEach(async () => {
  if (!(await openGpu()).isSoftware) globalThis.setImmediate = usual;
});

test("whoever waits for the GPU leaves the processor to others", async () => {
  const device = await (await gpu.requestAdapter())!.requestDevice();
  const start = performance.eventLoopUtilization();
  for (let wait = 0; wait < 100; wait++) await device.queue.onSubmittedWorkDone();
  expect(performance.eventLoopUtilization(start).utilization).toBeLessThan(0.5);
  device.destroy();
});

test("what others give to setImmediate can be cleared and awaited as ever", async () => {
  let hasRun = false;
  const run = () => (hasRun = true);
  for (const callback of [run, run.bind(null)]) {
    const immediate = setImmediate(callback);
    expect(immediate.constructor.name).toBe("Immediate");
    clearImmediate(immediate);
  }
  let immediate: NodeJS.Immediate | undefined;
  await new Promise<void>((resolve) => (immediate = setImmediate(resolve)));
  expect(immediate!.constructor.name).toBe("Immediate");
  await pause(10);
  expect(hasRun).toBe(false);
  expect(await promisify(setImmediate)("given")).toBe("given");
});
