// Layout and reading: narrow and zoomed windows, following the end, and what a screen reader is told.

import type { BrowserContextOptions } from "playwright-core";
import { expect, test } from "vitest";
import { type FakePage, TIMINGS, useFakePages } from "./fake-page.ts";
import { overhang, unnamedControls } from "./page-checks.ts";

const open = useFakePages();

const LONG_TEXT = "A line of an answer that is long enough to be read.\n".repeat(60);

async function openWithAnswer(options: BrowserContextOptions, text: string): Promise<FakePage & { turn: number }> {
  const { page, engine } = await open(options);
  await engine.makeReady();
  await page.getByLabel("Message", { exact: true }).fill("Go on.");
  await page.keyboard.press("Enter");
  const { turn } = await engine.expectRequest("send");
  await engine.emit({ kind: "text", turn, text, generatedTokens: 9, elapsedMs: 90 });
  await expect.poll(() => page.locator(".answer-text").textContent()).toBe(text);
  return { page, engine, turn };
}

// 360 px, and 1024 × 768 at 200 % and 400 % zoom, which is the same as half and a quarter of the window.
for (const [width, height] of [
  [360, 740],
  [512, 384],
  [256, 192],
] as const) {
  test(`nothing is wider than a window of ${width} × ${height}`, async () => {
    const { page, engine } = await open({ viewport: { width, height } });
    await page.getByText("Find the GPU").waitFor();
    expect(await overhang(page)).toBe(0);
    // What is said before the worker listens is lost.
    await expect.poll(() => engine.pending().length).toBeGreaterThan(0);
    await engine.emit({ kind: "paused", problem: "web-page", message: "x", pauseMs: 60_000 });
    await engine.emit({ kind: "keeping", keeping: "no-storage" });
    await page.getByRole("button", { name: "Try now" }).waitFor();
    expect(await overhang(page)).toBe(0);
    await engine.makeReady();
    expect(await overhang(page)).toBe(0);
    await page.locator(".status").waitFor({ state: "attached" });
    const title = `Reading “${"a long title ".repeat(20)}”`;
    await engine.emit({
      kind: "queue",
      jobs: [
        { job: 1, part: "benchmark", title, state: "running" },
        { job: 2, part: "chat", title, state: "waiting" },
      ],
    });
    await page.getByText("1 waiting").waitFor({ state: "attached" });
    expect(await overhang(page)).toBe(0);
    await engine.emit({ kind: "queue", jobs: [] });
    await page.getByRole("button", { name: "Sampling" }).click();
    const panel = await page.locator("#sampling-panel").boundingBox();
    expect(panel!.x).toBeGreaterThanOrEqual(0);
    expect(panel!.x + panel!.width).toBeLessThanOrEqual(width);
    expect(panel!.y).toBeGreaterThanOrEqual(0);
    expect(panel!.y + panel!.height).toBeLessThanOrEqual(height);
    await page.keyboard.press("Escape");
    await page.getByLabel("Message", { exact: true }).fill("x".repeat(500));
    await page.keyboard.press("Enter");
    const { turn } = await engine.expectRequest("send");
    await engine.emit({ kind: "text", turn, text: "y".repeat(500), generatedTokens: 9, elapsedMs: 90 });
    await engine.emit({ kind: "turnEnded", turn, reason: "length", timings: TIMINGS, usedTokens: 4000 });
    await page.locator(".notice").waitFor();
    expect(await overhang(page)).toBe(0);
  });
}

test("a failure fits into 360 px", async () => {
  const { page, engine } = await open({ viewport: { width: 360, height: 740 } });
  await engine.expectRequest("load");
  await engine.emit({
    kind: "loadFailed",
    failure: { kind: "no-adapter", message: `adapter: expected one, got ${"x".repeat(200)}` },
  });
  await page.getByRole("alert").waitFor();
  expect(await overhang(page)).toBe(0);
});

test("a growing answer is followed while the reader is at its end, and left alone when not", async () => {
  const { page, engine, turn } = await openWithAnswer({}, LONG_TEXT);
  const distance = () => page.evaluate(() => document.documentElement.scrollHeight - innerHeight - scrollY);
  await expect.poll(distance).toBeLessThan(2);
  await page.evaluate(() => scrollTo(0, 40));
  const jump = page.getByRole("button", { name: "To the end" });
  await jump.waitFor();
  await engine.emit({ kind: "text", turn, text: LONG_TEXT, generatedTokens: 18, elapsedMs: 180 });
  await expect.poll(() => page.locator(".answer-text").textContent()).toBe(LONG_TEXT + LONG_TEXT);
  expect(await page.evaluate(() => scrollY)).toBe(40);
  await jump.click();
  await expect.poll(distance).toBeLessThan(2);
  await engine.emit({ kind: "text", turn, text: LONG_TEXT, generatedTokens: 27, elapsedMs: 270 });
  await expect.poll(() => page.locator(".answer-text").textContent()).toBe(LONG_TEXT.repeat(3));
  await expect.poll(distance).toBeLessThan(2);
});

test("an answer that grows before the page's own scrolling is told of is followed still", async () => {
  const { page } = await openWithAnswer({}, LONG_TEXT);
  const distance = () => page.evaluate(() => document.documentElement.scrollHeight - innerHeight - scrollY);
  await expect.poll(distance).toBeLessThan(2);
  await page.evaluate(() => {
    const more = document.querySelector(".transcript")!.appendChild(document.createElement("div"));
    more.style.height = "700px";
    dispatchEvent(new Event("scroll"));
  });
  await expect.poll(distance).toBeLessThan(2);
});

test("a screen reader hears a whole answer once, and no single tokens", async () => {
  const { page, engine, turn } = await openWithAnswer({}, "Good ");
  const voice = page.locator("#app > [role=status]");
  expect(await voice.textContent()).toBe("Answering.");
  expect(
    await page.locator(".transcript").evaluate((list) => list.closest("[aria-live], [role=log], [role=status]")),
  ).toBeNull();
  await engine.emit({ kind: "text", turn, text: "evening.", generatedTokens: 12, elapsedMs: 120 });
  await engine.emit({ kind: "turnEnded", turn, reason: "eos", timings: TIMINGS, usedTokens: 30 });
  await expect.poll(() => voice.textContent()).toBe("Good evening.");
});

test("every control has a name", async () => {
  const { page } = await openWithAnswer({}, "Hi.");
  expect(await unnamedControls(page)).toEqual([]);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`text has a contrast of at least 4.5 in the ${colorScheme} scheme`, async () => {
    const { page } = await openWithAnswer({ colorScheme }, "Hi.");
    const colors = await page.evaluate(() => {
      const probe = document.body.appendChild(document.createElement("i"));
      return Object.fromEntries(
        ["paper", "surface", "sunken", "ink", "muted", "accent", "accent-ink", "on-accent"].map((name) => {
          probe.style.color = `var(--${name})`;
          return [name, getComputedStyle(probe).color.match(/\d+/g)!.map(Number)];
        }),
      );
    });
    const luminance = (name: string): number => {
      const [red, green, blue] = colors[name]!.map((channel) => channel / 255).map((value) =>
        value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
    };
    const contrast = (one: string, other: string): number => {
      const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (light! + 0.05) / (dark! + 0.05);
    };
    for (const ground of ["paper", "surface", "sunken"]) {
      for (const text of ["ink", "muted", "accent-ink"])
        expect(contrast(text, ground), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast("on-accent", "accent")).toBeGreaterThanOrEqual(4.5);
  });
}
