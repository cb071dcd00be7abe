// Prints a benchmark as it goes: rows on stdout, what is running on a terminal's stderr.

import {
  reportColumns,
  reportLaunch,
  reportMeasurement,
  reportProfile,
  reportSetup,
  reportSkipped,
} from "../../src/bench/report.ts";
import type { BenchmarkResult } from "../../src/bench/result.ts";
import type { BenchmarkOptions } from "../../src/bench/run-benchmark.ts";

type Told = Required<Omit<BenchmarkOptions, "signal">>;
export type BenchmarkReporter = { readonly [Name in keyof Told]: NonNullable<Told[Name]> };

export function createReporter(): BenchmarkReporter {
  const print = (text: string): void => {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    console.log(text);
  };
  return {
    onSetup: (setup) => print(reportSetup(setup)),
    onLaunch: (launch) => print(`${reportLaunch(launch)}\n\n${reportColumns()}`),
    onRun: ({ name, run, runs }) => {
      const state = run === 0 ? "warming up" : `run ${run} of ${runs}`;
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${name}: ${state}`);
    },
    onMeasurement: (measurement) => print(reportMeasurement(measurement)),
    onSkipped: (skipped) => print(reportSkipped(skipped)),
  };
}

/** What comes after the table. */
export function printEnd({ adapter, measurements, isComplete }: BenchmarkResult, wantsProfile: boolean): void {
  const profiles = measurements.map(reportProfile).filter((text) => text !== "");
  for (const text of profiles) console.log(`\n${text}`);
  if (wantsProfile && !adapter.features.includes("timestamp-query")) {
    console.log("\nno time per kernel: this adapter does not offer timestamp-query");
  }
  if (!isComplete) console.log("\nended before all rows were measured");
}
