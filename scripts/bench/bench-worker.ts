// The benchmark in a browser's worker: loads the model, runs the plan, tells what it finds.

import { openBenchmarkSource } from "../../src/bench/benchmark-source.ts";
import { runBenchmark } from "../../src/bench/run-benchmark.ts";
import { GpuSession } from "../../src/gpu/session.ts";
import { Model } from "../../src/model/model.ts";
import { browserPorts } from "../../src/store/browser-ports.ts";
import { type StoreListener, WeightStore } from "../../src/store/weight-store.ts";
import { bundledShaders } from "../../src/worker/bundled-shaders.ts";
import type { BenchEvent, BenchRequest } from "./bench-messages.ts";

/** The server is on this machine: there is nothing to wait for and nothing to keep. */
const STORE_PORTS = { ...browserPorts, locks: undefined };
const SILENT: StoreListener = { onPause: () => {}, onResume: () => {}, onOrigin: () => {}, onKeeping: () => {} };

const controller = new AbortController();
const tell = (event: BenchEvent): void => self.postMessage(event);

self.onmessage = ({ data: request }: MessageEvent<BenchRequest>) => {
  if (request.kind === "stop") return controller.abort();
  run(request).catch((error: unknown) => tell({ kind: "failure", message: String(error) }));
};

async function run({ modelUrl, task }: Extract<BenchRequest, { kind: "run" }>): Promise<void> {
  const { format, features, kvFormat, blockSize, plan } = task;
  const files = await WeightStore.open(modelUrl, STORE_PORTS, SILENT);
  const { modelName, source, isMadeUp } = await openBenchmarkSource(files, format);
  const session = await GpuSession.open(navigator.gpu, { shaders: bundledShaders, features, profile: plan.profile });
  const model = await Model.load(session, source, { kvFormat, ...(blockSize === undefined ? {} : { blockSize }) });
  const result = await runBenchmark(model, { modelName, isMadeUp, environment: navigator.userAgent }, plan, {
    signal: controller.signal,
    onSetup: (setup) => tell({ kind: "setup", setup }),
    onLaunch: (launch) => tell({ kind: "launch", launch }),
    onRun: (progress) => tell({ kind: "run", ...progress }),
    onMeasurement: (measurement) => tell({ kind: "measurement", measurement }),
    onSkipped: (skipped) => tell({ kind: "skipped", skipped }),
  });
  session.close();
  tell({ kind: "result", result });
}
