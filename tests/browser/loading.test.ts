// Loading in Chromium with a fake engine: sizes, questions, and every way to fail.

import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { FAILURE_TEXTS, WEBGPU_BROWSERS } from "../../src/ui/failure-texts.ts";
import type { FailureKind } from "../../src/worker/messages-engine.ts";
import { MODEL, useFakePages } from "./fake-page.ts";

const open = useFakePages();

const field = (page: Page) => page.getByLabel("Message", { exact: true });

describe("loading", () => {
  test("explains the page, asks for the model at its own path, and shows megabytes as they come", async () => {
    const { page, engine } = await open();
    const { modelUrl, features } = await engine.expectRequest("load");
    expect(features).toBe("default");
    expect(modelUrl).toBe(`${page.url()}models/relampago-71m/`);
    await page.getByText("Nothing you type leaves this page.").waitFor();
    await engine.emit({ kind: "size", name: MODEL.name, totalBytes: 41_000_000, keptBytes: 0 });
    await engine.expectRequest("fetchWeights");
    await page.getByText("0.0 of 41.0 MB").waitFor();
    await engine.emit({
      kind: "loading",
      phase: "weights",
      loadedBytes: 12_300_000,
      totalBytes: 41_000_000,
      origin: "network",
    });
    await page.getByText("12.3 of 41.0 MB").waitFor();
    expect(await page.getByRole("progressbar").evaluate((bar: HTMLProgressElement) => bar.value)).toBeCloseTo(0.3, 5);
  });

  test("hands on what the address asks of the kernels", async () => {
    const { page, engine } = await open();
    await engine.expectRequest("load");
    await page.goto(`${page.url()}?features=none`);
    expect(await engine.expectRequest("load")).toMatchObject({ features: "none" });
  });

  test("a large download waits for the button", async () => {
    const { page, engine } = await open();
    await engine.expectRequest("load");
    await engine.emit({ kind: "size", name: MODEL.name, totalBytes: 250_000_000, keptBytes: 0 });
    const button = page.getByRole("button", { name: "Download 250 MB" });
    await button.waitFor();
    expect(engine.pending()).toEqual([]);
    await button.click();
    await engine.expectRequest("fetchWeights");
  });

  test("a metered connection is asked even for a small one", async () => {
    const { page, engine } = await open({}, () => {
      Object.defineProperty(Navigator.prototype, "connection", { value: { saveData: true } });
    });
    await engine.expectRequest("load");
    await engine.emit({ kind: "size", name: MODEL.name, totalBytes: 1_000_000, keptBytes: 0 });
    await page.getByText("metered or set to save data").waitFor();
    expect(engine.pending()).toEqual([]);
  });

  test("a message can be typed meanwhile, and is sent when the model is ready", async () => {
    const { page, engine } = await open();
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
    "wrong-features",
    "download",
    "missing-file",
    "web-page",
    "bad-model",
    "device-lost",
    "out-of-memory",
    "memory-budget",
    "gpu-hung",
    "gpu-error",
    "internal",
  ];

  test("each that the worker reports has its own text, its detail, and the browsers where that helps", async () => {
    for (const kind of fromWorker) {
      const { page, engine } = await open();
      await engine.expectRequest("load");
      await engine.emit({ kind: "loadFailed", failure: { kind, message: `thing: expected ${kind}, got less` } });
      const alert = page.getByRole("alert");
      await alert.waitFor();
      const { title, advice, namesBrowsers, retry } = FAILURE_TEXTS[kind];
      const shown = await alert.innerText();
      for (const text of [title, ...advice, `thing: expected ${kind}, got less`]) expect(shown).toContain(text);
      for (const { browser: name } of WEBGPU_BROWSERS) expect(shown.includes(name)).toBe(namesBrowsers);
      const shorter = kind === "out-of-memory" ? ["With a shorter conversation"] : [];
      const buttons = [...(retry === null ? [] : [retry]), ...shorter, "Copy report"];
      expect(await alert.getByRole("button").allInnerTexts()).toEqual(buttons);
    }
  });

  test("for want of memory tells the numbers, and lets the person allow more or take less", async () => {
    const { page, engine } = await open();
    expect(await engine.expectRequest("load")).toMatchObject({ memoryBudgetBytes: 1e9 });
    const failure = {
      kind: "memory-budget",
      message: "room for 2048 tokens: expected less, got more",
      memory: { what: "room for 2048 tokens", neededBytes: 412e6, usedBytes: 700e6, budgetBytes: 1e9 },
    } as const;
    await engine.emit({ kind: "loadFailed", failure });
    await page.getByText("The conversation needs about 412 MB; 700 MB of the 1.0 GB that this page may take").waitFor();
    await page.getByRole("button", { name: "With a shorter conversation" }).click();
    expect(await engine.expectRequest("load")).toMatchObject({ contextTokens: 1024, memoryBudgetBytes: 1e9 });
    await engine.emit({ kind: "loadFailed", failure });
    await page.getByRole("button", { name: "Allow 1.2 GB" }).click();
    expect(await engine.expectRequest("load")).toMatchObject({ memoryBudgetBytes: 1152e6 });
    await page.reload();
    expect(await engine.expectRequest("load")).toMatchObject({ memoryBudgetBytes: 1152e6 });
    await engine.emit({ kind: "size", name: MODEL.name, totalBytes: MODEL.downloadBytes, keptBytes: 0 });
    await engine.emit({ kind: "ready", model: MODEL });
    await page.locator(".status").click();
    await page.getByLabel("GPU memory to use, in MB").fill("512");
    await page.getByLabel("GPU memory to use, in MB").press("Enter");
    expect(await engine.expectRequest("setMemoryBudget")).toEqual({ kind: "setMemoryBudget", bytes: 512e6 });
  });

  test("gives a report to copy, with what failed and nothing that was typed", async () => {
    const { page, engine } = await open({}, () => {
      const writeText = async (text: string): Promise<void> => {
        (window as unknown as { copied: string }).copied = text;
      };
      Object.defineProperty(navigator, "clipboard", { value: { writeText } });
    });
    await engine.expectRequest("load");
    await field(page).fill("my secret");
    await engine.emit({ kind: "loadFailed", failure: { kind: "internal", message: "thing: expected this, got that" } });
    await page.getByRole("button", { name: "Copy report" }).click();
    await page.getByText("Copied: no text of yours is in it.").waitFor();
    const report = await page.evaluate(() => (window as unknown as { copied: string }).copied);
    expect(report).toMatch(/^## Relampago\n\d+\.\d+\.\d+\n/);
    expect(report).toContain("HeadlessChrome");
    expect(report).toContain("loadFailed: internal: thing: expected this, got that");
    expect(report).not.toContain("secret");
  });

  test("a page without WebGPU says so and starts no worker", async () => {
    const { page, engine } = await open({}, () => {
      Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined });
    });
    await page.getByRole("heading", { name: FAILURE_TEXTS["no-webgpu"].title }).waitFor();
    expect(page.workers()).toEqual([]);
    expect(engine.pending()).toEqual([]);
  });

  test("an insecure address says so", async () => {
    const { page } = await open({}, () => {
      Object.defineProperty(window, "isSecureContext", { value: false });
    });
    await page.getByRole("heading", { name: FAILURE_TEXTS["insecure-origin"].title }).waitFor();
    expect(page.workers()).toEqual([]);
  });

  test("trying again starts a new worker that can succeed", async () => {
    const { page, engine } = await open();
    await engine.expectRequest("load");
    await engine.emit({ kind: "loadFailed", failure: { kind: "download", message: "shard: expected 5 bytes, got 4" } });
    await page.getByRole("button", { name: "Try again" }).click();
    await engine.makeReady();
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(page.workers()).toHaveLength(1);
  });

  test("a worker whose script does not load is a failed download", async () => {
    const { page, engine } = await open();
    await engine.expectRequest("load");
    await engine.emit({
      kind: "loadFailed",
      failure: { kind: "internal", message: "something: expected this, got that" },
    });
    await page.route("**/*worker*.js", (route) => route.abort());
    await page.getByRole("button", { name: "Load again" }).click();
    await page.getByRole("heading", { name: FAILURE_TEXTS.download.title }).waitFor();
    await page.getByText("engine worker: expected its script to load, got an error").waitFor();
  });

  test("of an answer keeps the conversation readable and gives the message back on loading again", async () => {
    const { page, engine } = await open();
    await engine.makeReady();
    await field(page).fill("Are you there?");
    await field(page).press("Enter");
    const { turn } = await engine.expectRequest("send");
    await engine.emit({ kind: "text", turn, text: "I was about", generatedTokens: 3, elapsedMs: 30 });
    await engine.emit({
      kind: "turnFailed",
      turn,
      failure: { kind: "internal", message: "thing: expected this, got that" },
    });
    await page.getByRole("heading", { name: FAILURE_TEXTS.internal.title }).waitFor();
    expect(await page.locator(".answer-text").innerText()).toBe("I was about");
    await page.getByRole("button", { name: "Load again" }).click();
    await engine.makeReady();
    expect(await field(page).inputValue()).toBe("Are you there?");
  });

  test("a software adapter is a notice, not a failure", async () => {
    const { page, engine } = await open();
    await engine.makeReady({ gpu: { ...MODEL.gpu, isSoftware: true } });
    await page.getByText("No GPU is used here").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });
});

describe("a lost GPU", () => {
  const LOST = { kind: "device-lost", message: "GPU device: expected it to stay, got lost: test" } as const;

  test("is told in one line while it is restored, and the answer goes on in its place", async () => {
    const { page, engine } = await open();
    await engine.makeReady();
    await field(page).fill("Are you there?");
    await field(page).press("Enter");
    const { turn } = await engine.expectRequest("send");
    await engine.emit({ kind: "text", turn, text: "I was", generatedTokens: 2, elapsedMs: 20 });
    await engine.emit({ kind: "restoring", failure: LOST });
    await page.locator(".outage").getByText("The GPU was lost; restoring…").waitFor();
    expect(await page.locator("#app > [role=status]").textContent()).toBe("The GPU was lost; restoring…");
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(await page.locator(".answer-text").innerText()).toBe("I was");
    await engine.emit({ kind: "ready", model: MODEL });
    await engine.emit({ kind: "restored" });
    await page.locator(".outage").waitFor({ state: "detached" });
    await engine.emit({ kind: "text", turn, text: " away.", generatedTokens: 4, elapsedMs: 40 });
    await expect.poll(() => page.locator(".answer-text").innerText()).toBe("I was away.");
  });

  test("that is given up is explained, with a choice of smaller blocks, and nothing is lost by it", async () => {
    const { page, engine } = await open();
    await engine.makeReady();
    await field(page).fill("Are you there?");
    await field(page).press("Enter");
    const { turn } = await engine.expectRequest("send");
    await engine.emit({ kind: "text", turn, text: "I was", generatedTokens: 2, elapsedMs: 20 });
    await engine.emit({ kind: "restoring", failure: LOST });
    await engine.emit({ kind: "gpuGivenUp", failure: LOST });
    const alert = page.getByRole("alert");
    await alert.getByRole("heading", { name: FAILURE_TEXTS["device-lost"].title }).waitFor();
    expect(await page.locator(".answer-text").innerText()).toBe("I was");
    await alert.getByRole("button", { name: "Try again" }).click();
    expect(await engine.expectRequest("resumeGpu")).toEqual({ kind: "resumeGpu", blockSize: null });
    await alert.getByRole("button", { name: "Try with smaller blocks" }).click();
    expect(await engine.expectRequest("resumeGpu")).toEqual({ kind: "resumeGpu", blockSize: 64 });
    await engine.emit({ kind: "restoring", failure: LOST });
    await alert.waitFor({ state: "detached" });
    await engine.emit({ kind: "restored" });
    await engine.emit({ kind: "text", turn, text: " away.", generatedTokens: 4, elapsedMs: 40 });
    await expect.poll(() => page.locator(".answer-text").innerText()).toBe("I was away.");
    expect(page.workers()).toHaveLength(1);
  });
});

test("a second tab is told of in both, as long as it is there", async () => {
  const { page, engine } = await open();
  await engine.makeReady();
  const note = page.locator(".welcome").getByText("Relampago runs in another tab; each holds the model in GPU memory.");
  expect(await note.count()).toBe(0);
  const other = await page.context().newPage();
  await other.goto(page.url());
  await note.waitFor();
  await other.close();
  await note.waitFor({ state: "detached" });
});
