import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parseManifest } from "../../src/checkpoint/manifest.ts";
import { drawHeatMap } from "../../scripts/needle/heat-map.ts";
import { parseNeedleOptions } from "../../scripts/needle/needle-options.ts";
import { type NeedleAnswer, type NeedleResult, parseNeedleResult } from "../../scripts/needle/needle-result.ts";

function answer(length: number, depth: number, isRight: boolean): NeedleAnswer {
  const words = { statement: "", question: "", expected: "", said: "" };
  return { length, depth, isRight, promptTokens: length, ...words };
}

const RESULT: NeedleResult = {
  date: "2026-01-01T00:00:00.000Z",
  model: "small <model>",
  adapter: "test",
  kvFormat: "f16",
  trainedContextLength: 2048,
  factsPerText: 2,
  lengths: [512, 4096],
  depths: [0, 0.5],
  readings: [],
  answers: [answer(512, 0, true), answer(512, 0, false), answer(512, 0.5, true), answer(4096, 0.5, false)],
};

describe("the options of npm run needle", () => {
  test("give lengths and depths in order, each once", () => {
    const command = parseNeedleOptions(["--lengths", "2048, 512,512", "--depths", "100,0,25", "--out", "a.json"]);
    expect(command).toMatchObject({
      kind: "run",
      options: { lengths: [512, 2048], depths: [0, 0.25, 1], out: "a", texts: 4, alone: false },
    });
  });

  test("are refused with the option, what was expected and what came", () => {
    const refusals: readonly (readonly [string[], string])[] = [
      [["--lengths", "12"], "--lengths: expected a whole number from 128 to 4000000, got 12"],
      [["--depths", "0,,5"], "--depths: expected a whole number from 0 to 100, got nothing"],
      [["--texts", "0"], "--texts: expected a whole number from 1 to 1000, got 0"],
      [["--model", "nowhere"], "--model: expected a folder with a manifest.json, got nowhere"],
      [["--depth", "5"], "Unknown option '--depth': expected the options that --help lists"],
    ];
    for (const [args, message] of refusals) expect(() => parseNeedleOptions(args)).toThrow(new TypeError(message));
  });
});

describe("the picture of a needle test", () => {
  test("has a cell for each length and depth with the share that was found, and the shares by length", () => {
    const { svg } = drawHeatMap(RESULT);
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map((match) => match[1]);
    expect(texts).toContain("Facts found by small &lt;model>");
    expect(texts).toContain("2 of 4, 50 %. Greedy answers, test.");
    expect(texts).toContain("tokens of text and question; trained on 2,048");
    const shares = texts.filter((text) => /^(\d+ %)?$/.test(text!));
    // Two cells of 512 and its sum, two of 4096 (one was not asked for) and its sum, then the depths.
    expect(shares).toEqual(["50 %", "100 %", "67 %", "", "0 %", "0 %", "0 %", "50 %"]);
  });

  test("is drawn again from the file, and from no other", () => {
    expect(parseNeedleResult("a.json", JSON.stringify(RESULT))).toEqual(RESULT);
    expect(() => parseNeedleResult("a.json", "{}")).toThrow(
      "a.json: expected a result of npm run needle, got other JSON",
    );
    expect(() => parseNeedleResult("a.json", "no")).toThrow("a.json: expected a result of npm run needle, got no JSON");
  });
});

test("--record writes what was found into the manifest of the model that was measured, and into no other", async () => {
  const folder = await mkdtemp(join(tmpdir(), "relampago-needle-"));
  const shipped = await readFile(resolve("public/models/twin-hybrid/manifest.json"), "utf8");
  const run = async (model: string) => {
    await writeFile(join(folder, "result.json"), JSON.stringify({ ...RESULT, model }));
    const args = ["--import", "tsx", "scripts/needle.ts", "--model", folder, "--record", join(folder, "result.json")];
    return spawnSync(process.execPath, args, { encoding: "utf8" });
  };
  await writeFile(join(folder, "manifest.json"), shipped);
  expect((await run("another")).stderr).toBe("--model: expected another, which was measured, got twin-hybrid\n");
  expect(await readFile(join(folder, "manifest.json"), "utf8")).toBe(shipped);
  expect(await run("twin-hybrid")).toMatchObject({ status: 0 });
  const manifest = parseManifest(JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")));
  expect(manifest).toEqual({
    ...parseManifest(JSON.parse(shipped)),
    recall: [
      { numTokens: 512, found: 2, asked: 3 },
      { numTokens: 4096, found: 0, asked: 1 },
    ],
  });
  await rm(folder, { recursive: true });
});
