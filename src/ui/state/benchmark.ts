// The benchmark as the page shows it: what is asked of the engine, and what it found so far.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { BenchmarkPlan } from "../../bench/plan.ts";
import type { BenchmarkResult, BenchmarkSetup, LaunchCost, Measurement, SkippedRow } from "../../bench/result.ts";
import type { WorkerRequest } from "../../worker/messages.ts";
import type { ReadyModel } from "../../worker/messages-model.ts";

/** What is being timed: `run` of `runs`, 0 to warm up. */
export interface CurrentRun {
  readonly name: string;
  readonly run: number;
  readonly runs: number;
}

export interface BenchmarkState {
  readonly activity: ReadonlySignal<"idle" | "running" | "stopping">;
  readonly includesLong: Signal<boolean>;
  readonly setup: Signal<BenchmarkSetup | null>;
  readonly launch: Signal<LaunchCost | null>;
  readonly current: Signal<CurrentRun | null>;
  readonly measurements: Signal<readonly Measurement[]>;
  readonly skipped: Signal<readonly SkippedRow[]>;
  /** Of the last benchmark that ended, also one that was stopped. */
  readonly result: ReadonlySignal<BenchmarkResult | null>;
  readonly isRunning: ReadonlySignal<boolean>;
  start(model: ReadyModel): void;
  stop(): void;
  /** It begins, a second time when the GPU was lost. */
  begin(setup: BenchmarkSetup): void;
  end(result: BenchmarkResult | null): void;
  /** The engine is gone, and with it what it was doing. */
  abandon(): void;
}

/** About a minute on a laptop's GPU. */
const SHORT_PLAN: BenchmarkPlan = {
  prefillLengths: [128, 1024, 4096],
  contexts: [16, 1024],
  decodeTokens: 128,
  promptTokens: 24,
  runs: 3,
  rowBudgetMs: 10_000,
  profile: false,
};

const LONG_PLAN: BenchmarkPlan = {
  ...SHORT_PLAN,
  prefillLengths: [128, 1024, 4096, 16_384],
  contexts: [16, 1024, 8192, 32_768, 131_072],
  rowBudgetMs: 60_000,
};

/** A processor that plays GPU takes seconds for a token. */
const SOFTWARE_PLAN: BenchmarkPlan = {
  ...SHORT_PLAN,
  prefillLengths: [32],
  contexts: [16],
  decodeTokens: 8,
  promptTokens: 8,
  runs: 1,
  rowBudgetMs: 60_000,
};

export function createBenchmark(send: (request: WorkerRequest) => void): BenchmarkState {
  const activity = signal<"idle" | "running" | "stopping">("idle");
  const includesLong = signal(false);
  const setup = signal<BenchmarkSetup | null>(null);
  const launch = signal<LaunchCost | null>(null);
  const current = signal<CurrentRun | null>(null);
  const measurements = signal<readonly Measurement[]>([]);
  const skipped = signal<readonly SkippedRow[]>([]);
  const result = signal<BenchmarkResult | null>(null);
  const forget = (): void => {
    launch.value = null;
    measurements.value = [];
    skipped.value = [];
  };
  return {
    activity,
    includesLong,
    setup,
    launch,
    current,
    measurements,
    skipped,
    result,
    isRunning: computed(() => activity.value !== "idle"),
    start: ({ gpu }) => {
      if (activity.value !== "idle") return;
      batch(() => {
        activity.value = "running";
        setup.value = null;
        result.value = null;
        forget();
      });
      send({ kind: "benchmark", plan: gpu.isSoftware ? SOFTWARE_PLAN : includesLong.value ? LONG_PLAN : SHORT_PLAN });
    },
    stop: () => {
      if (activity.value !== "running") return;
      activity.value = "stopping";
      send({ kind: "stopBenchmark" });
    },
    begin: (told) => {
      batch(() => {
        setup.value = told;
        forget();
      });
    },
    end: (ended) => {
      batch(() => {
        activity.value = "idle";
        current.value = null;
        result.value = ended;
      });
    },
    abandon: () => {
      batch(() => {
        activity.value = "idle";
        current.value = null;
      });
    },
  };
}
