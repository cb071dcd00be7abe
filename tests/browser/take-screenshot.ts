// Takes the README's picture, docs/chat.png, of the built site with the real engine: `npx tsx tests/browser/take-screenshot.ts`.

import { resolve } from "node:path";
import { launchChromium } from "../../scripts/node/launch-chromium.ts";
import { serveBuiltSite } from "./site.ts";

const MESSAGES = ["Hello!", "Tell me a short story about a fox."];
const TIMEOUT_MS = 240_000;

const site = await serveBuiltSite();
const browser = await launchChromium({ adapter: "software" });
const page = await browser.newPage({
  viewport: { width: 1280, height: 720 },
  deviceScaleFactor: 2,
  colorScheme: "dark",
});
page.setDefaultTimeout(TIMEOUT_MS);
await page.goto(site.url);
await page.getByRole("button", { name: "Who are you?" }).waitFor();
for (const [index, message] of MESSAGES.entries()) {
  await page.getByLabel("Message", { exact: true }).fill(message);
  await page.keyboard.press("Enter");
  await page.locator(`.turn:nth-child(${index + 1})[data-state=ended]`).waitFor();
}
await page.screenshot({ path: resolve(import.meta.dirname, "../../docs/chat.png") });
await browser.close();
await site.close();
