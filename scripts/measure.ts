// `node scripts/measure.js [--out <folder>] [options of bench]` in a bundle: what there is to know of this machine's GPU. The
// tests of kernels and engine, plain and with the variants in use, then the benchmark with time per kernel; the results as
// JSON files in the folder. Exits 1 when a test failed.

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, tokens } = parseArgs({
  strict: false,
  tokens: true,
  options: { out: { type: "string", default: "results" } },
});
const out = String(values.out);
const benchOptions = tokens.flatMap((token, index) => {
  const isOut = token.kind === "option" && token.name === "out";
  return isOut ? [] : process.argv.slice(2 + token.index, 2 + (tokens[index + 1]?.index ?? process.argv.length));
});
const LENGTHS = ["--prefill", "128,1024,4096,8192,131072", "--context", "16,1024,8192,32768,131072"];

/** Runs another script of the bundle; its exit code. */
function run(script: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): number {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { status } = spawnSync(process.execPath, [path, ...args], {
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  return status ?? 1;
}

mkdirSync(out, { recursive: true });
const failures = ["none", "default"].map((features) => run("bundle/parity.js", [], { RELAMPAGO_FEATURES: features }));
const benchmark = [...LENGTHS, "--profile", "--out", join(out, "bench.json"), ...benchOptions];
process.exit([...failures, run("bench.js", benchmark)].every((code) => code === 0) ? 0 : 1);
