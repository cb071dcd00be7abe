// The benchmark behind the protocol: measures the chat's model on sequences of its own, and tells what is found.

import type { BenchmarkPlan } from "../bench/plan.ts";
import type { BenchmarkResult } from "../bench/result.ts";
import { runBenchmark } from "../bench/run-benchmark.ts";
import type { ChatModel } from "../chat/chat-model.ts";
import { parseFailure } from "./failures.ts";
import type { GpuHost } from "./gpu-host.ts";
import type { JobQueue } from "./job-queue.ts";
import type { BenchmarkRequest } from "./messages-benchmark.ts";
import type { WorkerEvent } from "./messages.ts";
import type { ModelUse } from "./model-use.ts";

export class BenchmarkPart {
  readonly #host: GpuHost;
  readonly #queue: JobQueue;
  readonly #post: (event: WorkerEvent) => void;
  readonly #subject: () => ModelUse | undefined;
  /** Asked for last. */
  #job = 0;

  /** @param subject the model to measure, if one is loaded */
  constructor(host: GpuHost, queue: JobQueue, post: (event: WorkerEvent) => void, subject: () => ModelUse | undefined) {
    this.#host = host;
    this.#queue = queue;
    this.#post = post;
    this.#subject = subject;
  }

  receive(request: BenchmarkRequest): void {
    switch (request.kind) {
      case "benchmark":
        this.#job = this.#queue.add({
          part: "benchmark",
          title: "Benchmark",
          run: (signal) => this.#measure(request.plan, signal),
          skip: () => this.#post({ kind: "benchmarkEnded", result: null }),
        });
        return;
      case "stopBenchmark":
        return this.#queue.cancel(this.#job);
    }
  }

  async #measure(plan: BenchmarkPlan, signal: AbortSignal): Promise<void> {
    const use = this.#subject();
    if (!use) return this.#post({ kind: "benchmarkEnded", result: null });
    try {
      // On another GPU it begins anew.
      const result = await this.#host.run(async (gpu) => {
        const measured = await measureModel(await gpu.open(use, signal), plan, signal, this.#post);
        gpu.progress();
        return measured;
      }, signal);
      this.#post({ kind: "benchmarkEnded", result });
    } catch (error) {
      if (signal.aborted) this.#post({ kind: "benchmarkEnded", result: null });
      else this.#post({ kind: "benchmarkFailed", failure: parseFailure(error) });
    }
  }
}

function measureModel(
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
