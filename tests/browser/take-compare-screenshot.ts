// Takes the README's picture of the comparison, docs/compare.png, of the built site with the real engine and the twins:
// `npx tsx tests/browser/take-compare-screenshot.ts`.

import { resolve } from "node:path";
import { launchChromium } from "../../scripts/node/launch-chromium.ts";
import { serveBuiltSite } from "./site.ts";

const SETTINGS = "prompt=Who+are+you%3F&maxTokens=40&raceTokens=640";
const TIMEOUT_MS = 600_000;

const site = await serveBuiltSite();
const browser = await launchChromium({ adapter: "software" });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(TIMEOUT_MS);
  await page.goto(`${site.url}#/compare?${SETTINGS}`);
  await page.getByRole("button", { name: "Ask all" }).click();
  await page.locator(".compare-card[data-end=end], .compare-card[data-end=length]").nth(2).waitFor();
  await page.getByRole("button", { name: "Start the race" }).click();
  await page.getByText("are those that the config gives, to the byte").waitFor();
  // From the answers to the first charts.
  const section = page.getByRole("heading", { name: "The same prompt" });
  await section.evaluate((heading) => heading.parentElement!.scrollIntoView());
  await page.evaluate(() => scrollBy(0, -64));
  await page.setViewportSize({ width: 1280, height: 1480 });
  await page.waitForTimeout(500);
  await page.screenshot({ path: resolve(import.meta.dirname, "../../docs/compare.png") });
} finally {
  await browser.close();
  await site.close();
}
process.exit(0);
