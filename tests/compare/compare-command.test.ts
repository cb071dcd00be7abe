import { describe, expect, it } from "vitest";
import { COMPARE_USAGE, parseCompareOptions } from "../../scripts/compare/compare-options.ts";
import { drawComparison } from "../../scripts/compare/picture.ts";
import type { RaceLane } from "../../src/compare/race-result.ts";
import type { RecallCell } from "../../src/compare/recall-result.ts";
import { inspectionCsv, raceCsv, recallCsv, reportRace, reportRecall } from "../../src/compare/report.ts";
import { chronicleIds } from "../../src/compare/race-text.ts";
import { expectSameTokenizer } from "../../src/compare/same-tokenizer.ts";
import { Tokenizer } from "../../src/text/tokenizer.ts";
import { tokenizer, tokenizerConfigJson, tokenizerJson } from "../text/fixtures.ts";

const LANE: RaceLane = {
  name: "a, b",
  stateSize: { fixedBytes: 100, bytesPerToken: 2 },
  blockSize: 8,
  isComplete: true,
  reads: [8, 16].map((position) => ({
    position,
    used: { weights: 1, recurrentState: 100, keys: 2 * position, other: 1 },
    msPerToken: 0.5,
    elapsedMs: position / 2,
    loss: position === 8 ? 2.5 : null,
  })),
  writes: [{ position: 16, msPerToken: 1.25 }],
};
const LANES = [LANE, { ...LANE, name: "c", stateSize: { fixedBytes: 0, bytesPerToken: 9 } }];
const CELLS: RecallCell[] = [1, 2].map((seed) => {
  return { name: "c", size: 4, seed, numAsked: 4, numSaid: 1, numChosen: 2 * seed, promptTokens: 60 };
});

describe("the options of npm run compare", () => {
  it("are the twins and a sample of 4,096 tokens unless they say otherwise", () => {
    expect(parseCompareOptions([])).toMatchObject({ numTokens: 4096, blockSize: 128, kvFormat: "f16", seed: 1 });
    expect(parseCompareOptions([])!.models).toHaveLength(3);
    const options = ["--models", "x,y", "--tokens", "50", "--recall", "none", "--kv", "f32"];
    expect(parseCompareOptions(options)).toMatchObject({
      models: ["x", "y"],
      numTokens: 50,
      recallSizes: [],
      kvFormat: "f32",
    });
    expect(parseCompareOptions(["--help"])).toBe(undefined);
    expect(COMPARE_USAGE).toContain("--tokens");
  });

  it("are refused in a line that says what was expected", () => {
    const refusals: [string[], string][] = [
      [["--tokens", "many"], "--tokens: expected a whole number from 0, got many"],
      [["--kv", "f8"], "--kv: expected f32 or f16, got f8"],
      [["--tokens", "0", "--recall", "none"], "--tokens, --recall: expected something to measure, got nothing"],
      [["--colour"], "Unknown option '--colour': expected the options that --help lists"],
    ];
    for (const [options, message] of refusals) expect(() => parseCompareOptions(options)).toThrow(message);
  });
});

describe("what it prints and saves", () => {
  it("tables with bytes, times, loss, growth and crossings", () => {
    const report = reportRace(LANES);
    expect(report).toContain("tokens  a, b    c\n8        116  116\n16       132  132");
    expect(report).toContain("c needs more memory than a, b from token 15 on.");
    expect(report).toContain("No line crosses another for good up to token 16.");
    expect(report).toContain("2.500");
    expect(reportRecall(CELLS)).toContain("pairs        c  chance\n4      75 ± 25      25");
  });

  it("comma-separated values, quoted where a name needs it", () => {
    expect(raceCsv([LANE]).split("\r\n").slice(0, 2)).toEqual([
      "model,kind,tokens,state_bytes,key_bytes,ms_per_token,elapsed_ms,loss_nats",
      '"a, b",read,8,100,16,0.5,4,2.5',
    ]);
    expect(raceCsv([LANE])).toContain('"a, b",write,16,,,1.25,,\r\n');
    expect(recallCsv(CELLS)).toContain("c,4,2,4,1,4,60\r\n");
  });

  it("what a token takes and which experts it was given, a row a token and layer", () => {
    const layer = { halfLives: null, stateNorms: null, load: [0.5, 0.5] };
    const model = {
      name: "a",
      numHeads: 2,
      expertsPerToken: 2,
      layers: [{ ...layer, type: "full_attention" as const, expertIds: Uint8Array.of(0, 1, 3, 2) }],
    };
    const weights = { layers: [Float32Array.of(0.5, 0.25)] };
    expect(inspectionCsv(["a,", "b"], model, weights)).toBe(
      'token,text,layer,attention,experts,head_1,head_2\r\n1,"a,",1,full_attention,1 2,0.5,0.25\r\n' +
        "2,b,1,full_attention,4 3,,\r\n",
    );
  });

  it("a picture of as many charts as there is something for", () => {
    const count = (svg: string) => svg.match(/<g transform/g)!.length;
    expect(count(drawComparison("t", "s", LANES, CELLS).svg)).toBe(5);
    expect(count(drawComparison("<t>", "s", LANES, []).svg)).toBe(4);
    const { svg } = drawComparison("<t>", "s", LANES, CELLS);
    expect(svg).toContain("&lt;t>");
    expect(svg).not.toContain("NaN");
  });
});

it("the sample text has exactly as many tokens as wanted, the same for the same seed", () => {
  const ids = chronicleIds(tokenizer, 700, 1);
  expect(ids).toHaveLength(700);
  expect(chronicleIds(tokenizer, 900, 1).slice(0, 700)).toEqual(ids);
  expect(chronicleIds(tokenizer, 700, 2)).not.toEqual(ids);
  expect(tokenizer.decode(ids, { skipSpecial: false })).toMatch(/^The year 1 of the chronicle/);
});

it("models with different tokenizers are not compared", () => {
  const { model, ...rest } = tokenizerJson;
  const merges = model.merges.slice(0, -4000);
  const other = Tokenizer.parse({ ...rest, model: { ...model, merges } }, tokenizerConfigJson);
  expect(() =>
    expectSameTokenizer([
      { name: "a", tokenizer },
      { name: "b", tokenizer },
    ]),
  ).not.toThrow();
  expect(() =>
    expectSameTokenizer([
      { name: "a", tokenizer },
      { name: "b", tokenizer: other },
    ]),
  ).toThrow("b: expected the tokenizer of a, got another one");
});
