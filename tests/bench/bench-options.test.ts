import { describe, expect, it } from "vitest";
import { type BenchOptions, parseBenchOptions } from "../../scripts/bench/bench-options.ts";
import { DEFAULT_PLAN } from "../../src/bench/plan.ts";

describe("parseBenchOptions", () => {
  it("takes the default plan over the shipped model", () => {
    expect(parseBenchOptions([])).toEqual({
      kind: "run",
      model: "public/models/relampago-71m",
      hf: undefined,
      browser: false,
      out: undefined,
      task: { format: undefined, features: "default", kvFormat: "f16", blockSize: undefined, plan: DEFAULT_PLAN },
    });
  });

  it("takes every option", () => {
    const text =
      "--model m --format f16 --prefill 16,32 --context none --prompt 0 --tokens 7 --runs 2 --budget 9 --block-size 64 " +
      "--depth 2 --steps 8 --features subgroups,f16 --kv i8 --profile --browser --out r.json";
    expect(parseBenchOptions(text.split(" "))).toEqual({
      kind: "run",
      model: "m",
      hf: undefined,
      browser: true,
      out: "r.json",
      task: {
        format: "f16",
        features: ["subgroups", "f16"],
        kvFormat: "i8",
        blockSize: 64,
        plan: {
          prefillLengths: [16, 32],
          contexts: [],
          promptTokens: 0,
          decodeTokens: 7,
          runs: 2,
          rowBudgetMs: 9000,
          fixedPace: { depth: 2, steps: 8 },
          profile: true,
        },
      },
    });
    expect((parseBenchOptions(["--hf", "h"]) as BenchOptions).hf).toBe("h");
  });

  it("takes help and two files to compare", () => {
    expect(parseBenchOptions(["--help"])).toEqual({ kind: "help" });
    expect(parseBenchOptions(["--compare", "a", "b"])).toEqual({ kind: "compare", files: ["a", "b"] });
  });

  it.each([
    ["--prefill 1,x", "--prefill: expected a whole number from 1, got x"],
    ["--context 0", "--context: expected a whole number from 1, got 0"],
    ["--runs=", "--runs: expected a whole number from 1, got nothing"],
    ["--prompt -1", "--prompt: expected a whole number from 0, got -1"],
    ["--format q5", "--format: expected one of q4, q8, f16, f32, got q5"],
    ["--kv q4", "--kv: expected one of f16, f32, i8, got q4"],
    ["--features fast", "features: expected default, none or some of"],
    ["--depth 3", "--depth, --steps: expected both or neither, got one"],
    ["--browser --hf h", "--browser: expected an exported model, got a checkpoint by --hf"],
    ["--compare a", "--compare: expected two files, got 1"],
    ["--compare a b c", "--compare: expected two files, got 3"],
    ["a.json", "options: expected names with --, got a.json"],
    ["--unknown", "Unknown option '--unknown': expected the options that --help lists"],
    ["--prefill none --context none --prompt 0", "plan: expected something to measure, got nothing"],
  ])("refuses %s", (text, message) => {
    expect(() => parseBenchOptions(text.replace("--prompt -1", "--prompt=-1").split(" "))).toThrow(message);
  });
});
