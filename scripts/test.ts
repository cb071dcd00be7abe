// `npm test`: what the tests need, the tests in Node, the site, and the tests of the site in Chromium. Goes on after a
// failure; the last line sums up. With an argument (`npm run test:long` gives one): the site, and that vitest suite alone.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findGpuEnvironment } from "./node/gpu-environment.ts";
import { ensureChromium } from "./node/install-chromium.ts";
import { countTests, type TestCounts } from "./node/test-counts.ts";

const ROOT = resolve(import.meta.dirname, "..");

const folder = mkdtempSync(join(tmpdir(), "relampago-test-"));
process.exitCode = main();
rmSync(folder, { recursive: true });

function main(): number {
  let environment: Record<string, string>;
  try {
    environment = { CHROMIUM_PATH: ensureChromium(), ...findGpuEnvironment() };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
  const [suite] = process.argv.slice(2);
  const counts = suite === undefined ? [runSuite("main", environment)] : [];
  counts.push(runOnSite(suite ?? "browser", environment));
  const passed = counts.reduce((sum, { passed }) => sum + passed, 0);
  const failed = counts.reduce((sum, { failed }) => sum + failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function runOnSite(suite: string, environment: Record<string, string>): TestCounts {
  if (run("vite/bin/vite.js", ["build", "--logLevel", "warn"], {}) === 0) return runSuite(suite, environment);
  console.error("site: expected a build, got an error");
  return { passed: 0, failed: 1 };
}

function runSuite(suite: string, environment: Record<string, string>): TestCounts {
  const report = join(folder, `${suite}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const status = run("vitest/vitest.mjs", ["run", "--project", suite, ...reporters], environment);
  let text: string | undefined;
  try {
    text = readFileSync(report, "utf8");
  } catch (error) {
    console.error(`report of suite ${suite}: expected ${report}, got ${String(error)}`);
  }
  return countTests(text, status);
}

/** Runs a package's program to its end; its exit status, or 1 when a signal ended it. */
function run(program: string, args: readonly string[], environment: Record<string, string>): number {
  const path = join(ROOT, "node_modules", program);
  const env = { ...process.env, ...environment };
  return spawnSync(process.execPath, [path, ...args], { cwd: ROOT, stdio: "inherit", env }).status ?? 1;
}
