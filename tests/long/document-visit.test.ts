// The Long document page in Chromium with the real engine and a small real model: 4,096 tokens read, asked, kept, opened again.
// `npm run build` comes first.

import { expect, test } from "vitest";
import { launchChromium } from "../../scripts/node/launch-chromium.ts";
import { visitDocument } from "../browser/document-visit.ts";
import { serveBuiltSite } from "../browser/site.ts";

const TIMEOUT_MS = 1_800_000;

test("a sample of 4,096 tokens is read, asked, kept, found after a reload, asked again without reading, and deleted", async () => {
  const [browser, site] = await Promise.all([launchChromium({ adapter: "software" }), serveBuiltSite()]);
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`${site.url}?model=twin-hybrid#/document`);
  await visitDocument(page, 4096);
  expect(errors).toEqual([]);
  await browser.close();
  await site.close();
});
