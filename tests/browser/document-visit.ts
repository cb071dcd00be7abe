// What a person does on the Long document page with the real engine: a sample read, asked, kept, found again, deleted.

import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Makes every answer the likeliest one; ends on the page of documents. */
async function becomeGreedy(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Chat" }).click();
  await page.getByRole("button", { name: "Sampling" }).click();
  await page.getByLabel("Temperature").fill("0");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Long document" }).click();
}

/** Asks for the fact that is hidden first, and gives question, answer and verdict as one text. */
async function askForFact(page: Page): Promise<string> {
  const suggestions = page.getByRole("list", { name: "Questions about hidden facts" });
  await suggestions.getByRole("button").first().click();
  await page.locator(".verdict").waitFor();
  const texts = [".message", ".answer-text", ".verdict"].map((selector) => page.locator(selector).innerText());
  return (await Promise.all(texts)).join("\n");
}

async function readChart(page: Page): Promise<string> {
  const figure = page.getByRole("figure").filter({ has: page.getByRole("heading", { name: "Memory" }) });
  await figure.getByText("As a table").click();
  return figure.getByRole("table").innerText();
}

/** From an open page of documents to the same page with nothing kept. */
export async function visitDocument(page: Page, numTokens: 1024 | 4096): Promise<void> {
  await page.getByRole("button", { name: "Write a sample" }).waitFor();
  await becomeGreedy(page);
  await page.getByRole("combobox", { name: "Length" }).selectOption(String(numTokens));
  await page.getByRole("button", { name: "Write a sample" }).click();
  await page.getByRole("list", { name: "What reading takes" }).waitFor();
  await page.getByRole("button", { name: "Start reading" }).click();
  const wholeText = page.getByText(/^Read: [\d,]+ tokens/);
  await wholeText.waitFor();
  const told = await wholeText.innerText();
  const answered = await askForFact(page);
  expect(answered).toMatch(/Right: |Not found: /);
  const measured = await readChart(page);
  expect(measured.split("\n").length).toBeGreaterThan(4);
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByText("Kept in this browser", { exact: true }).waitFor();

  await page.reload();
  const kept = page.getByRole("listitem").filter({ hasText: "Chronicle of the Alder valley" });
  await kept.getByRole("button", { name: /^Open/ }).waitFor();
  await becomeGreedy(page);
  await kept.getByRole("button", { name: /^Open/ }).click();
  await wholeText.waitFor();
  expect(await wholeText.innerText()).toBe(told);
  expect(await readChart(page)).toBe(measured);
  expect(await askForFact(page)).toBe(answered);

  await page.getByRole("button", { name: "Close", exact: true }).click();
  await kept.getByRole("button", { name: /^Delete/ }).click();
  await page.getByText("Nothing yet.").waitFor();
}
