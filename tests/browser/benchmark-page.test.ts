// The benchmark's page in Chromium with a fake engine: the way there, bars that come, Stop, and a result to copy.

import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { createMeasurement, createResult } from "../bench/made-up-result.ts";
import { type FakePage, useFakePages } from "./fake-page.ts";

const open = useFakePages();

const READING = createMeasurement({ name: "prefill 128", kind: "prefill", length: 128, tokens: 128 }, 4);
const WRITING = createMeasurement({ name: "decode at 16", kind: "decode", length: 16, tokens: 128 }, 64);
const RESULT = createResult({ measurements: [READING, WRITING] });

async function openBenchmark(init?: () => void): Promise<FakePage> {
  const opened = await open({}, init);
  await opened.engine.makeReady();
  await opened.page.getByRole("link", { name: "Benchmark" }).click();
  await opened.page.getByRole("heading", { name: "Benchmark" }).waitFor();
  return opened;
}

async function finish({ page, engine }: FakePage): Promise<void> {
  await page.getByRole("button", { name: "Start" }).click();
  await engine.expectRequest("benchmark");
  await engine.emit({ kind: "benchmarkMeasured", measurement: READING });
  await engine.emit({ kind: "benchmarkMeasured", measurement: WRITING });
  await engine.emit({ kind: "benchmarkEnded", result: RESULT });
  await page.getByRole("button", { name: "Copy result" }).waitFor();
}

/** Keeps what the page copies, or refuses it. */
const keepCopies = (): void => {
  const writeText = async (text: string): Promise<void> => {
    (window as unknown as { copied: string }).copied = text;
  };
  Object.defineProperty(navigator, "clipboard", { value: { writeText } });
};
const refuseCopies = (): void => {
  const writeText = async (): Promise<void> => {
    throw new DOMException("no", "NotAllowedError");
  };
  Object.defineProperty(navigator, "clipboard", { value: { writeText } });
};

const copied = (page: Page) => page.evaluate(() => (window as unknown as { copied: string }).copied);

describe("the benchmark's page", () => {
  test("shows what is timed, a row at a time, and gives the result to copy", async () => {
    const opened = await openBenchmark(keepCopies);
    const { page, engine } = opened;
    await page.getByRole("button", { name: "Start" }).click();
    const { plan } = await engine.expectRequest("benchmark");
    expect(plan.contexts).toEqual([16, 1024]);
    await engine.emit({ kind: "benchmarkRun", name: "prefill 128", run: 2, runs: 3 });
    await page.getByText("prefill 128: run 2 of 3").waitFor();
    await engine.emit({ kind: "benchmarkMeasured", measurement: READING });
    const row = page.getByRole("row", { name: /128 tokens/ });
    expect(await row.innerText()).toMatch(/32,000\stokens\/s/);
    await engine.emit({ kind: "benchmarkMeasured", measurement: WRITING });
    await engine.emit({ kind: "benchmarkSkipped", skipped: { name: "decode at 1024", reason: "It takes too long." } });
    await page.getByText("Left out: decode at 1024. It takes too long.").waitFor();
    await engine.emit({ kind: "benchmarkEnded", result: RESULT });
    await page.getByRole("button", { name: "Copy result" }).click();
    await page.getByText("Copied, as JSON.").waitFor();
    expect(JSON.parse(await copied(page))).toEqual(RESULT);
  });

  test("shows the text where the browser refuses to copy", async () => {
    const opened = await openBenchmark(refuseCopies);
    await finish(opened);
    await opened.page.getByRole("button", { name: "Copy result" }).click();
    const text = await opened.page.getByLabel(/does not let the page copy/).inputValue();
    expect(JSON.parse(text)).toEqual(RESULT);
  });

  test("stops when asked, and the chat's conversation is still there", async () => {
    const { page, engine } = await openBenchmark();
    await page.getByRole("button", { name: "Start" }).click();
    await engine.expectRequest("benchmark");
    await page.getByRole("link", { name: "Chat" }).click();
    await page.getByLabel("Message", { exact: true }).fill("Hello!");
    await page.getByText("The benchmark is running").waitFor();
    expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
    await page.getByRole("link", { name: "Benchmark" }).click();
    await page.getByRole("button", { name: "Stop" }).click();
    await engine.expectRequest("stopBenchmark");
    await engine.emit({ kind: "benchmarkEnded", result: { ...RESULT, isComplete: false } });
    await page.getByText("Stopped: these are the rows until then.").waitFor();
    await page.getByRole("link", { name: "Chat" }).click();
    expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("Hello!");
    expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(false);
  });
});
