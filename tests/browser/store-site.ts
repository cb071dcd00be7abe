// The page with the real store, without a GPU, in Chromium: its model lies on a server that answers as a test plans it.

import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { createFaultPlan, type FaultPlan } from "../store/fault-server.ts";
import { makeModel } from "../store/made-model.ts";
import { launchChromium } from "../../scripts/node/launch-chromium.ts";
import { serveSiteWith, type Site } from "./site.ts";

export const model = makeModel(1);
export const HASHED = model.hashed.map(({ file }) => file);
const MODEL_PATH = "models/relampago-71m/";

/** A new profile, plan and set of files for each test. */
export interface StoreSite {
  plan: FaultPlan;
  /** By name, as the server has them now. */
  files: Map<string, Uint8Array>;
  site: Site;
  context: BrowserContext;
  /** Opens a tab; it loads at once. */
  open(): Promise<Page>;
}

export function useStoreSite(): StoreSite {
  const setup = {} as StoreSite;
  let browser: Browser;
  beforeAll(async () => {
    const served = serveSiteWith("store-worker.ts", (path, request, response) => {
      if (!path.startsWith(MODEL_PATH)) return false;
      const name = path.slice(MODEL_PATH.length);
      const bytes = setup.files.get(name);
      if (bytes) setup.plan.answer(request, response, name, bytes);
      return bytes !== undefined;
    });
    [browser, setup.site] = await Promise.all([launchChromium({ adapter: "software" }), served]);
  });
  beforeEach(async () => {
    setup.plan = createFaultPlan(false);
    setup.files = new Map(model.files);
    setup.context = await browser.newContext({ viewport: { width: 1024, height: 768 } });
    setup.open = async () => {
      const page = await setup.context.newPage();
      page.setDefaultTimeout(30_000);
      await page.goto(setup.site.url);
      return page;
    };
  });
  afterEach(async () => {
    setup.plan.release();
    await setup.context.close();
  });
  afterAll(async () => {
    await browser.close();
    await setup.site.close();
  });
  return setup;
}

export async function becomeReady(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Who are you?" }).waitFor();
}

/** Waits until the model is ready, and for no pause. */
export async function becomeReadyNow(page: Page): Promise<void> {
  const button = page.getByRole("button", { name: "Try now" });
  while (!(await page.getByRole("button", { name: "Who are you?" }).isVisible())) {
    // A pause may end before the click arrives.
    if (await button.isVisible()) await button.click({ timeout: 1000 }).catch(() => undefined);
    await page.waitForTimeout(50);
  }
}

/** Names and sizes of what the private file system holds for the model. */
export function readKept(page: Page): Promise<Record<string, number>> {
  return page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const sizes: Record<string, number> = {};
    const weights = await root.getDirectoryHandle("weights").catch(() => undefined);
    for await (const [, folder] of weights?.entries() ?? []) {
      for await (const [name, file] of (folder as FileSystemDirectoryHandle).entries()) {
        sizes[name] = (await (file as FileSystemFileHandle).getFile()).size;
      }
    }
    return sizes;
  });
}

/** What `readKept` gives for so many of the hashed files, and the manifest where all are there. */
export function keptSizes(numFiles = HASHED.length): Record<string, number> {
  return Object.fromEntries(model.hashed.slice(0, numFiles).map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
}
