// `npm run bench -- --browser`: the same benchmark in Chromium's worker.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseBenchmarkResult } from "../../src/bench/result.ts";
import { runBench, useModelFolder } from "../bench/bench-command.ts";

const folder = useModelFolder();
/** A software adapter on a busy machine takes this long at worst. */
const TIMEOUT_MS = 240_000;

test("a benchmark in a browser prints the table and writes the result", { timeout: TIMEOUT_MS }, async () => {
  const out = join(folder(), "result.json");
  const { status, stdout, stderr } = await runBench(
    ...["--browser", "--model", folder(), "--features", "none", "--block-size", "16", "--out", out],
    ...["--prefill", "20", "--context", "16", "--tokens", "8", "--prompt", "0", "--runs", "1"],
    ...["--depth", "3", "--steps", "4"],
  );
  expect({ status, stderr }).toMatchObject({ status: 0 });
  const result = parseBenchmarkResult(out, readFileSync(out, "utf8"));
  expect(result.environment).toContain("Chrome/");
  expect(result.model).toMatchObject({ name: "made-up", format: "f32", isMadeUp: false });
  expect(result.measurements.map(({ name }) => name)).toEqual(["prefill 20", "decode at 16"]);
  expect(result.measurements[1]!.perToken).toMatchObject({ submits: 0.25, mapCalls: 0.25, buffersCreated: 0 });
  expect(stdout).toMatch(/^prefill 20 +[\d.]+/m);
  expect(stdout).toMatch(/^decode at 16 +[\d.]+/m);
});

test("what goes wrong in the browser is told in a line", { timeout: TIMEOUT_MS }, async () => {
  const { status, stdout, stderr } = await runBench("--browser", "--model", join(folder(), "missing"));
  expect(status).toBe(1);
  expect(stdout).toBe("");
  expect(stderr.trim().split("\n").at(-1)).toBe("DownloadError: manifest.json: expected status 200, got 404");
});
