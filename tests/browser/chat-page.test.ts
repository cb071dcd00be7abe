// The page in Chromium with a fake engine: states, keyboard, layout, failures.

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { FAILURE_TEXTS, WEBGPU_BROWSERS } from "../../src/ui/failure-texts.ts";
import type { FailureKind } from "../../src/worker/messages.ts";
import { type FakeEngine, launchBrowser, MODEL, openFakePage, TIMINGS } from "./browser.ts";
import { serveFakeSite, type Site } from "./site.ts";

let browser: Browser;
let site: Site;

beforeAll(async () => {
  [browser, site] = await Promise.all([launchBrowser(), serveFakeSite()]);
}, 60_000);

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});

afterAll(async () => {
  await browser.close();
  await site.close();
});

async function openReady(): Promise<{ page: Page; engine: FakeEngine }> {
  const opened = await openFakePage(browser, site.url);
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

describe("loading", () => {
  test("explains the page, asks for the model at its own path, and shows megabytes as they come", async () => {
    const { page, engine } = await openFakePage(browser, site.url);
    const { modelUrl } = await engine.expectRequest("load");
    expect(modelUrl).toBe(`${site.url}models/relampago-71m/`);
    await page.getByText("Nothing you type leaves this page.").waitFor();
    await engine.emit({ kind: "size", name: MODEL.name, totalBytes: 41_000_000 });
    await engine.expectRequest("fetchWeights");
    await page.getByText("0.0 of 41.0 MB").waitFor();
    await engine.emit({ kind: "loading", phase: "weights", loadedBytes: 12_300_000, totalBytes: 41_000_000 });
    await page.getByText("12.3 of 41.0 MB").waitFor();
    expect(await page.getByRole("progressbar").evaluate((bar: HTMLProgressElement) => bar.value)).toBeCloseTo(0.3, 5);
  });

  test("a large download waits for the button", async () => {
    const { page, engine } = await openFakePage(browser, site.url);
    await engine.expectRequest("load");
    await engine.emit({ kind: "size", name: MODEL.name, totalBytes: 250_000_000 });
    const button = page.getByRole("button", { name: "Download 250 MB" });
    await button.waitFor();
    expect(engine.pending()).toEqual([]);
    await button.click();
    await engine.expectRequest("fetchWeights");
  });

  test("a metered connection is asked even for a small one", async () => {
    const { page, engine } = await openFakePage(browser, site.url, {}, () => {
      Object.defineProperty(Navigator.prototype, "connection", { value: { saveData: true } });
    });
    await engine.expectRequest("load");
    await engine.emit({ kind: "size", name: MODEL.name, totalBytes: 1_000_000 });
    await page.getByText("metered or set to save data").waitFor();
    expect(engine.pending()).toEqual([]);
  });

  test("a message can be typed meanwhile, and is sent when the model is ready", async () => {
    const { page, engine } = await openFakePage(browser, site.url);
    await field(page).fill("early");
    await field(page).press("Enter");
    await engine.makeReady();
    expect(await field(page).inputValue()).toBe("early");
    await field(page).press("Enter");
    expect(await engine.expectRequest("send")).toMatchObject({ text: "early" });
  });
});

describe("failures", () => {
  const fromWorker: readonly FailureKind[] = [
    "no-webgpu-in-worker",
    "no-adapter",
    "limit-too-small",
    "download",
    "bad-model",
    "device-lost",
    "out-of-memory",
    "internal",
  ];

  test("each that the worker reports has its own text, its detail, and the browsers where that helps", async () => {
    for (const kind of fromWorker) {
      const { page, engine } = await openFakePage(browser, site.url);
      await engine.expectRequest("load");
      await engine.emit({ kind: "loadFailed", failure: { kind, message: `thing: expected ${kind}, got less` } });
      const alert = page.getByRole("alert");
      await alert.waitFor();
      const { title, advice, namesBrowsers, retry } = FAILURE_TEXTS[kind];
      const shown = await alert.innerText();
      for (const text of [title, ...advice, `thing: expected ${kind}, got less`]) expect(shown).toContain(text);
      for (const { browser: name } of WEBGPU_BROWSERS) expect(shown.includes(name)).toBe(namesBrowsers);
      expect(await alert.getByRole("button").count()).toBe(retry === null ? 0 : 1);
    }
  }, 60_000);

  test("a page without WebGPU says so and starts no worker", async () => {
    const { page, engine } = await openFakePage(browser, site.url, {}, () => {
      Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined });
    });
    await page.getByRole("heading", { name: FAILURE_TEXTS["no-webgpu"].title }).waitFor();
    expect(page.workers()).toEqual([]);
    expect(engine.pending()).toEqual([]);
  });

  test("an insecure address says so", async () => {
    const { page } = await openFakePage(browser, site.url, {}, () => {
      Object.defineProperty(window, "isSecureContext", { value: false });
    });
    await page.getByRole("heading", { name: FAILURE_TEXTS["insecure-origin"].title }).waitFor();
    expect(page.workers()).toEqual([]);
  });

  test("trying again starts a new worker that can succeed", async () => {
    const { page, engine } = await openFakePage(browser, site.url);
    await engine.expectRequest("load");
    await engine.emit({ kind: "loadFailed", failure: { kind: "download", message: "shard: expected 5 bytes, got 4" } });
    await page.getByRole("button", { name: "Try again" }).click();
    await engine.makeReady();
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(page.workers()).toHaveLength(1);
  });

  test("a lost GPU keeps the conversation readable and gives the message back on loading again", async () => {
    const { page, engine } = await openReady();
    const turn = await say(page, engine, "Are you there?");
    await engine.emit({ kind: "text", turn, text: "I was about", generatedTokens: 3, elapsedMs: 30 });
    await engine.emit({ kind: "turnFailed", turn, failure: { kind: "device-lost", message: "device: expected it to stay, got lost" } });
    await page.getByRole("heading", { name: FAILURE_TEXTS["device-lost"].title }).waitFor();
    expect(await page.locator(".answer-text").innerText()).toBe("I was about");
    await page.getByRole("button", { name: "Load again" }).click();
    await engine.makeReady();
    expect(await field(page).inputValue()).toBe("Are you there?");
  });

  test("a software adapter is a notice, not a failure", async () => {
    const { page, engine } = await openFakePage(browser, site.url);
    await engine.makeReady({ gpu: { ...MODEL.gpu, isSoftware: true } });
    await page.getByText("No GPU is used here").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });
});

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

  test("New chat empties the page, keeps the draft and the focus, and waits for the worker", async () => {
    const { page, engine } = await openReady();
    await answer(page, engine, await say(page, engine, "Hello!"), "Hi.");
    await field(page).fill("kept");
    await page.getByRole("button", { name: "New chat" }).click();
    expect(await engine.expectRequest("newChat")).toEqual({ kind: "newChat", systemPrompt: "" });
    expect(await page.locator(".turn").count()).toBe(0);
    expect(await field(page).inputValue()).toBe("kept");
    expect(await field(page).evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
    await engine.emit({ kind: "chatCleared", usedTokens: 0 });
    await page.getByText("0 of 4,096 tokens").waitFor();
    await page.keyboard.press("Enter");
    expect(await engine.expectRequest("send")).toMatchObject({ text: "kept" });
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
