// The protocol of the benchmark: a plan in, what is found out. Types only.

import type { BenchmarkPlan } from "../bench/plan.ts";
import type { BenchmarkResult, BenchmarkSetup, LaunchCost, Measurement, SkippedRow } from "../bench/result.ts";
import type { Failure } from "./messages-engine.ts";

export type BenchmarkRequest =
  /** Measures the loaded model after what was asked before, on a sequence of its own: the conversation stays. Answered by
   * `benchmarkSetup`, what is found, and in the end `benchmarkEnded` or `benchmarkFailed`. One at a time. */
  | { readonly kind: "benchmark"; readonly plan: BenchmarkPlan }
  /** Ends the benchmark soon, also one that has not begun; one that has ended is left alone. */
  | { readonly kind: "stopBenchmark" };

export type BenchmarkEvent =
  | { readonly kind: "benchmarkSetup"; readonly setup: BenchmarkSetup }
  | { readonly kind: "benchmarkLaunch"; readonly launch: LaunchCost }
  /** Before each of `runs` timed runs of a row; run 0 warms up. */
  | { readonly kind: "benchmarkRun"; readonly name: string; readonly run: number; readonly runs: number }
  | { readonly kind: "benchmarkMeasured"; readonly measurement: Measurement }
  | { readonly kind: "benchmarkSkipped"; readonly skipped: SkippedRow }
  /** null: stopped before it began. */
  | { readonly kind: "benchmarkEnded"; readonly result: BenchmarkResult | null }
  | { readonly kind: "benchmarkFailed"; readonly failure: Failure };
