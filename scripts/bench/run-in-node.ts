// A benchmark in this process, through Dawn.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import { type BenchmarkSource, openBenchmarkSource } from "../../src/bench/benchmark-source.ts";
import type { BenchmarkResult } from "../../src/bench/result.ts";
import { runBenchmark } from "../../src/bench/run-benchmark.ts";
import { openHfCheckpoint } from "../../src/checkpoint/hf-checkpoint.ts";
import { createHfSource } from "../../src/checkpoint/hf-source.ts";
import { GpuSession } from "../../src/gpu/session.ts";
import { Model } from "../../src/model/model.ts";
import { openFolder, openModelFolder } from "../node/files.ts";
import { openGpu } from "../node/gpu.ts";
import { readShaders } from "../node/shaders.ts";
import type { BenchOptions } from "./bench-options.ts";
import type { BenchmarkReporter } from "./reporter.ts";

export async function runInNode(
  options: BenchOptions,
  signal: AbortSignal,
  reporter: BenchmarkReporter,
): Promise<BenchmarkResult> {
  const { format, features, kvFormat, blockSize, plan } = options.task;
  const { gpu } = await openGpu();
  const { modelName, source, isMadeUp } = await openSource(options);
  if (isMadeUp) console.error(`making up ${format} weights of ${modelName}'s shape`);
  const session = await GpuSession.open(gpu, { shaders: readShaders(), features, profile: plan.profile });
  const model = await Model.load(session, source, { kvFormat, ...(blockSize === undefined ? {} : { blockSize }) });
  const subject = { modelName, isMadeUp, environment: `Node ${process.version}, webgpu ${readWebgpuVersion()}` };
  const result = await runBenchmark(model, subject, plan, { signal, ...reporter });
  session.close();
  return result;
}

async function openSource({ model, hf, task }: BenchOptions): Promise<BenchmarkSource> {
  if (hf === undefined) return openBenchmarkSource(openModelFolder(model), task.format);
  const source = createHfSource(await openHfCheckpoint(openFolder(hf)), task.format ?? "q4");
  return { modelName: basename(resolve(hf)), source, isMadeUp: false };
}

/** Of the package that brings Dawn. */
function readWebgpuVersion(): string {
  const path = createRequire(import.meta.url).resolve("webgpu/package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
