import { expect, test } from "vitest";
import { FAILURE_TEXTS } from "../../src/ui/failure-texts.ts";
import { nameGpu } from "../../src/ui/gpu-name.ts";
import { formatBytes, formatElapsed, formatMegabytes, formatSpeed, formatWait } from "../../src/ui/quantities.ts";
import { describeRecall } from "../../src/ui/recall-text.ts";
import { parseRoute } from "../../src/ui/state/route.ts";
import { tokensPerSecond } from "../../src/ui/state/speed.ts";

test("bytes are told in decimal megabytes with a decimal below a hundred", () => {
  expect(formatMegabytes(12_340_000)).toBe("12.3");
  expect(formatBytes(39_400_000)).toBe("39.4 MB");
  expect(formatBytes(99_960_000)).toBe("100 MB");
  expect(formatBytes(1_234_567_890)).toBe("1.2 GB");
  expect(formatBytes(30_000)).toBe("30.0 kB");
  expect(formatBytes(0)).toBe("0.0 MB");
});

test("times are told in the unit that fits", () => {
  expect(formatElapsed(118.4)).toBe("118 ms");
  expect(formatElapsed(999.6)).toBe("1.0 s");
  expect(formatElapsed(12_340)).toBe("12.3 s");
  expect(formatWait(0.2)).toBe("1\u00a0s");
  expect(formatWait(59.4)).toBe("59\u00a0s");
  expect(formatWait(150)).toBe("3\u00a0min");
});

test("the speed counts the steps between tokens, and is unknown for a single one", () => {
  expect(tokensPerSecond(11, 500)).toBe(20);
  expect(tokensPerSecond(1, 500)).toBeNull();
  expect(tokensPerSecond(5, 0)).toBeNull();
  expect(formatSpeed(41.04)).toBe("41.0 tokens/s");
  expect(formatSpeed(412.6)).toBe("413 tokens/s");
});

test("every failure has a title and advice of its own", () => {
  const texts = Object.values(FAILURE_TEXTS);
  expect(new Set(texts.map(({ title }) => title)).size).toBe(texts.length);
  expect(new Set(texts.map(({ advice }) => advice[0])).size).toBe(texts.length);
});

test("only failures that trying again can cure offer it", () => {
  const kinds = Object.entries(FAILURE_TEXTS).filter(([, { retry }]) => retry === null);
  expect(kinds.map(([kind]) => kind)).toEqual([
    "no-webgpu",
    "insecure-origin",
    "no-webgpu-in-worker",
    "wrong-features",
    "bad-document",
  ]);
});

test("a GPU without a description is named by vendor and architecture", () => {
  const gpu = { vendor: "nvidia", architecture: "ampere", description: "", isSoftware: false, features: [] };
  expect(nameGpu(gpu)).toBe("nvidia ampere");
  expect(nameGpu({ ...gpu, description: "RTX 3060" })).toBe("RTX 3060");
  expect(nameGpu({ ...gpu, vendor: "", architecture: "" })).toBe("unnamed GPU");
});

test("an unknown address leads to the chat", () => {
  expect(parseRoute("")).toBe("chat");
  expect(parseRoute("#/nowhere")).toBe("chat");
});

test("what a model finds in long texts is told by length, up to where it finds nothing", () => {
  const at = (numTokens: number, found: number) => ({ numTokens, found, asked: 4 });
  expect(describeRecall([])).toBe("");
  expect(describeRecall([at(512, 3)])).toBe("Measured, it found 75 % of the facts hidden in texts of 512 tokens.");
  expect(describeRecall([at(512, 3), at(2048, 1), at(4096, 0), at(8192, 0)])).toBe(
    "Measured, it found 75 % of the facts hidden in texts of 512 tokens, 25 % in 2,048, and none in 4,096 to 8,192.",
  );
  expect(describeRecall([at(512, 0), at(1024, 0)])).toBe(
    "Measured, it found none of the facts hidden in texts of 512 to 1,024 tokens.",
  );
});
