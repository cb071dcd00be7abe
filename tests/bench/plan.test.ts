import { describe, expect, it } from "vitest";
import { DEFAULT_PLAN, nameRow, rowsOf } from "../../src/bench/plan.ts";

describe("rowsOf", () => {
  it("gives the default plan's rows, short ones of a kind first", () => {
    expect(rowsOf(DEFAULT_PLAN).map(nameRow)).toEqual([
      "time to first token 24",
      "prefill 128",
      "prefill 1024",
      "prefill 8192",
      "decode at 16",
      "decode at 1024",
      "decode at 8192",
      "decode at 32768",
      "decode at 131072",
    ]);
  });

  it("orders what is given, and takes each length once", () => {
    const plan = { ...DEFAULT_PLAN, promptTokens: 0, prefillLengths: [9, 3, 9], contexts: [100, 20] };
    expect(rowsOf(plan).map(nameRow)).toEqual(["prefill 3", "prefill 9", "decode at 20", "decode at 100"]);
  });

  it.each([
    [{ prefillLengths: [0] }, "prefillLengths: expected whole numbers from 1, got 0"],
    [{ contexts: [1.5] }, "contexts: expected whole numbers from 1, got 1.5"],
    [{ decodeTokens: 0 }, "decodeTokens: expected whole numbers from 1, got 0"],
    [{ runs: Number.NaN }, "runs: expected whole numbers from 1, got NaN"],
    [{ promptTokens: -1 }, "promptTokens: expected whole numbers from 0, got -1"],
    [{ fixedPace: { depth: 0, steps: 4 } }, "depth: expected whole numbers from 1, got 0"],
  ])("refuses %o", (change, message) => {
    expect(() => rowsOf({ ...DEFAULT_PLAN, ...change })).toThrow(new RangeError(message));
  });
});
