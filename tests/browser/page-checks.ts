// What holds on every page, whatever is on it.

import type { Page } from "playwright-core";

const CONTROLS = "button, input, textarea, select, progress, [role=meter], [tabindex='0']";

/** The controls without a name, as HTML. */
export function unnamedControls(page: Page): Promise<string[]> {
  return page.locator(CONTROLS).evaluateAll((controls) =>
    controls
      .filter((control) => {
        const labels = [...((control as HTMLInputElement).labels ?? [])].map((label) => label.textContent);
        return ![control.getAttribute("aria-label"), ...labels, control.textContent].some((name) => name?.trim());
      })
      .map((control) => control.outerHTML),
  );
}

/** Pixels by which the page is wider than its window. */
export function overhang(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
