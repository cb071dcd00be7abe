// The Long document page in Chromium with the real engine and a small real model. `npm run build` comes first.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPdf } from "../document/made-up-pdf.ts";
import { launchBrowser } from "./browser.ts";
import { visitDocument } from "./document-visit.ts";
import { serveBuiltSite, type Site } from "./site.ts";

const TIMEOUT_MS = 240_000;

let browser: Browser;
let site: Site;
let page: Page;
const foreignRequests: string[] = [];
const errors: string[] = [];

beforeAll(async () => {
  [browser, site] = await Promise.all([launchBrowser(), serveBuiltSite()]);
  page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on("request", (request) => {
    if (!request.url().startsWith(site.url)) foreignRequests.push(request.url());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`${site.url}?model=twin-hybrid#/document`);
});

afterAll(async () => {
  await browser.close();
  await site.close();
});

test(
  "a sample is read, asked, kept, found after a reload with its charts, asked again without reading, and deleted",
  async () => {
    await visitDocument(page, 1024);
    expect(foreignRequests).toEqual([]);
    expect(errors).toEqual([]);
  },
  2 * TIMEOUT_MS,
);

test(
  "a PDF file is opened in the page, with nothing asked of any other place",
  async () => {
    const buffer = createPdf("The quick fox is brown.");
    await page.getByLabel("A file to read").setInputFiles({ name: "fox.pdf", mimeType: "application/pdf", buffer });
    await page.getByRole("heading", { name: "fox.pdf" }).waitFor();
    await page.getByText(/\d+ tokens, 23 characters/).waitFor();
    expect(foreignRequests).toEqual([]);
    expect(errors).toEqual([]);
  },
  TIMEOUT_MS,
);
