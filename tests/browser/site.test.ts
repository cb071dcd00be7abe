// The site as it is shipped, with the real engine and the real weights, in Chromium: answers equal to Transformers', also
// when the GPU is lost.
// `npm run build` comes first.

import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "./browser.ts";
import { serveBuiltSite, type Site } from "./site.ts";

/** A software adapter on two cores takes this long at worst. */
const TIMEOUT_MS = 240_000;

interface Golden {
  readonly greedy: string;
}

const golden = JSON.parse(
  readFileSync(new URL("../fixtures/relampago-71m/golden.json", import.meta.url), "utf8"),
) as Record<"q4.hello" | "q4.story", Golden>;

let browser: Browser;
let site: Site;
let page: Page;
const foreignRequests: string[] = [];
const weightRequests: string[] = [];
const errors: string[] = [];

beforeAll(async () => {
  [browser, site] = await Promise.all([launchBrowser(), serveBuiltSite()]);
  page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on("request", (request) => {
    if (!request.url().startsWith(site.url)) foreignRequests.push(request.url());
    if (request.url().includes("/weights-")) weightRequests.push(request.url());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(site.url);
});

afterAll(async () => {
  await browser.close();
  await site.close();
});

/** Waits for the model, and makes every answer the likeliest one. */
async function becomeGreedy(): Promise<void> {
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
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

/** The complete answer of a turn, counted from 1. */
async function readAnswer(turn: number): Promise<string> {
  await page.locator(`.turn:nth-child(${turn})[data-state=ended]`).waitFor();
  return page.locator(`.turn:nth-child(${turn}) .answer-text`).innerText();
}

const newChat = () => page.getByRole("button", { name: "New chat" }).first().click();

test(
  "answers as Transformers does, takes a second turn, stops, starts anew, and survives a reload",
  async () => {
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

    expect(weightRequests.length).toBeGreaterThan(0);
    weightRequests.length = 0;
    await page.reload();
    await becomeGreedy();
    expect(weightRequests, "the weights come from the browser's storage").toEqual([]);
    await send("Hello!");
    expect(await readAnswer(1)).toBe(golden["q4.hello"].greedy);

    expect(foreignRequests).toEqual([]);
    expect(errors).toEqual([]);
  },
  3 * TIMEOUT_MS,
);

test(
  "a crash of the browser's GPU process in the middle of an answer is told, and the answer is finished as if it had not been",
  async () => {
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
    expect(weightRequests).toEqual([]);
    expect(errors).toEqual([]);
  },
  3 * TIMEOUT_MS,
);
