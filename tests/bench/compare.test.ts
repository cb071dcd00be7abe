import { describe, expect, it } from "vitest";
import { compareResults } from "../../src/bench/compare.ts";
import { reportComparison, reportMeasurement, reportProfile, reportSetup } from "../../src/bench/report.ts";
import { type BenchmarkResult, type Measurement, parseBenchmarkResult } from "../../src/bench/result.ts";
import { createMeasurement, createResult } from "./made-up-result.ts";

const decode = (ms: number, change: Partial<Measurement> = {}): Measurement =>
  createMeasurement({ name: "decode at 16", kind: "decode", length: 16, tokens: 10, ...change }, ms);

describe("compareResults", () => {
  it("tells how many times as fast the second is, by the time of a token", () => {
    const first = createResult({ measurements: [decode(100)] });
    const second = createResult({ measurements: [decode(80, { tokens: 16 })] });
    const { rows, unmatched } = compareResults(first, second);
    expect(rows).toEqual([
      { name: "empty dispatch", firstMs: 0.004, secondMs: 0.004, ratio: 1 },
      { name: "decode at 16", firstMs: 10, secondMs: 5, ratio: 2 },
    ]);
    expect(unmatched).toEqual([]);
  });

  it("compares kernels within a row, and names what one file lacks", () => {
    const profile = (ms: number, kernel: string) => ({
      profile: { kernels: [{ kernel, dispatches: 10, ms }], kernelMs: ms, gapMs: 0 },
    });
    const prefill = createMeasurement({ name: "prefill 128", kind: "prefill", length: 128, tokens: 128 }, 64);
    const first = createResult({ measurements: [prefill, decode(100, profile(40, "head"))] });
    const second = createResult({ measurements: [decode(100, profile(10, "head"))] });
    const comparison = compareResults(first, second);
    expect(comparison.rows.at(-1)).toEqual({ name: "decode at 16: head", firstMs: 4, secondMs: 1, ratio: 4 });
    expect(comparison.unmatched).toEqual(["prefill 128"]);
    const text = reportComparison(comparison);
    expect(text).toMatch(/^decode at 16: head +4\.00 +1\.00 +4\.00 ×$/m);
    expect(text).toMatch(/^prefill 128 +in one file only$/m);
  });

  it("says how the two were set up differently", () => {
    const first = createResult({});
    const second = createResult({
      model: { ...first.model, format: "q8" },
      adapter: { ...first.adapter, variants: [] },
      blockSize: 256,
      kvFormat: "i8",
      pace: { depth: 3, steps: 4 },
    });
    expect(compareResults(first, second).notes).toEqual([
      "format: q4, then q8",
      "variants: subgroups, then none",
      "block size: 128, then 256",
      "keys and values: f16, then i8",
      'pace: "adaptive", then {"depth":3,"steps":4}',
    ]);
    expect(compareResults(first, first).notes).toEqual([]);
  });

  it("takes a browser's shorter name of an adapter for the same, and says so", () => {
    const first = createResult({});
    const second = createResult({ adapter: { ...first.adapter, name: "maker" } });
    expect(compareResults(first, second).notes).toEqual(["adapter: maker one, then maker"]);
    expect(compareResults(second, first).notes).toEqual(["adapter: maker, then maker one"]);
  });

  it.each([
    [
      { adapter: { ...createResult({}).adapter, name: "maker two" } },
      'adapter: expected the same in both files, got "maker one" and "maker two"; such times are not comparable',
    ],
    [
      { adapter: { ...createResult({}).adapter, name: "" } },
      'adapter: expected the same in both files, got "maker one" and ""',
    ],
    [
      { model: { ...createResult({}).model, name: "other" } },
      'model: expected the same in both files, got "made-up" and "other"',
    ],
    [
      { model: { ...createResult({}).model, numParameters: 5 } },
      "parameters: expected the same in both files, got 1000000 and 5",
    ],
  ] satisfies [Partial<BenchmarkResult>, string][])("refuses %o", (change, message) => {
    expect(() => compareResults(createResult({}), createResult(change))).toThrow(message);
  });
});

describe("parseBenchmarkResult", () => {
  const parse = (change: object) => parseBenchmarkResult("a.json", JSON.stringify({ ...createResult({}), ...change }));

  it("reads what was written", () => {
    const result = createResult({ measurements: [decode(100)] });
    expect(parseBenchmarkResult("a.json", JSON.stringify(result))).toEqual(result);
  });

  it.each([
    [{ version: 0 }, "a.json: version: expected 2, got 0"],
    [{ date: 5 }, "a.json: date: expected text, got 5"],
    [{ adapter: null }, "a.json: adapter: expected an object, got null"],
    [{ measurements: {} }, "a.json: measurements: expected a list, got {}"],
    [{ measurements: [{}] }, "a.json: measurements.0.name: expected text, got undefined"],
    [
      { measurements: [{ ...decode(1), ms: { median: 1, fastest: "1", slowest: 1 } }] },
      'a.json: measurements.0.ms.fastest: expected a number, got "1"',
    ],
    [{ launch: {} }, "a.json: launch.dispatchUs: expected an object, got undefined"],
  ])("refuses %o", (change, message) => {
    expect(() => parse(change)).toThrow(new TypeError(message));
  });

  it("refuses what is no JSON", () => {
    expect(() => parseBenchmarkResult("a.json", "{")).toThrow("a.json: expected JSON, got something else");
    expect(() => parseBenchmarkResult("a.json", "[]")).toThrow("a.json: result: expected an object, got []");
  });
});

describe("reports", () => {
  it("say when times mean nothing, and when weights are made up", () => {
    const result = createResult({});
    const text = reportSetup(result);
    expect(text).toContain("made-up, 1.0M parameters, q4, made-up weights of its shape");
    expect(text).not.toContain("SOFTWARE");
    const software = { ...result, adapter: { ...result.adapter, isSoftware: true } };
    expect(reportSetup(software)).toContain("SOFTWARE ADAPTER: compare ratios, not times");
    expect(reportSetup({ ...result, model: { ...result.model, isMadeUp: false } })).toContain("its own weights");
  });

  it("give a row its speed, spread and counters", () => {
    const words = reportMeasurement(decode(100, { ms: { median: 100, fastest: 98.4, slowest: 1234 } })).split(/ +/);
    expect(words).toEqual(["decode", "at", "16", "100", "100", "98.4–1234", "3", "16.0", "0.250", "0.250", "1.50"]);
  });

  it("share a token's time among kernels and gaps", () => {
    const kernels = [{ kernel: "head", dispatches: 10, ms: 60 }];
    const lines = reportProfile(decode(100, { profile: { kernels, kernelMs: 60, gapMs: 40 } })).split("\n");
    expect(lines[1]).toMatch(/^ {2}head +1\.00 +6\.00 +60\.0 %$/);
    expect(lines[2]).toMatch(/^ {2}gaps +4\.00 +40\.0 %$/);
    expect(lines[3]).toMatch(/^ {2}in all +10\.0 +100\.0 %$/);
    expect(reportProfile(decode(100))).toBe("");
  });
});
