// The Long document page in Chromium with a fake engine: what fits, what has a name, what can be done when memory is full.

import { describe, expect, test } from "vitest";
import type { DocumentEvent, DocumentOutline } from "../../src/worker/messages-document.ts";
import { type FakePage, useFakePages } from "./fake-page.ts";
import { overhang, unnamedControls } from "./page-checks.ts";

const open = useFakePages();

const OUTLINE: DocumentOutline = {
  name: "Chronicle of the Alder valley",
  numTokens: 1_000_000,
  numChars: 3_900_000,
  facts: [{ question: "Where is the white fern?", answer: "Recife", depth: 0.1 }],
  stateBytes: 14 * 6 * 64 * 64 * 4,
  keyBytesPerToken: 1024,
  softmaxBytesPerToken: 24_576,
  weightBytes: 42_000_000,
  fittingTokens: 850_000,
};

async function openDocument(width: number): Promise<FakePage & { emit(event: DocumentEvent): Promise<void> }> {
  const opened = await open({ viewport: { width, height: 740 } });
  const { page, engine } = opened;
  const recall = [
    { numTokens: 512, found: 17, asked: 33 },
    { numTokens: 4096, found: 0, asked: 33 },
  ];
  await engine.makeReady({ recall });
  await page.evaluate(() => (location.hash = "#/document"));
  await engine.expectRequest("listDocuments");
  const emit = (event: DocumentEvent) => engine.emit(event);
  await emit({ kind: "documentList", documents: [] });
  await page.getByLabel("Text to read").fill("Some text.");
  await page.getByRole("button", { name: "Open this text" }).click();
  await engine.expectRequest("openDocument");
  await emit({ kind: "documentOpened", document: 1, outline: OUTLINE, estimatedMs: 94_000, earlier: null });
  await page.getByRole("button", { name: "Start reading" }).waitFor();
  return { ...opened, emit };
}

async function fillMemory({ page, engine, emit }: Awaited<ReturnType<typeof openDocument>>): Promise<void> {
  await page.getByRole("button", { name: "Start reading" }).click();
  await engine.expectRequest("readDocument");
  for (let numTokens = 100_000; numTokens <= 800_000; numTokens += 100_000) {
    const keyUsedBytes = numTokens * OUTLINE.keyBytesPerToken;
    const bytes = { keyUsedBytes, keyAllocatedBytes: 1.2 * keyUsedBytes, totalBytes: 5e7 + keyUsedBytes };
    const { stateBytes, weightBytes } = OUTLINE;
    const point = { numTokens, msPerToken: 0.05 + numTokens / 1e7, stateBytes, weightBytes, ...bytes };
    const told = { readTokens: numTokens, tokensPerSecond: 9000, leftMs: 30_000, excerpt: "the valley was quiet" };
    await emit({ kind: "documentReading", document: 1, ...told, point });
  }
  await emit({ kind: "documentPaused", document: 1, readTokens: 800_000, isFull: true });
  await page.getByRole("alert").getByText("the next piece of memory for them does not fit").waitFor();
}

describe("the page of a long document", () => {
  test("tells before reading what the model finds in texts, and how much fits", async () => {
    const { page } = await openDocument(1024);
    await page.getByText("52 % of the facts hidden in texts of 512 tokens and none in 4,096").waitFor();
    await page.getByText("About 850,000 tokens fit into the GPU’s memory: an estimate").waitFor();
    await page.getByRole("button", { name: "Use constant memory" }).click();
    expect(await page.getByRole("checkbox", { name: "Constant memory" }).isChecked()).toBe(true);
  });

  test("is no wider than 360 px when memory is full, and every control of it has a name", async () => {
    const opened = await openDocument(360);
    await fillMemory(opened);
    const { page } = opened;
    expect(await overhang(page)).toBe(0);
    expect(await unnamedControls(page)).toEqual([]);
  });

  test("offers a question, more memory, an early end and constant memory when memory is full", async () => {
    const opened = await openDocument(1024);
    await fillMemory(opened);
    const { page, engine, emit } = opened;
    await page.getByText("Keys and values take 819 MB").waitFor();
    await page.getByRole("button", { name: /Where is the white fern/ }).click();
    const { turn } = await engine.expectRequest("askDocument");
    const timings = { promptTokens: 0, promptMs: 0, timeToFirstTokenMs: 0, generatedTokens: 0, generateMs: 0 };
    await emit({ kind: "documentTurnEnded", document: 1, turn, reason: "memory", timings, verdict: null });
    await page.getByText("There is no more room on the GPU, so the answer ends here.").waitFor();
    await page.getByRole("button", { name: "Read on" }).click();
    await engine.expectRequest("readDocument");
    await emit({ kind: "documentPaused", document: 1, readTokens: 800_000, isFull: true });
    await page.getByRole("combobox", { name: "Tokens whose keys are kept" }).selectOption("2048");
    await page.getByRole("button", { name: "Read in constant memory" }).click();
    const { keyWindow } = await engine.expectRequest("readDocumentAnew");
    expect(keyWindow).toEqual({ first: 64, last: 2048 });
  });
});
