// What the command and the benchmark's worker in a browser say to each other.

import type { BenchmarkResult, BenchmarkSetup, LaunchCost, Measurement, SkippedRow } from "../../src/bench/result.ts";
import type { BenchTask } from "./bench-options.ts";

export type BenchRequest =
  /** `modelUrl` is the folder of an exported model and ends in a slash. */
  { readonly kind: "run"; readonly modelUrl: string; readonly task: BenchTask } | { readonly kind: "stop" };

export type BenchEvent =
  | { readonly kind: "setup"; readonly setup: BenchmarkSetup }
  | { readonly kind: "launch"; readonly launch: LaunchCost }
  | { readonly kind: "run"; readonly name: string; readonly run: number; readonly runs: number }
  | { readonly kind: "measurement"; readonly measurement: Measurement }
  | { readonly kind: "skipped"; readonly skipped: SkippedRow }
  | { readonly kind: "result"; readonly result: BenchmarkResult }
  | { readonly kind: "failure"; readonly message: string };
