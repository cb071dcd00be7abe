// The Long document page with the shipped model, in Chromium: a sample of 4,096 tokens is read, asked for a hidden fact, and
// asked again from the kept state after a reload. `npm run build` comes first.

import { expect, test } from "vitest";
import { launchBrowser } from "../browser/browser.ts";
import { serveBuiltSite } from "../browser/site.ts";

/** On a software adapter some tokens are read a second. */
const TIMEOUT_MS = 3_000_000;

test(
  "a sample of 4,096 tokens is read by the shipped model and asked about, also after a reload",
  async () => {
    const [browser, site] = await Promise.all([launchBrowser(), serveBuiltSite()]);
    const page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.goto(`${site.url}#/document`);
    await page.getByRole("button", { name: "Write a sample" }).click();
    await page.getByRole("button", { name: "Start reading" }).click();
    await page.getByText(/^Read: 4,\d\d\d tokens/).waitFor();
    const askLast = async (): Promise<string> => {
      await page.getByRole("list", { name: "Questions about hidden facts" }).getByRole("button").last().click();
      await page.locator(".verdict").last().waitFor();
      return page.locator(".verdict").last().innerText();
    };
    const verdict = await askLast();
    await page.getByRole("button", { name: "Keep", exact: true }).click();
    await page.getByText("Kept in this browser").waitFor();
    await page.reload();
    await page.getByRole("button", { name: /^Open: Chronicle/ }).click();
    await page.getByText(/^Read: 4,\d\d\d tokens/).waitFor();
    const again = await askLast();
    // Whether it is right is the model's affair; what the text says is the same.
    expect(again.replace(/^.*the text/, "")).toBe(verdict.replace(/^.*the text/, ""));
    await browser.close();
    await site.close();
  },
  TIMEOUT_MS,
);
