// Two results of the same model on the same adapter, row by row.

import type { BenchmarkResult } from "./result.ts";

export interface ComparedRow {
  /** Of the row, of the empty dispatch, or of a kernel within a row: `decode at 16: lightning_decode`. */
  readonly name: string;
  /** Milliseconds a token; of a dispatch, milliseconds. */
  readonly firstMs: number;
  readonly secondMs: number;
  /** How many times as fast the second is. */
  readonly ratio: number;
}

export interface Comparison {
  readonly rows: readonly ComparedRow[];
  /** Names of rows that one of them lacks. */
  readonly unmatched: readonly string[];
  /** How the two were set up differently, a sentence each. */
  readonly notes: readonly string[];
}

/** Throws TypeError when the adapters or the models differ: ratios would say nothing. */
export function compareResults(first: BenchmarkResult, second: BenchmarkResult): Comparison {
  expectSameAdapter(first.adapter.name, second.adapter.name);
  expectSame("model", first.model.name, second.model.name);
  expectSame("parameters", first.model.numParameters, second.model.numParameters);
  const [before, after] = [timesOf(first), timesOf(second)];
  const rows = [...before].flatMap(([name, firstMs]): ComparedRow[] => {
    const secondMs = after.get(name);
    return secondMs === undefined ? [] : [{ name, firstMs, secondMs, ratio: firstMs / secondMs }];
  });
  const unmatched = [...before.keys(), ...after.keys()].filter((name) => !(before.has(name) && after.has(name)));
  return { rows, unmatched, notes: differencesOf(first, second) };
}

/** By name, in the order of the table. */
function timesOf({ launch, measurements }: BenchmarkResult): Map<string, number> {
  const rows = measurements.map(({ name, ms, tokens }): [string, number] => [name, ms.median / tokens]);
  const kernels = measurements.flatMap(({ name, profile, tokens }) => {
    return (profile?.kernels ?? []).map(({ kernel, ms }): [string, number] => [`${name}: ${kernel}`, ms / tokens]);
  });
  return new Map([["empty dispatch", launch.dispatchUs.median / 1000], ...rows, ...kernels]);
}

function differencesOf(first: BenchmarkResult, second: BenchmarkResult): string[] {
  const settings = (result: BenchmarkResult): [string, string][] => [
    ["adapter", result.adapter.name],
    ["environment", result.environment],
    ["format", result.model.format],
    ["weights", result.model.isMadeUp ? "made up" : "the model's"],
    ["variants", result.adapter.variants.join(", ") || "none"],
    ["block size", String(result.blockSize)],
    ["keys and values", result.kvFormat],
    ["pace", JSON.stringify(result.pace)],
    ["tokens of a decode run", result.measurements.find(({ kind }) => kind === "decode")?.tokens.toString() ?? "none"],
  ];
  const after = new Map(settings(second));
  return settings(first).flatMap(([name, value]) => {
    return value === after.get(name) ? [] : [`${name}: ${value}, then ${after.get(name)}`];
  });
}

/** Browsers tell less of an adapter than Node does: the beginning of its name. */
function expectSameAdapter(first: string, second: string): void {
  const [shorter, longer] = first.length < second.length ? [first, second] : [second, first];
  if (shorter === "" || !longer.startsWith(shorter)) expectSame("adapter", first, second);
}

function expectSame(what: string, first: string | number, second: string | number): void {
  if (first === second) return;
  const problem = `expected the same in both files, got ${JSON.stringify(first)} and ${JSON.stringify(second)}`;
  throw new TypeError(`${what}: ${problem}; such times are not comparable`);
}
