// The chat in Chromium with a fake engine: streaming, keyboard, Stop, sampling, a context that fills.

import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type FakeEngine, type FakePage, TIMINGS, useFakePages } from "./fake-page.ts";

const open = useFakePages();

async function openReady(): Promise<FakePage> {
  const opened = await open();
  await opened.engine.makeReady();
  return opened;
}

const field = (page: Page) => page.getByLabel("Message", { exact: true });

/** Types a message, sends it with Enter and returns its turn. */
async function say(page: Page, engine: FakeEngine, text: string): Promise<number> {
  await field(page).fill(text);
  await page.getByRole("button", { name: "Send" }).click({ trial: true });
  await field(page).press("Enter");
  return (await engine.expectRequest("send")).turn;
}

async function answer(page: Page, engine: FakeEngine, turn: number, text: string): Promise<void> {
  await engine.emit({ kind: "text", turn, text, generatedTokens: 5, elapsedMs: 100 });
  await engine.emit({ kind: "turnEnded", turn, reason: "eos", timings: TIMINGS, usedTokens: 20 });
  await page.locator(".turn:last-child[data-state=ended]").waitFor();
}

describe("the chat", () => {
  test("streams an answer and tells what was measured", async () => {
    const { page, engine } = await openReady();
    await engine.emit({
      kind: "ledger",
      lines: [
        { kind: "weights", allocatedBytes: 41_000_000, usedBytes: 40_000_000 },
        { kind: "KV cache", allocatedBytes: 9_000_000, usedBytes: 1_000_000 },
      ],
    });
    await page.locator(".status").getByText("50.0 MB on GPU").waitFor();
    const turn = await say(page, engine, "Hello!");
    expect(await field(page).inputValue()).toBe("");
    await engine.emit({ kind: "reading", turn, readTokens: 512, totalTokens: 2000 });
    await page.getByText("Reading, 512 of 2,000 tokens").waitFor();
    await engine.emit({ kind: "text", turn, text: "Good ", generatedTokens: 1, elapsedMs: 0 });
    const shown = page.locator(".answer-text");
    await expect.poll(() => shown.textContent()).toBe("Good ");
    const node = await shown.evaluateHandle((paragraph) => paragraph.firstChild!);
    await answer(page, engine, turn, "evening.");
    expect(await shown.innerText()).toBe("Good evening.");
    expect(await node.evaluate((textNode) => textNode.textContent)).toBe("Good evening.");
    expect(await page.locator(".measurements li").allInnerTexts()).toEqual([
      "40.0 tokens/s",
      "5 tokens",
      "first token after 50 ms",
      expect.stringMatching(/^seed \d+$/),
    ]);
    await page.getByText("20 of 4,096 tokens").waitFor();
  });

  test("a suggestion is sent as it stands", async () => {
    const { page, engine } = await openReady();
    await page.getByRole("button", { name: "What is the capital of France?" }).click();
    expect(await engine.expectRequest("send")).toMatchObject({ text: "What is the capital of France?" });
  });

  test("markup in an answer stays text", async () => {
    const { page, engine } = await openReady();
    await answer(page, engine, await say(page, engine, "<b>bold</b>"), "<img src=x onerror=alert(1)> & more");
    expect(await page.locator(".answer-text").innerText()).toBe("<img src=x onerror=alert(1)> & more");
    expect(await page.locator(".message").innerText()).toBe("<b>bold</b>");
  });

  test("Shift+Enter breaks the line, and Enter sends all of it", async () => {
    const { page, engine } = await openReady();
    await field(page).click();
    await page.keyboard.type("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    await page.keyboard.press("Enter");
    expect(await engine.expectRequest("send")).toMatchObject({ text: "one\ntwo" });
  });

  test("Esc stops: the worker learns what was shown, and nothing is shown after it", async () => {
    const { page, engine } = await openReady();
    const turn = await say(page, engine, "Count.");
    await engine.emit({ kind: "text", turn, text: "one two", generatedTokens: 2, elapsedMs: 20 });
    await page.getByText("one two").waitFor();
    await page.keyboard.press("Escape");
    expect(await engine.expectRequest("stop")).toEqual({ kind: "stop", turn, shownTokens: 2 });
    await engine.emit({ kind: "text", turn, text: " three", generatedTokens: 3, elapsedMs: 30 });
    await engine.emit({ kind: "turnEnded", turn, reason: "stopped", timings: TIMINGS, usedTokens: 15 });
    await page.locator(".ending").getByText("Stopped.").waitFor();
    expect(await page.locator(".answer-text").textContent()).toBe("one two");
  });

  test("the button stops too, and the next message can be typed before", async () => {
    const { page, engine } = await openReady();
    const turn = await say(page, engine, "Count.");
    await engine.emit({ kind: "text", turn, text: "one", generatedTokens: 1, elapsedMs: 0 });
    await field(page).fill("And then?");
    await field(page).press("Enter");
    await page.getByRole("button", { name: "Stop" }).click();
    expect(await engine.expectRequest("stop")).toMatchObject({ turn });
    expect(await field(page).inputValue()).toBe("And then?");
    await engine.emit({ kind: "turnEnded", turn, reason: "stopped", timings: TIMINGS, usedTokens: 15 });
    await page.getByRole("button", { name: "Send" }).click();
    expect(await engine.expectRequest("send")).toMatchObject({ text: "And then?", turn: turn + 1 });
  });

  test("Esc in an open panel closes it and lets the answer go on", async () => {
    const { page, engine } = await openReady();
    const turn = await say(page, engine, "Count.");
    await engine.emit({ kind: "text", turn, text: "one", generatedTokens: 1, elapsedMs: 0 });
    await page.getByRole("button", { name: "Sampling" }).click();
    await page.getByLabel("Temperature").waitFor();
    await page.keyboard.press("Escape");
    await page.getByLabel("Temperature").waitFor({ state: "hidden" });
    expect(engine.pending()).toEqual([]);
  });

  test("New chat empties the page, keeps the draft and the focus, and a message can be sent at once", async () => {
    const { page, engine } = await openReady();
    await answer(page, engine, await say(page, engine, "Hello!"), "Hi.");
    await field(page).fill("kept");
    await page.getByRole("button", { name: "New chat" }).click();
    expect(await engine.expectRequest("newChat")).toEqual({ kind: "newChat", systemPrompt: "" });
    expect(await page.locator(".turn").count()).toBe(0);
    expect(await field(page).inputValue()).toBe("kept");
    expect(await field(page).evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    const { turn, text } = await engine.expectRequest("send");
    expect(text).toBe("kept");
    await engine.emit({ kind: "chatCleared", usedTokens: 0 });
    await answer(page, engine, turn, "Yes.");
    expect(await page.locator(".turn").count()).toBe(1);
  });

  test("the sampling panel's numbers reach the worker, and Reset takes them back", async () => {
    const { page, engine } = await openReady();
    await page.getByRole("button", { name: "Sampling" }).click();
    await page.getByLabel("Temperature").fill("0");
    await page.getByLabel("Top-k").fill("7");
    await page.getByLabel("Longest answer").fill("99");
    await page.getByLabel("Random each time").uncheck();
    await page.getByLabel("Seed", { exact: true }).fill("123");
    await page.keyboard.press("Escape");
    await field(page).fill("x");
    await page.getByRole("button", { name: "Send" }).click();
    expect(await engine.expectRequest("send")).toMatchObject({
      sampling: { temperature: 0, topK: 7, topP: 0.95, minP: 0.05, seed: 123 },
      maxTokens: 99,
    });
    await page.getByRole("button", { name: "Sampling" }).click();
    await page.getByRole("button", { name: "Reset" }).click();
    expect(await page.getByLabel("Top-k").inputValue()).toBe("40");
  });

  test("the panel of the model lists every kind of memory and their sum", async () => {
    const { page, engine } = await openReady();
    await engine.emit({
      kind: "ledger",
      lines: [
        { kind: "weights", allocatedBytes: 41_000_000, usedBytes: 40_000_000 },
        { kind: "recurrent state", allocatedBytes: 2_000_000, usedBytes: 2_000_000 },
      ],
    });
    await page.locator(".status").click();
    const rows = page.getByRole("table", { name: "GPU memory" }).getByRole("row");
    expect(await rows.allInnerTexts()).toEqual([
      "Kind\tAllocated\tUsed",
      "weights\t41.0 MB\t40.0 MB",
      "recurrent state\t2.0 MB\t2.0 MB",
      "Sum\t43.0 MB\t42.0 MB",
    ]);
    await page.getByText("texts of up to 2,048 tokens").waitFor();
  });
});

describe("a GPU that is busy elsewhere", () => {
  test("is told with what waits for it, and each of them can be cancelled", async () => {
    const { page, engine } = await openReady();
    await engine.emit({
      kind: "queue",
      jobs: [
        { job: 7, part: "benchmark", title: "Benchmark", state: "running" },
        { job: 8, part: "chat", title: "Answering “Hello!”", state: "waiting" },
      ],
    });
    await page.getByTitle("What the GPU does").click();
    const jobs = page.getByRole("listitem").filter({ hasText: "Cancel" });
    expect(await jobs.allInnerTexts()).toEqual([
      expect.stringMatching(/^Benchmark\s+running\s+Cancel$/),
      expect.stringMatching(/^Answering “Hello!”\s+waiting\s+Cancel$/),
    ]);
    await page.getByRole("button", { name: "Cancel: Answering “Hello!”" }).click();
    expect(await engine.expectRequest("cancelJob")).toEqual({ kind: "cancelJob", job: 8 });
    await engine.emit({ kind: "queue", jobs: [] });
    await page.getByTitle("What the GPU does").waitFor({ state: "detached" });
  });
});

describe("a context that fills", () => {
  test("is told before the message is sent, and a new chat keeps the text", async () => {
    const { page, engine } = await openReady();
    const turn = await say(page, engine, "Hello!");
    await engine.emit({ kind: "text", turn, text: "Hi.", generatedTokens: 2, elapsedMs: 10 });
    await engine.emit({ kind: "turnEnded", turn, reason: "eos", timings: TIMINGS, usedTokens: 3500 });
    await page.getByText("3,500 of 4,096 tokens").waitFor();
    await field(page).fill("word ".repeat(500));
    await page.getByText("This message may not fit").waitFor();
    await page.locator(".notice").getByRole("button", { name: "New chat" }).click();
    await engine.expectRequest("newChat");
    expect(await field(page).inputValue()).toBe("word ".repeat(500));
  });

  test("ends an answer with its reason, and then takes no message", async () => {
    const { page, engine } = await openReady();
    const turn = await say(page, engine, "Hello!");
    await engine.emit({ kind: "text", turn, text: "Hi and", generatedTokens: 2, elapsedMs: 10 });
    await engine.emit({ kind: "turnEnded", turn, reason: "context", timings: TIMINGS, usedTokens: 4096 });
    await page.locator(".ending").getByText("The conversation is full, so the answer ends here.").waitFor();
    await field(page).fill("more");
    expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
    await page.getByText("This conversation is full.").waitFor();
  });
});
