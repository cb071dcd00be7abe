// A page of the built site with the real engine, for a file's tests, and what it asked for and complained of.
// `npm run build` comes first.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { launchChromium } from "../../scripts/node/launch-chromium.ts";
import { serveBuiltSite, type Site } from "./site.ts";

/** A software adapter on two cores takes this long at worst. */
export const TIMEOUT_MS = 240_000;

export interface RealPage {
  readonly browser: Browser;
  readonly page: Page;
  /** Addresses of all requests so far. */
  readonly requests: string[];
  /** Those of other places than the site. */
  readonly foreignRequests: string[];
  readonly errors: string[];
}

/** @param path after the site's address: query and hash
 * @param prepare called before the page is opened */
export function useRealPage(path: string, prepare: (page: Page) => Promise<unknown> = async () => {}): RealPage {
  const real = { requests: [] as string[], foreignRequests: [] as string[], errors: [] as string[] } as {
    -readonly [Field in keyof RealPage]: RealPage[Field];
  };
  let site: Site;
  beforeAll(async () => {
    [real.browser, site] = await Promise.all([launchChromium({ adapter: "software" }), serveBuiltSite()]);
    real.page = await real.browser.newPage();
    real.page.setDefaultTimeout(TIMEOUT_MS);
    real.page.on("request", (request) => {
      real.requests.push(request.url());
      if (!request.url().startsWith(site.url)) real.foreignRequests.push(request.url());
    });
    real.page.on("pageerror", (error) => real.errors.push(error.message));
    real.page.on("console", (message) => {
      if (message.type() === "error") real.errors.push(message.text());
    });
    await prepare(real.page);
    await real.page.goto(`${site.url}${path}`);
  });
  afterAll(async () => {
    await real.browser.close();
    await site.close();
  });
  return real;
}
