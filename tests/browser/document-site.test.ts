// The Long document page in Chromium with the real engine and a small real model.

import { expect, test } from "vitest";
import { createPdf } from "../document/made-up-pdf.ts";
import { visitDocument } from "./document-visit.ts";
import { TIMEOUT_MS, useRealPage } from "./real-page.ts";

const real = useRealPage("?model=twin-hybrid#/document");

test(
  "a sample is read, asked, kept, found after a reload with its charts, asked again without reading, and deleted",
  async () => {
    await visitDocument(real.page, 1024);
    expect(real.foreignRequests).toEqual([]);
    expect(real.errors).toEqual([]);
  },
  2 * TIMEOUT_MS,
);

test(
  "a PDF file is opened in the page, with nothing asked of any other place",
  async () => {
    const { page } = real;
    const buffer = createPdf("The quick fox is brown.");
    await page.getByLabel("A file to read").setInputFiles({ name: "fox.pdf", mimeType: "application/pdf", buffer });
    await page.getByRole("heading", { name: "fox.pdf" }).waitFor();
    await page.getByText(/\d+ tokens, 23 characters/).waitFor();
    expect(real.foreignRequests).toEqual([]);
    expect(real.errors).toEqual([]);
  },
  TIMEOUT_MS,
);
