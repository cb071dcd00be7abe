import { expect, it } from "vitest";
import {
  crossingSentences,
  fitLanes,
  isAsComputed,
  MEMORY,
  memoryCrossings,
  READING,
  timeCrossings,
  WRITING,
} from "../../src/compare/findings.ts";
import type { RaceLane } from "../../src/compare/race-result.ts";

const POSITIONS = [100, 200, 400];

function lane(name: string, fixedBytes: number, bytesPerToken: number, msOf: (position: number) => number): RaceLane {
  return {
    name,
    stateSize: { fixedBytes, bytesPerToken },
    blockSize: 100,
    isComplete: true,
    reads: POSITIONS.map((position) => ({
      position,
      used: { weights: 7, recurrentState: fixedBytes, keys: bytesPerToken * position, other: 5 },
      msPerToken: msOf(position) / position,
      elapsedMs: msOf(position),
      loss: 3,
    })),
    writes: POSITIONS.map((position) => ({ position, msPerToken: msOf(position) / 100 })),
  };
}

const LANES = [lane("flat", 1000, 0, () => 25), lane("growing", 0, 4, (position) => (position / 100) ** 2 * 10)];

it("costs are fitted lane by lane", () => {
  expect(fitLanes(LANES, MEMORY).map((fit) => fit!.exponent)).toEqual([0, expect.closeTo(1, 12)]);
  expect(fitLanes(LANES, READING)[1]!.exponent).toBeCloseTo(2, 12);
  expect(fitLanes([{ ...LANES[0]!, writes: [] }], WRITING)).toEqual([undefined]);
});

it("memory crosses where the configs say, times where they were measured", () => {
  expect(memoryCrossings(LANES)).toEqual([{ more: "growing", less: "flat", fromToken: 251 }]);
  const crossings = timeCrossings(LANES, WRITING);
  expect(crossings).toEqual([{ more: "growing", less: "flat", fromToken: 200 }]);
  expect(crossingSentences(LANES, WRITING, crossings)).toEqual([
    "growing needs more time for a written token than flat from token 200 on.",
  ]);
});

it("only positions at which every lane was measured are compared", () => {
  const short = { ...LANES[1]!, writes: LANES[1]!.writes.slice(0, 1) };
  expect(timeCrossings([LANES[0]!, short], WRITING)).toEqual([]);
  expect(crossingSentences([LANES[0]!, short], WRITING, [])).toEqual([
    "No line crosses another for good up to token 400.",
  ]);
  expect(crossingSentences([LANES[0]!], WRITING, [])).toEqual([]);
});

it("a byte too many is noticed", () => {
  expect(LANES.map(isAsComputed)).toEqual([true, true]);
  expect(isAsComputed({ ...LANES[0]!, stateSize: { fixedBytes: 1001, bytesPerToken: 0 } })).toBe(false);
});
