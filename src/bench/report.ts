// A benchmark in text: a line for each thing that was found, as columns of a fixed width.

import type { Comparison } from "./compare.ts";
import type { BenchmarkSetup, LaunchCost, Measurement, SkippedRow, Summary } from "./result.ts";

const NAME_WIDTH = 24;

/** What runs, on what, how. */
export function reportSetup({ adapter, model, blockSize, kvFormat, pace, environment }: BenchmarkSetup): string {
  const weights = model.isMadeUp ? "made-up weights of its shape" : "its own weights";
  const paceText = pace === "adaptive" ? "adaptive" : `${pace.depth} runs of ${pace.steps} steps`;
  return [
    `${model.name}, ${(model.numParameters / 1e6).toFixed(1)}M parameters, ${model.format}, ${weights}`,
    `${adapter.name || "an adapter without a name"}, ${environment}`,
    ...(adapter.isSoftware ? ["SOFTWARE ADAPTER: compare ratios, not times"] : []),
    `kernel variants: ${adapter.variants.join(", ") || "none"}; blocks of ${blockSize} tokens; keys and values in ${kvFormat}; decode pace: ${paceText}`,
  ].join("\n");
}

export function reportLaunch({ dispatchUs, roundTripMs }: LaunchCost): string {
  const dispatch = `${format(dispatchUs.median)} µs (${formatRange(dispatchUs)})`;
  return `an empty dispatch takes ${dispatch}, a submit until the host knows ${format(roundTripMs.median)} ms`;
}

/** The titles of reportMeasurement's columns. */
export function reportColumns(): string {
  const titles = ["tokens/s", "ms", "fastest–slowest", "runs", "dispatches", "submits", "maps", "weights MB"];
  return line("", titles) + "  (last four: per token)";
}

export function reportMeasurement({ name, ms, tokensPerSecond, runs, perToken }: Measurement): string {
  const { dispatches, submits, mapCalls, weightBytes } = perToken;
  const counts = [dispatches, submits, mapCalls, weightBytes / 1e6].map(format);
  return line(name, [format(tokensPerSecond), format(ms.median), formatRange(ms), String(runs), ...counts]);
}

export function reportSkipped({ name, reason }: SkippedRow): string {
  return `${name.padEnd(NAME_WIDTH)} left out: ${reason}`;
}

/** Time per kernel, per token in decode and per run otherwise; empty without a profile. */
export function reportProfile({ name, kind, tokens, ms, profile }: Measurement): string {
  if (!profile) return "";
  const [share, unit] = kind === "decode" ? [1 / tokens, "token"] : [1, "run"];
  const row = (label: string, dispatches: string, value: number) => {
    const percent = `${((100 * value) / ms.median).toFixed(1)} %`;
    return `  ${label.padEnd(NAME_WIDTH)} ${dispatches.padStart(10)} ${format(value * share).padStart(10)} ${percent.padStart(8)}`;
  };
  return [
    `${name}: dispatches and ms a ${unit}, share of the unprofiled time`,
    ...profile.kernels.map(({ kernel, dispatches, ms: kernelMs }) => row(kernel, format(dispatches * share), kernelMs)),
    row("gaps", "", profile.gapMs),
    row("in all", "", ms.median),
  ].join("\n");
}

/** How many times as fast the second result is, row by row. */
export function reportComparison({ rows, unmatched, notes }: Comparison): string {
  const width = Math.max(NAME_WIDTH, ...rows.map(({ name }) => name.length));
  const columns = (name: string, values: readonly string[]) =>
    [name.padEnd(width), ...values.map((value) => value.padStart(11))].join(" ");
  return [
    ...notes.map((note) => `not the same: ${note}`),
    columns("ms a token", ["first", "second", "times as fast"]),
    ...rows.map(({ name, firstMs, secondMs, ratio }) => {
      return columns(name, [format(firstMs), format(secondMs), `${ratio.toFixed(2)} ×`]);
    }),
    ...unmatched.map((name) => `${name.padEnd(width)} in one file only`),
  ].join("\n");
}

function line(name: string, values: readonly string[]): string {
  const widths = [11, 9, 17, 5, 11, 8, 7, 11];
  return [name.padEnd(NAME_WIDTH), ...values.map((value, index) => value.padStart(widths[index]!))].join(" ");
}

/** Three or four digits. */
function format(value: number): string {
  if (value === 0) return "0";
  const digits = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(4, Math.max(0, 2 - digits)));
}

function formatRange({ fastest, slowest }: Summary): string {
  return `${format(fastest)}–${format(slowest)}`;
}
