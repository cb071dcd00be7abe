// Takes the README's picture of the Long document page, docs/document.png, of the built site with a real engine and a small
// real model: `npx tsx tests/browser/take-document-screenshot.ts`.

import { resolve } from "node:path";
import { launchChromium } from "../../scripts/node/launch-chromium.ts";
import { serveBuiltSite } from "./site.ts";

const TIMEOUT_MS = 900_000;

const site = await serveBuiltSite();
const browser = await launchChromium({ adapter: "software" });
const page = await browser.newPage({
  viewport: { width: 1280, height: 800 },
  deviceScaleFactor: 2,
  colorScheme: "dark",
});
page.setDefaultTimeout(TIMEOUT_MS);
await page.goto(`${site.url}?model=twin-hybrid#/document`);
await page.getByRole("button", { name: "Write a sample" }).click();
await page.getByRole("button", { name: "Start reading" }).click();
await page.getByText(/^Read: 4,\d\d\d tokens/).waitFor();
await page.getByLabel("Logarithmic").check();
await page.evaluate(() => scrollTo(0, 0));
await page.screenshot({ path: resolve(import.meta.dirname, "../../docs/document.png") });
await browser.close();
await site.close();
