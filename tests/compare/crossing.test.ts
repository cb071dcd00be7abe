import { describe, expect, it } from "vitest";
import {
  crossingsOfMeasured,
  crossingsOfSizes,
  describeCrossing,
  type GrowingCost,
} from "../../src/compare/crossing.ts";
import { stateBytesAt } from "../../src/compare/state-size.ts";

const COSTS: readonly GrowingCost[] = [
  { name: "hybrid", fixedBytes: 344_064, bytesPerToken: 256 },
  { name: "lightning", fixedBytes: 393_216, bytesPerToken: 0 },
  { name: "softmax", fixedBytes: 1000, bytesPerToken: 2048 },
];

describe("crossings of sizes", () => {
  it("are the first token at which one needs more, for every pair that crosses, the earliest first", () => {
    const crossings = crossingsOfSizes(COSTS);
    expect(crossings).toEqual([
      { more: "softmax", less: "hybrid", fromToken: 192 },
      { more: "softmax", less: "lightning", fromToken: 192 },
      { more: "hybrid", less: "lightning", fromToken: 193 },
    ]);
    const costOf = (name: string) => COSTS.find((cost) => cost.name === name)!;
    for (const { more, less, fromToken } of crossings) {
      const differenceAt = (token: number) => stateBytesAt(costOf(more), token) - stateBytesAt(costOf(less), token);
      expect(differenceAt(fromToken)).toBeGreaterThan(0);
      expect(differenceAt(fromToken - 1)).toBeLessThanOrEqual(0);
    }
  });

  it("are none where one needs more from the start, or both grow alike", () => {
    const small = { name: "small", fixedBytes: 0, bytesPerToken: 1 };
    expect(crossingsOfSizes([small, { name: "large", fixedBytes: 1, bytesPerToken: 2 }])).toEqual([]);
    expect(crossingsOfSizes([small, { name: "offset", fixedBytes: 9, bytesPerToken: 1 }])).toEqual([]);
  });
});

describe("crossings of measured lines", () => {
  const POSITIONS = [10, 20, 30, 40, 50];

  it("are where a line stays above to the end, whatever it did before", () => {
    const crossings = crossingsOfMeasured(POSITIONS, [
      { name: "flat", values: [5, 5, 5, 5, 5] },
      { name: "growing", values: [1, 6, 4, 7, 9] },
    ]);
    expect(crossings).toEqual([{ more: "growing", less: "flat", fromToken: 40 }]);
  });

  it("pass over points that one of them lacks", () => {
    const crossings = crossingsOfMeasured(POSITIONS, [
      { name: "flat", values: [5, NaN, 5, 5, NaN] },
      { name: "growing", values: [1, 1, 6, 7, 1] },
    ]);
    expect(crossings).toEqual([{ more: "growing", less: "flat", fromToken: 30 }]);
  });

  it("are none without a change", () => {
    const costs = [
      { name: "low", values: [1, 1, 1, 1, 1] },
      { name: "high", values: [2, 2, 2, 2, 2] },
    ];
    expect(crossingsOfMeasured(POSITIONS, costs)).toEqual([]);
  });
});

it("a crossing is told in a sentence", () => {
  const crossing = { more: "softmax", less: "hybrid", fromToken: 1384 };
  expect(describeCrossing(crossing, "more memory")).toBe("softmax needs more memory than hybrid from token 1,384 on.");
});
