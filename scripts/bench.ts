// `npm run bench`: how fast a model reads and writes on this machine's GPU, in Node or in a browser; and comparing results.

import { readFile, writeFile } from "node:fs/promises";
import { compareResults } from "../src/bench/compare.ts";
import { reportComparison } from "../src/bench/report.ts";
import { type BenchmarkResult, parseBenchmarkResult } from "../src/bench/result.ts";
import { BENCH_USAGE, type BenchOptions, parseBenchOptions } from "./bench/bench-options.ts";
import { createReporter, printEnd } from "./bench/reporter.ts";
import { runInNode } from "./bench/run-in-node.ts";
import { runCommand } from "./node/run-command.ts";

async function main(): Promise<void> {
  const command = parseBenchOptions(process.argv.slice(2));
  switch (command.kind) {
    case "help":
      return console.log(BENCH_USAGE);
    case "compare": {
      const [first, second] = (await Promise.all(command.files.map(readResult))) as [BenchmarkResult, BenchmarkResult];
      return console.log(reportComparison(compareResults(first, second)));
    }
    case "run":
      return bench(command);
  }
}

async function bench(options: BenchOptions): Promise<void> {
  const controller = new AbortController();
  // The first one ends the benchmark with what there is, the second one at once.
  process.once("SIGINT", () => controller.abort());
  // A bundle for another machine has no browser to drive.
  const run = options.browser ? (await import("./bench/run-in-browser.ts")).runInBrowser : runInNode;
  const result = await run(options, controller.signal, createReporter());
  if (options.out !== undefined) await writeFile(options.out, `${JSON.stringify(result, null, 1)}\n`);
  printEnd(result, options.task.plan.profile);
}

async function readResult(file: string): Promise<BenchmarkResult> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new TypeError(`${file}: expected a result of --out, got no such file`, { cause });
  });
  return parseBenchmarkResult(file, text);
}

await runCommand(main);
