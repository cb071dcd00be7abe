// The site as it is shipped, with the real engine and the real weights, in Chromium: answers equal to Transformers', also
// when the GPU is lost.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { TIMEOUT_MS, useRealPage } from "./real-page.ts";

interface Golden {
  readonly greedy: string;
}

const golden = JSON.parse(
  readFileSync(new URL("../fixtures/relampago-71m/golden.json", import.meta.url), "utf8"),
) as Record<"q4.hello" | "q4.story", Golden>;

const real = useRealPage("");

const weightRequests = () => real.requests.filter((url) => url.includes("/weights-"));

/** Waits for the model, and makes every answer the likeliest one. */
async function becomeGreedy(): Promise<void> {
  const { page } = real;
  await Promise.race([
    page.getByRole("button", { name: "Who are you?" }).waitFor(),
    page
      .getByRole("alert")
      .waitFor()
      .then(async () => {
        throw new Error(`page: expected the model to be ready, got ${await page.getByRole("alert").innerText()}`);
      }),
  ]);
  await page.getByRole("button", { name: "Sampling" }).click();
  await page.getByLabel("Temperature").fill("0");
  await page.keyboard.press("Escape");
}

async function send(text: string): Promise<void> {
  const { page } = real;
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

/** The complete answer of a turn, counted from 1. */
async function readAnswer(turn: number): Promise<string> {
  const { page } = real;
  await page.locator(`.turn:nth-child(${turn})[data-state=ended]`).waitFor();
  return page.locator(`.turn:nth-child(${turn}) .answer-text`).innerText();
}

const newChat = () => real.page.getByRole("button", { name: "New chat" }).first().click();

test(
  "answers as Transformers does, takes a second turn, stops, starts anew, and survives a reload",
  async () => {
    const { page } = real;
    await becomeGreedy();
    await send("Hello!");
    expect(await readAnswer(1)).toBe(golden["q4.hello"].greedy);

    await send("What is the capital of France?");
    expect((await readAnswer(2)).trim()).not.toBe("");

    await newChat();
    await send("Tell me a short story about a fox.");
    const story = page.locator(".turn:nth-child(1) .answer-text");
    await expect.poll(() => story.innerText(), { timeout: TIMEOUT_MS }).not.toBe("");
    await page.keyboard.press("Escape");
    const shown = await story.innerText();
    await page.locator(".ending").getByText("Stopped.").waitFor();
    await page.waitForTimeout(1500);
    expect(await story.innerText()).toBe(shown);
    expect(golden["q4.story"].greedy.startsWith(shown.trimEnd())).toBe(true);

    await newChat();
    await send("Hello!");
    expect(await readAnswer(1)).toBe(golden["q4.hello"].greedy);

    const numFetched = weightRequests().length;
    expect(numFetched).toBeGreaterThan(0);
    await page.reload();
    await becomeGreedy();
    expect(weightRequests(), "the weights come from the browser's storage").toHaveLength(numFetched);
    await send("Hello!");
    expect(await readAnswer(1)).toBe(golden["q4.hello"].greedy);

    expect(real.foreignRequests).toEqual([]);
    expect(real.errors).toEqual([]);
  },
  3 * TIMEOUT_MS,
);

test(
  "a crash of the browser's GPU process in the middle of an answer is told, and the answer is finished as if it had not been",
  async () => {
    const { page, browser } = real;
    const numFetched = weightRequests().length;
    await newChat();
    await send("Hello!");
    const answer = page.locator(".turn:nth-child(1) .answer-text");
    await expect.poll(() => answer.innerText(), { timeout: TIMEOUT_MS }).not.toBe("");
    const devTools = await browser.newBrowserCDPSession();
    await devTools.send("Browser.crashGpuProcess").catch(() => undefined);
    await page.getByText("The GPU was lost; restoring…").first().waitFor();
    const shown = await answer.innerText();
    expect(shown.length).toBeLessThan(golden["q4.hello"].greedy.length);
    expect(await readAnswer(1)).toBe(golden["q4.hello"].greedy);
    expect(await page.locator(".outage").count()).toBe(0);
    await send("What is the capital of France?");
    expect((await readAnswer(2)).trim()).not.toBe("");
    expect(weightRequests()).toHaveLength(numFetched);
    expect(real.errors).toEqual([]);
  },
  3 * TIMEOUT_MS,
);
