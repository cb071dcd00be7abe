import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseBenchmarkResult } from "../../src/bench/result.ts";
import { runBench, useModelFolder } from "./bench-command.ts";
import { createMeasurement, createResult } from "./made-up-result.ts";

const folder = useModelFolder();
/** A process that compiles every kernel, on a software adapter that other tests use too. */
const TIMEOUT_MS = 400_000;

function writeResult(name: string, json: object): string {
  const file = join(folder(), name);
  writeFileSync(file, JSON.stringify(json));
  return file;
}

describe("npm run bench", { timeout: TIMEOUT_MS }, () => {
  it("measures made-up weights of a model's shape in another format, and writes what it found", async () => {
    const out = join(folder(), "result.json");
    const { status, stdout, stderr } = await runBench(
      ...["--model", folder(), "--format", "q8", "--features", "none", "--block-size", "16", "--out", out],
      ...["--prefill", "20", "--context", "none", "--prompt", "0", "--runs", "1", "--profile"],
    );
    expect(stderr).toContain("making up q8 weights of made-up's shape");
    expect(status).toBe(0);
    const result = parseBenchmarkResult(out, readFileSync(out, "utf8"));
    expect(result).toMatchObject({ model: { name: "made-up", format: "q8", isMadeUp: true }, blockSize: 16 });
    expect(result.adapter.variants).toEqual([]);
    expect(result.measurements.map(({ name, runs }) => ({ name, runs }))).toEqual([{ name: "prefill 20", runs: 1 }]);
    expect(stdout).toContain("q8, made-up weights of its shape");
    expect(stdout).toMatch(/^prefill 20 +[\d.]+ +[\d.]+ +[\d.–]+ +1 /m);
    const isSoftware = stdout.includes("SOFTWARE ADAPTER: compare ratios, not times");
    expect(isSoftware).toBe(result.adapter.isSoftware);
    const isProfiled = result.adapter.features.includes("timestamp-query");
    expect(stdout).toContain(isProfiled ? "  gaps  " : "this adapter does not offer timestamp-query");
  });

  it("measures a checkpoint converted in memory", async () => {
    const { status, stdout, stderr } = await runBench(
      ...["--hf", "tests/fixtures/golden-fused", "--format", "q8", "--features", "none"],
      ...["--prefill", "none", "--context", "16", "--tokens", "4", "--prompt", "0", "--runs", "1"],
      ...["--depth", "2", "--steps", "4"],
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toContain("golden-fused, ");
    expect(stdout).toContain("q8, its own weights");
    expect(stdout).toContain("decode pace: 2 runs of 4 steps");
    expect(stdout).toMatch(/^decode at 16 /m);
  });

  it("compares two results", async () => {
    const row = { name: "decode at 16", kind: "decode", length: 16, tokens: 10 } as const;
    const first = writeResult("first.json", createResult({ measurements: [createMeasurement(row, 100)] }));
    const second = writeResult("second.json", createResult({ measurements: [createMeasurement(row, 40)] }));
    const { status, stdout } = await runBench("--compare", first, second);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ms a token +first +second +times as fast$/m);
    expect(stdout).toMatch(/^decode at 16 +10\.0 +4\.00 +2\.50 ×$/m);
  });

  it("refuses to compare what is not comparable, in one line", async () => {
    const first = writeResult("first.json", createResult({}));
    const { adapter } = createResult({});
    const other = writeResult("other.json", createResult({ adapter: { ...adapter, name: "maker two" } }));
    expect(await runBench("--compare", first, other)).toEqual({
      status: 1,
      stdout: "",
      stderr:
        'adapter: expected the same in both files, got "maker one" and "maker two"; such times are not comparable\n',
    });
    const missing = join(folder(), "missing.json");
    expect(await runBench("--compare", first, missing)).toMatchObject({
      status: 1,
      stderr: `${missing}: expected a result of --out, got no such file\n`,
    });
  });
});
