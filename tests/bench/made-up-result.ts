// A benchmark's result that nobody measured.

import { type BenchmarkResult, type Measurement, RESULT_VERSION } from "../../src/bench/result.ts";
import { createCounters } from "../../src/gpu/counters.ts";

/** A row whose runs all took `ms`. */
export function createMeasurement(
  row: Pick<Measurement, "name" | "kind" | "length" | "tokens"> & Partial<Measurement>,
  ms: number,
): Measurement {
  return {
    runs: 3,
    ms: { median: ms, fastest: ms, slowest: ms },
    tokensPerSecond: (1000 * row.tokens) / ms,
    perToken: { ...createCounters(), dispatches: 16, submits: 0.25, mapCalls: 0.25, weightBytes: 1.5e6 },
    allocatedBytes: 1e6,
    ...row,
  };
}

export function createResult(change: Partial<BenchmarkResult>): BenchmarkResult {
  return {
    version: RESULT_VERSION,
    date: "2026-01-01T00:00:00.000Z",
    environment: "test",
    adapter: { name: "maker one", isSoftware: false, features: [], variants: ["subgroups"] },
    model: { name: "made-up", format: "q4", numParameters: 1_000_000, isMadeUp: true },
    blockSize: 128,
    kvFormat: "f16",
    pace: "adaptive",
    launch: {
      dispatchUs: { median: 4, fastest: 3, slowest: 5 },
      roundTripMs: { median: 0.1, fastest: 0.1, slowest: 0.1 },
    },
    measurements: [],
    skipped: [],
    isComplete: true,
    ...change,
  };
}
