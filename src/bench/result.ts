// What a benchmark found: plain data, written as JSON and read back to be compared.

import type { WeightFormat } from "../checkpoint/weight-source.ts";
import type { Counters } from "../gpu/counters.ts";
import type { Feature } from "../gpu/features.ts";
import type { KernelTime } from "../gpu/profiler.ts";
import type { KvFormat } from "../kernels/kv-format.ts";
import type { DecodePace } from "../model/decode-pipeline.ts";
import type { RowKind } from "./plan.ts";

export const RESULT_VERSION = 2;

/** The middle of repeated runs, and how far they lie apart. */
export interface Summary {
  readonly median: number;
  readonly fastest: number;
  readonly slowest: number;
}

/** Where the time of a run goes. */
export interface RunProfile {
  /** Longest first; of one run with a compute pass and two timestamps for each dispatch. */
  readonly kernels: readonly KernelTime[];
  readonly kernelMs: number;
  /** The median of the unprofiled runs less `kernelMs`: launches, barriers, waiting. Below 0 where dispatches overlap, or
   * where timestamps are rounded. */
  readonly gapMs: number;
}

export interface Measurement {
  /** e.g. `decode at 1024`. */
  readonly name: string;
  readonly kind: RowKind;
  /** Tokens of the prompt; of decode: tokens in the state when it begins. */
  readonly length: number;
  /** Tokens that a run reads, or draws in decode. */
  readonly tokens: number;
  /** Timed runs that the numbers below come from. */
  readonly runs: number;
  readonly ms: Summary;
  /** By the median. */
  readonly tokensPerSecond: number;
  /** What the engine asked of the GPU for each of `tokens`, in the last timed run; in decode a token is a step. */
  readonly perToken: Counters;
  /** All GPU buffers of the session while the row ran. */
  readonly allocatedBytes: number;
  readonly profile?: RunProfile | undefined;
}

/** A row that was not measured, and why. */
export interface SkippedRow {
  readonly name: string;
  readonly reason: string;
}

/** What a launch costs: dispatches that do next to nothing, each waiting for the one before, in one compute pass. */
export interface LaunchCost {
  /** Microseconds that each further dispatch takes. */
  readonly dispatchUs: Summary;
  /** Milliseconds from submitting one dispatch until the host knows that it is done. */
  readonly roundTripMs: Summary;
}

export interface BenchmarkedAdapter {
  /** In words. */
  readonly name: string;
  /** A software adapter's times say nothing; ratios within one machine do. */
  readonly isSoftware: boolean;
  /** Optional features of the device that was used. */
  readonly features: readonly string[];
  /** What the kernels use of them; none: the plain path. */
  readonly variants: readonly Feature[];
}

export interface BenchmarkedModel {
  readonly name: string;
  /** Of projections and experts. */
  readonly format: WeightFormat;
  readonly numParameters: number;
  /** Weights of the model's shape instead of its own: speed does not depend on their values. */
  readonly isMadeUp: boolean;
}

/** What is known before anything is measured. */
export interface BenchmarkSetup {
  /** What runs it, e.g. a browser's user agent. */
  readonly environment: string;
  readonly adapter: BenchmarkedAdapter;
  readonly model: BenchmarkedModel;
  readonly blockSize: number;
  readonly kvFormat: KvFormat;
  readonly pace: DecodePace | "adaptive";
}

export interface BenchmarkResult extends BenchmarkSetup {
  readonly version: typeof RESULT_VERSION;
  /** ISO 8601. */
  readonly date: string;
  readonly launch: LaunchCost;
  readonly measurements: readonly Measurement[];
  readonly skipped: readonly SkippedRow[];
  /** false: the signal ended it before all rows were measured. */
  readonly isComplete: boolean;
}

/** Checks what a comparison rests on. Throws TypeError naming the field; `file` is what messages call the text. */
export function parseBenchmarkResult(file: string, text: string): BenchmarkResult {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`${file}: expected JSON, got something else`, { cause });
  }
  const result = expectObject(file, "result", json);
  if (result.version !== RESULT_VERSION) {
    throw new TypeError(`${file}: version: expected ${RESULT_VERSION}, got ${String(result.version)}`);
  }
  expectText(file, "date", result.date);
  expectText(file, "environment", result.environment);
  const adapter = expectObject(file, "adapter", result.adapter);
  expectText(file, "adapter.name", adapter.name);
  expectList(file, "adapter.features", adapter.features);
  expectList(file, "adapter.variants", adapter.variants);
  const model = expectObject(file, "model", result.model);
  expectText(file, "model.name", model.name);
  expectText(file, "model.format", model.format);
  expectText(file, "kvFormat", result.kvFormat);
  const launch = expectObject(file, "launch", result.launch);
  expectSummary(file, "launch.dispatchUs", launch.dispatchUs);
  expectList(file, "skipped", result.skipped);
  for (const [index, item] of expectList(file, "measurements", result.measurements).entries()) {
    const path = `measurements.${index}`;
    const measurement = expectObject(file, path, item);
    expectText(file, `${path}.name`, measurement.name);
    expectNumber(file, `${path}.tokens`, measurement.tokens);
    expectNumber(file, `${path}.tokensPerSecond`, measurement.tokensPerSecond);
    expectSummary(file, `${path}.ms`, measurement.ms);
  }
  return json as BenchmarkResult;
}

function expectSummary(file: string, path: string, value: unknown): void {
  const summary = expectObject(file, path, value);
  for (const key of ["median", "fastest", "slowest"]) expectNumber(file, `${path}.${key}`, summary[key]);
}

function expectObject(file: string, path: string, value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TypeError(`${file}: ${path}: expected an object, got ${JSON.stringify(value)}`);
}

function expectList(file: string, path: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`${file}: ${path}: expected a list, got ${JSON.stringify(value)}`);
}

function expectText(file: string, path: string, value: unknown): void {
  if (typeof value !== "string") throw new TypeError(`${file}: ${path}: expected text, got ${JSON.stringify(value)}`);
}

function expectNumber(file: string, path: string, value: unknown): void {
  if (typeof value !== "number")
    throw new TypeError(`${file}: ${path}: expected a number, got ${JSON.stringify(value)}`);
}
