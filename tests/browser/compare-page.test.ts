// The page of the comparison in Chromium with a fake engine: what fits, what has a name, what keys and links do.

import { describe, expect, test } from "vitest";
import type { CompareEvent, ComparedModel } from "../../src/worker/messages-compare.ts";
import { type FakePage, useFakePages } from "./fake-page.ts";
import { overhang, unnamedControls } from "./page-checks.ts";

const open = useFakePages();

const MODELS: readonly ComparedModel[] = ["twin-lightning", "twin-softmax"].map((name, index) => ({
  name,
  numParameters: 6_500_000,
  layerTypes: [index === 0 ? "linear_attention" : "full_attention"],
  stateSize: index === 0 ? { fixedBytes: 425_984, bytesPerToken: 0 } : { fixedBytes: 32_768, bytesPerToken: 2048 },
  trainedContextLength: 512,
  allocatedBytes: 9_000_000,
}));
const TOKENS = ["The", " password", " is", " copper", "."];

async function openCompare(width: number, query = ""): Promise<FakePage> {
  const opened = await open({ viewport: { width, height: 740 } });
  const { page, engine } = opened;
  await page.evaluate((hash) => (location.hash = hash), `#/compare${query}`);
  await engine.expectRequest("compareOpen");
  const emit = (event: CompareEvent) => engine.emit(event);
  await emit({ kind: "compareBegun", task: "open" });
  await emit({ kind: "compareSize", models: MODELS.map(({ name }) => ({ name, totalBytes: 4e6, keptBytes: 0 })) });
  await engine.expectRequest("compareAgree");
  await emit({ kind: "compareReady", models: MODELS });
  await emit({ kind: "compareEnded", task: "open" });
  await page.getByRole("button", { name: "Ask all" }).waitFor();
  return opened;
}

async function race({ page, engine }: FakePage): Promise<void> {
  await page.getByRole("button", { name: "Start the race" }).click();
  await engine.expectRequest("compareRace");
  await engine.emit({ kind: "compareBegun", task: "race" });
  for (const [index, { name, stateSize }] of MODELS.entries()) {
    const reads = [128, 256].map((position) => ({
      position,
      used: {
        weights: 1,
        recurrentState: stateSize.fixedBytes,
        keys: stateSize.bytesPerToken * position,
        other: 1,
      },
      msPerToken: 0.5,
      elapsedMs: position / 2,
      loss: 6,
    }));
    const lane = {
      name,
      stateSize,
      blockSize: 128,
      reads,
      writes: [{ position: 256, msPerToken: 1 }],
      isComplete: true,
    };
    await engine.emit({ kind: "compareLane", index, lane });
  }
  await engine.emit({ kind: "compareEnded", task: "race" });
}

/** With plain lists in place of typed arrays, which a message of the test cannot carry. */
async function inspect({ page, engine }: FakePage): Promise<void> {
  await page.getByRole("button", { name: "Look inside" }).click();
  await engine.expectRequest("compareInspect");
  await engine.emit({ kind: "compareBegun", task: "inspect" });
  await page.evaluate(
    ([tokens, names]) => {
      const { speak } = window as unknown as { speak(event: unknown): void };
      const numTokens = tokens.length;
      const models = names.map((name, index) => ({
        name,
        numHeads: 2,
        expertsPerToken: 2,
        layers: [
          {
            type: index === 0 ? "linear_attention" : "full_attention",
            halfLives: index === 0 ? [1.5, 30] : null,
            stateNorms: index === 0 ? new Float32Array(2 * numTokens).fill(1) : null,
            expertIds: Uint8Array.from({ length: 2 * numTokens }, (_, at) => at % 4),
            load: [0.25, 0.25, 0.25, 0.25],
          },
        ],
      }));
      speak({ kind: "compareInspected", tokens, isCut: false, models });
      const weights = Float32Array.from({ length: 2 * numTokens }, (_, at) => (at === 3 ? 0.9 : 0.02));
      speak({ kind: "compareWeights", token: numTokens - 1, models: names.map(() => ({ layers: [weights] })) });
    },
    [TOKENS, MODELS.map(({ name }) => name)] as const,
  );
  await engine.emit({ kind: "compareEnded", task: "inspect" });
  await page.locator(".token-strip").waitFor();
}

describe("the page of the comparison", () => {
  test("is no wider than 360 px, and every control of it has a name", async () => {
    const opened = await openCompare(360);
    await race(opened);
    await inspect(opened);
    const { page } = opened;
    expect(await overhang(page)).toBe(0);
    expect(await unnamedControls(page)).toEqual([]);
  });

  test("says where lines cross and how costs grow, from what was measured", async () => {
    const opened = await openCompare(1024);
    await race(opened);
    const { page } = opened;
    await page.getByText("twin-softmax needs more memory than twin-lightning from token 193 on.").waitFor();
    await page.getByText(/bytes of state and keys ~ length.*twin-lightning 0\.00, twin-softmax 0\.9/).waitFor();
    await page.getByText("are those that the config gives, to the byte").waitFor();
  });

  test("shows what a token takes from which, and another by an arrow key", async () => {
    const opened = await openCompare(1024);
    await inspect(opened);
    const { page, engine } = opened;
    await page.getByText(/“\.”, token 5, takes most from “copper” \(4: 0\.900\)/).waitFor();
    await page.getByRole("combobox", { name: "Model" }).selectOption("twin-softmax");
    await page.getByText(/takes most from “copper” \(4: 90\.0 %\)/).waitFor();
    await page.locator(".token-strip").press("ArrowLeft");
    expect(await engine.expectRequest("compareToken")).toEqual({ kind: "compareToken", token: 3 });
  });

  test("follows a link, and gives one", async () => {
    const { page, engine } = await openCompare(1024, "?seed=5&order=one+after+another");
    expect(await page.getByLabel("Seed").inputValue()).toBe("5");
    await page.getByLabel("Prompt").fill("What is it?");
    await page.getByRole("button", { name: "Ask all" }).click();
    const { plan } = await engine.expectRequest("compareAnswer");
    expect(plan).toMatchObject({ prompt: "What is it?", order: "one after another", sampling: { seed: 5 } });
    await engine.emit({ kind: "compareFailed", task: "answer", failure: { kind: "out-of-memory", message: "full" } });
    await page.getByRole("alert").getByText("full").waitFor();
    await page.getByRole("button", { name: "Copy a link" }).click();
    await expect.poll(() => new URL(page.url()).hash).toContain("prompt=What+is+it%3F");
  });
});
