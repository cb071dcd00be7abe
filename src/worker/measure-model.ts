// The benchmark behind the protocol: what it finds, as events.

import type { BenchmarkPlan } from "../bench/plan.ts";
import type { BenchmarkResult } from "../bench/result.ts";
import { runBenchmark } from "../bench/run-benchmark.ts";
import type { ChatModel } from "../chat/chat-model.ts";
import type { WorkerEvent } from "./messages.ts";

/** Measures a loaded model on sequences of its own, and tells what is found as it is found. */
export function measureModel(
  { model, name }: ChatModel,
  plan: BenchmarkPlan,
  signal: AbortSignal,
  post: (event: WorkerEvent) => void,
): Promise<BenchmarkResult> {
  const subject = { modelName: name, isMadeUp: false, environment: navigator.userAgent };
  return runBenchmark(model, subject, plan, {
    signal,
    onSetup: (setup) => post({ kind: "benchmarkSetup", setup }),
    onLaunch: (launch) => post({ kind: "benchmarkLaunch", launch }),
    onRun: ({ name: row, run, runs }) => post({ kind: "benchmarkRun", name: row, run, runs }),
    onMeasurement: (measurement) => post({ kind: "benchmarkMeasured", measurement }),
    onSkipped: (skipped) => post({ kind: "benchmarkSkipped", skipped }),
  });
}
