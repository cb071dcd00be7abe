import { describe, expect, test } from "vitest";
import type { AnswerState } from "../../src/compare/answer-result.ts";
import type { RaceLane, ReadPoint } from "../../src/compare/race-result.ts";
import { DEFAULT_SETTINGS, formatLink, parseLink } from "../../src/ui/state/compare-link.ts";
import { parseRoute } from "../../src/ui/state/route.ts";
import type { ComparedModel } from "../../src/worker/messages-compare.ts";
import { createReadyPage, createTestPage, GOOD_ENVIRONMENT, type TestPage } from "./test-page.ts";

const SIZES = ["a", "b"].map((name) => ({ name, totalBytes: 5_000_000, keptBytes: 0 }));
const MODELS: readonly ComparedModel[] = ["a", "b"].map((name) => ({
  name,
  numParameters: 1000,
  layerTypes: ["linear_attention"],
  stateSize: { fixedBytes: 100, bytesPerToken: 0 },
  trainedContextLength: null,
  allocatedBytes: 10,
}));
const POINT: ReadPoint = {
  position: 128,
  used: { weights: 1, recurrentState: 100, keys: 0, other: 1 },
  msPerToken: 1,
  elapsedMs: 128,
  loss: 2,
};

/** A page with two models open. */
function openCompare(): TestPage {
  const test = createReadyPage();
  const { emit } = test.engine();
  test.page.compare.open();
  emit({ kind: "compareBegun", task: "open" });
  emit({ kind: "compareSize", models: SIZES });
  emit({ kind: "compareReady", models: MODELS });
  emit({ kind: "compareEnded", task: "open" });
  test.engine().requests.length = 0;
  return test;
}

describe("opening", () => {
  test("names the twins beside the chat's model, tells their size, and fetches what is small at once", () => {
    const { page, engine } = createReadyPage();
    page.compare.open();
    expect(engine().requests.at(-1)).toEqual({
      kind: "compareOpen",
      modelUrls: ["twin-hybrid", "twin-lightning", "twin-softmax"].map(
        (name) => `https://example.test/models/${name}/`,
      ),
    });
    engine().emit({ kind: "compareSize", models: SIZES });
    expect(engine().requests.at(-1)).toEqual({ kind: "compareAgree" });
    expect(page.compare.phase.value).toEqual({ state: "loading", loadedBytes: 0, totalBytes: 10_000_000 });
    engine().emit({ kind: "compareReady", models: MODELS });
    expect(page.compare.models.value).toEqual(MODELS);
  });

  test("asks first where the connection is metered", () => {
    const test = createTestPage({ ...GOOD_ENVIRONMENT, isMetered: true });
    test.page.start();
    test.page.compare.open();
    test.engine().emit({ kind: "compareSize", models: SIZES });
    expect(test.page.compare.phase.value).toEqual({ state: "asking", sizes: SIZES });
    expect(test.engine().requests.at(-1)!.kind).toBe("compareOpen");
    test.page.compare.agree();
    expect(test.engine().requests.at(-1)).toEqual({ kind: "compareAgree" });
  });

  test("does not load the chat's model for a visit to this page alone", () => {
    const { page, engine } = createTestPage();
    page.navigate("#/compare");
    page.start();
    page.compare.open();
    // The budget of memory goes with the load elsewhere.
    expect(engine().requests.map(({ kind }) => kind)).toEqual(["setMemoryBudget", "compareOpen"]);
    page.navigate("#/");
    page.navigate("#/compare");
    page.navigate("#/");
    expect(engine().requests.map(({ kind }) => kind)).toEqual(["setMemoryBudget", "compareOpen", "load"]);
  });

  test("that fails says why and can be tried again", () => {
    const { page, engine } = createReadyPage();
    page.compare.open();
    engine().emit({ kind: "compareFailed", task: "open", failure: { kind: "missing-file", message: "x" } });
    expect(page.compare.phase.value).toMatchObject({ state: "failed", failure: { message: "x" } });
    page.compare.open();
    expect(engine().requests.filter(({ kind }) => kind === "compareOpen")).toHaveLength(2);
  });
});

describe("measuring", () => {
  test("asks all with the same prompt, seed and settings, one measurement at a time", () => {
    const { page, engine } = openCompare();
    page.compare.change({ prompt: " Hi ", seed: 7, temperature: 0.5, order: "one after another" });
    page.compare.answer();
    page.compare.race();
    expect(engine().requests).toEqual([
      {
        kind: "compareAnswer",
        plan: {
          prompt: "Hi",
          sampling: { temperature: 0.5, topK: 0, topP: 1, minP: 0, seed: 7 },
          maxTokens: DEFAULT_SETTINGS.maxTokens,
          order: "one after another",
        },
      },
    ]);
    engine().emit({ kind: "compareBegun", task: "answer" });
    expect(page.compare.answers.value).toEqual([null, null]);
    const state = { name: "b", text: "x" } as AnswerState;
    engine().emit({ kind: "compareAnswering", index: 1, state });
    expect(page.compare.answers.value).toEqual([null, state]);
    engine().emit({ kind: "compareEnded", task: "answer" });
    expect(page.compare.activity.value).toBeNull();
    page.compare.change({ prompt: " " });
    page.compare.answer();
    expect(engine().requests).toHaveLength(1);
  });

  test("a race grows lane by lane, and begins anew when the device was lost", () => {
    const { page, engine } = openCompare();
    page.compare.raceText.value = "my own";
    page.compare.race();
    expect(engine().requests.at(-1)).toMatchObject({ kind: "compareRace", text: { numTokens: 4096, text: "my own" } });
    const { emit } = engine();
    emit({ kind: "compareBegun", task: "race" });
    emit({ kind: "compareRead", index: 0, point: POINT });
    expect(page.compare.lanes.value).toMatchObject([{ name: "a", reads: [POINT], isComplete: false }]);
    emit({ kind: "compareBegun", task: "race" });
    expect(page.compare.lanes.value).toEqual([]);
    emit({ kind: "compareRead", index: 0, point: POINT });
    emit({ kind: "compareWrote", index: 0, point: { position: 128, msPerToken: 2 } });
    const lane = { ...page.compare.lanes.value[0]!, isComplete: true } satisfies RaceLane;
    emit({ kind: "compareLane", index: 0, lane });
    emit({ kind: "compareRead", index: 1, point: POINT });
    expect(page.compare.lanes.value.map(({ name, isComplete }) => [name, isComplete])).toEqual([
      ["a", true],
      ["b", false],
    ]);
  });

  test("stops once, and tells a failure of one measurement beside it", () => {
    const { page, engine } = openCompare();
    page.compare.recall();
    page.compare.stop();
    page.compare.stop();
    expect(engine().requests.map(({ kind }) => kind)).toEqual(["compareRecall", "stopCompare"]);
    const failure = { kind: "out-of-memory", message: "full" } as const;
    engine().emit({ kind: "compareFailed", task: "recall", failure });
    expect(page.compare.failure.value).toEqual({ task: "recall", failure });
    expect(page.compare.models.value).toEqual(MODELS);
    page.compare.inspect();
    engine().emit({ kind: "compareBegun", task: "inspect" });
    expect(page.compare.failure.value).toBeNull();
  });

  test("an engine that crashes takes the models along", () => {
    const { page, engine } = openCompare();
    engine().crash({ kind: "internal", message: "crash" });
    expect(page.compare.phase.value).toEqual({ state: "closed" });
  });
});

describe("a link", () => {
  test("holds what differs from the defaults, and gives the same settings back", () => {
    expect(formatLink(DEFAULT_SETTINGS)).toBe("#/compare");
    const settings = {
      ...DEFAULT_SETTINGS,
      models: ["twin-hybrid", "https://example.test/m/"],
      prompt: "What? & why = 1, 2",
      order: "one after another",
      seed: 9,
      raceTokens: 65_536,
    } as const;
    const link = formatLink(settings);
    expect(parseRoute(link)).toBe("compare");
    expect(parseLink(link)).toEqual(settings);
    expect(parseLink("#/compare")).toEqual(DEFAULT_SETTINGS);
  });

  test("that was tampered with gives numbers within their ranges", () => {
    const settings = parseLink("#/compare?seed=-4&maxTokens=1e9&raceTokens=many&temperature=7&order=chaos&models=,,");
    expect(settings).toEqual({ ...DEFAULT_SETTINGS, seed: 0, maxTokens: 2048, temperature: 2 });
  });

  test("is followed when the page is opened by it", () => {
    const { page } = createTestPage();
    page.navigate("#/compare?seed=12");
    expect(page.route.value).toBe("compare");
    expect(page.compare.settings.value.seed).toBe(12);
  });
});
