// The long document with the real engine and a small real model, in Chromium. `npm run build` comes first.

import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "./browser.ts";
import { serveBuiltSite, type Site } from "./site.ts";

/** A software adapter on two cores takes this long at worst. */
const TIMEOUT_MS = 240_000;

/** Two lines of text, as small as a PDF may be. */
const PDF = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>endobj
4 0 obj<</Length 68>>stream
BT /F1 12 Tf 20 100 Td (The fox lives) Tj 0 -20 Td (in Quito.) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>`;

let browser: Browser;
let context: BrowserContext;
let site: Site;
let page: Page;
const errors: string[] = [];
const foreignRequests: string[] = [];

beforeAll(async () => {
  [browser, site] = await Promise.all([launchBrowser(), serveBuiltSite()]);
  context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(site.url) && !url.startsWith("blob:")) foreignRequests.push(url);
  });
});

afterAll(async () => {
  await browser.close();
  await site.close();
});

async function openPage(): Promise<void> {
  await page.goto(`${site.url}?model=twin-hybrid#/document`);
  await page.getByRole("heading", { name: /^A long text/ }).waitFor();
}

/** Answers do not depend on chance then; the document stays open meanwhile. */
async function becomeGreedy(): Promise<void> {
  await page.getByRole("link", { name: "Chat" }).click();
  await page.getByRole("button", { name: "Sampling" }).click();
  await page.getByLabel("Temperature").fill("0");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Long document" }).click();
}

async function askForFact(): Promise<string> {
  await page.getByRole("list", { name: "Questions about hidden facts" }).getByRole("button").first().click();
  await page.locator(".turn[data-state=ended]").last().waitFor();
  await page.locator(".verdict").last().waitFor();
  return page.locator(".answer-text").last().innerText();
}

test(
  "a sample is read with its charts, asked for a hidden fact, kept, and asked again after a reload",
  async () => {
    await openPage();
    await page.getByLabel("Length").selectOption("1024");
    await page.getByRole("button", { name: "Write a sample" }).click();
    const start = page.getByRole("button", { name: "Start reading" });
    await start.waitFor();
    expect(await page.getByLabel("What reading takes").innerText()).toMatch(/to read it, estimated/);
    await start.click();
    await page.getByText(/^Read: 1,\d\d\d tokens/).waitFor();

    const memory = page.getByRole("figure").filter({ hasText: "Memory" });
    await memory.getByText("As a table").click();
    const rows = memory.getByRole("row");
    const cells = (row: number) => rows.nth(row).getByRole("cell").allInnerTexts();
    const [first, last] = [await cells(1), await cells((await rows.count()) - 1)];
    expect(first[0]).toBe(last[0]);
    expect(first[1]).not.toBe(last[1]);
    const download = page.waitForEvent("download");
    await memory.getByRole("button", { name: "Save PNG" }).click();
    expect((await download).suggestedFilename()).toBe("relampago-memory.png");

    await becomeGreedy();
    const answer = await askForFact();
    await page.getByRole("button", { name: "Keep", exact: true }).click();
    await page.getByText("Kept in this browser").waitFor();

    await page.reload();
    await openPage();
    const kept = page.getByRole("listitem").filter({ hasText: "Chronicle of the Alder valley" });
    expect(await kept.innerText()).toMatch(/1,\d\d\d tokens · .* MB · twin-hybrid/);
    await kept.getByRole("button", { name: /^Open/ }).click();
    await page.getByText(/^Read: 1,\d\d\d tokens/).waitFor();
    await becomeGreedy();
    expect(await askForFact()).toBe(answer);
    await page.getByRole("button", { name: "Close" }).click();
    await kept.getByRole("button", { name: /^Delete/ }).click();
    await page.getByText("Nothing yet.").waitFor();
  },
  2 * TIMEOUT_MS,
);

test(
  "a PDF is read as text, by a script that is fetched only then, and nothing is asked of other servers",
  async () => {
    await openPage();
    const file = { name: "fox.pdf", mimeType: "application/pdf", buffer: Buffer.from(PDF) };
    await page.getByLabel("A file to read").setInputFiles(file);
    await page.getByRole("heading", { name: "fox.pdf" }).waitFor();
    await page.getByText("23 characters").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    expect(errors).toEqual([]);
    expect(foreignRequests).toEqual([]);
  },
  TIMEOUT_MS,
);
