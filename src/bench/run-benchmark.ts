// Runs a plan over a loaded model: how fast it reads, how fast it writes, and what each token asks of the GPU. Knows no
// DOM and no Node: the command, a worker of the page and a bundle run the same.

import { numParametersOf } from "../checkpoint/tensor-plan.ts";
import { isSoftwareAdapter, nameAdapter } from "../gpu/adapter-name.ts";
import type { Model } from "../model/model.ts";
import { measureLaunchCost } from "./launch-cost.ts";
import { measureRow, type OnRun, SkipRow, warmUpKernels } from "./measure-row.ts";
import { type BenchmarkPlan, nameRow, rowsOf } from "./plan.ts";
import {
  type BenchmarkResult,
  type BenchmarkSetup,
  type LaunchCost,
  type Measurement,
  RESULT_VERSION,
  type SkippedRow,
} from "./result.ts";

/** What a model does not know of itself. */
export interface BenchmarkSubject {
  readonly modelName: string;
  /** Weights of the model's shape instead of its own. */
  readonly isMadeUp: boolean;
  /** What runs the benchmark, e.g. a browser's user agent. */
  readonly environment: string;
}

export interface BenchmarkOptions {
  /** Ends the benchmark soon; the result holds the rows measured until then. */
  readonly signal?: AbortSignal | undefined;
  /** Called before anything is measured. */
  readonly onSetup?: ((setup: BenchmarkSetup) => void) | undefined;
  /** Called when the cost of a launch is measured, before the first row. */
  readonly onLaunch?: ((launch: LaunchCost) => void) | undefined;
  /** Called before each run of a row, and before all kernels are run once. */
  readonly onRun?: OnRun | undefined;
  /** Called when a row is measured. */
  readonly onMeasurement?: ((measurement: Measurement) => void) | undefined;
  /** Called when a row is left out. */
  readonly onSkipped?: ((skipped: SkippedRow) => void) | undefined;
}

/** Measures the plan's rows one after another; nothing else may use the model's session meanwhile. Profiles are there when
 * the session was opened with `profile` and the adapter offers timestamps. Throws RangeError for a wrong plan. */
export async function runBenchmark(
  model: Model,
  subject: BenchmarkSubject,
  plan: BenchmarkPlan,
  { signal, onSetup, onLaunch, onRun, onMeasurement, onSkipped }: BenchmarkOptions = {},
): Promise<BenchmarkResult> {
  const rows = rowsOf(plan);
  const setup = describeSetup(model, subject, plan);
  onSetup?.(setup);
  const launch = await measureLaunchCost(model.session, plan.runs);
  onLaunch?.(launch);
  await warmUpKernels(model, signal, onRun);
  const measurements: Measurement[] = [];
  const skipped: SkippedRow[] = [];
  for (const row of rows) {
    if (signal?.aborted) break;
    const shorter = measurements.findLast(({ kind }) => kind === row.kind);
    try {
      const measurement = await measureRow(model, row, plan, { shorter, signal, onRun });
      if (!measurement) break;
      measurements.push(measurement);
      onMeasurement?.(measurement);
    } catch (error) {
      if (!(error instanceof SkipRow)) throw error;
      skipped.push({ name: nameRow(row), reason: error.message });
      onSkipped?.(skipped.at(-1)!);
    }
  }
  return {
    version: RESULT_VERSION,
    date: new Date().toISOString(),
    ...setup,
    launch,
    measurements,
    skipped,
    isComplete: measurements.length + skipped.length === rows.length,
  };
}

function describeSetup(
  { session, config, weights, blockSize, kvFormat }: Model,
  { modelName, isMadeUp, environment }: BenchmarkSubject,
  { fixedPace }: BenchmarkPlan,
): BenchmarkSetup {
  return {
    environment,
    adapter: {
      name: nameAdapter(session.adapterInfo),
      isSoftware: isSoftwareAdapter(session.adapterInfo),
      features: ([...session.device.features] as string[]).sort(),
      variants: [...session.features],
    },
    model: {
      name: modelName,
      format: weights.layers[0]!.gateUpProj.format,
      numParameters: numParametersOf(config),
      isMadeUp,
    },
    blockSize,
    kvFormat,
    pace: fixedPace ?? "adaptive",
  };
}
