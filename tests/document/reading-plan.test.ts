import { describe, expect, test } from "vitest";
import { parseManifest } from "../../src/checkpoint/manifest.ts";
import {
  fittingTokens,
  growthPerToken,
  keptTokens,
  numActiveParameters,
  planMemory,
  readingMs,
} from "../../src/document/reading-plan.ts";
import { readFileSync } from "node:fs";

const manifest = parseManifest(JSON.parse(readFileSync("public/models/relampago-71m/manifest.json", "utf8")));
const { config } = manifest;

describe("the memory that a text needs", () => {
  const plan = planMemory(config, "f16");

  test("is a fixed state for the lightning layers, and keys for each token of the softmax layers", () => {
    // 14 layers of 6 heads of 64 by 64 f32; 2 layers of 2 KV heads of 64 keys and 64 values in f16.
    expect(plan.stateBytes).toBe(14 * 6 * 64 * 64 * 4);
    expect(plan.keyBytesPerToken).toBe(2 * 2 * 2 * 64 * 2);
    expect(plan.softmaxBytesPerToken).toBe(8 * plan.keyBytesPerToken);
    expect(planMemory(config, "f32").keyBytesPerToken).toBe(2 * plan.keyBytesPerToken);
  });

  test("bounds the tokens that fit, but not with a window of keys", () => {
    const freeBytes = plan.stateBytes + 5000.5 * plan.keyBytesPerToken;
    expect(fittingTokens(plan, freeBytes, null)).toBe(5000);
    expect(fittingTokens(plan, 10, null)).toBe(0);
    expect(fittingTokens(plan, freeBytes, { first: 64, last: 128 })).toBe(Infinity);
    expect(keptTokens(100, { first: 64, last: 128 })).toBe(100);
    expect(keptTokens(1000, { first: 64, last: 128 })).toBe(192);
  });
});

describe("the time that a text takes", () => {
  const growth = growthPerToken(config, numActiveParameters(config, manifest.numParameters));

  test("counts the parameters that work on a token as the model card does", () => {
    expect(numActiveParameters(config, manifest.numParameters) / 1e6).toBeCloseTo(28.5, 0);
  });

  test("is the sum over its tokens, each longer than the one before", () => {
    const msOf = (position: number): number => 0.5 * (1 + growth * position);
    let sum = 0;
    for (let position = 1000; position < 50_000; position++) sum += msOf(position + 0.5);
    expect(readingMs(growth, msOf(20_000), 20_000, 1000, 50_000, null)).toBeCloseTo(sum, 3);
  });

  test("grows no further behind a window of keys", () => {
    const window = { first: 64, last: 1000 };
    const msOf = (position: number): number => 0.5 * (1 + growth * Math.min(position, 1064));
    let sum = 0;
    for (let position = 0; position < 5000; position++) sum += msOf(position + 0.5);
    expect(readingMs(growth, msOf(3000), 3000, 0, 5000, window)).toBeCloseTo(sum, 2);
    expect(readingMs(growth, 0.5, 0, 0, 1_000_000, window)).toBeLessThan(readingMs(growth, 0.5, 0, 0, 1_000_000, null));
  });
});
