// The comparison in Chromium with the real twins: their answers are Transformers', and what is shown is what the ledgers say.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { WorkerEvent } from "../../src/worker/messages.ts";
import { type RealPage, useRealPage } from "./real-page.ts";

const TWINS = ["twin-hybrid", "twin-lightning", "twin-softmax"];
/** Of 8 layers with 3 heads of 64 and a key and a value of 64 f16 numbers: softmax layers of each. */
const SOFTMAX_LAYERS = [1, 0, 8];
const BYTES_PER_TOKEN = SOFTMAX_LAYERS.map((count) => count * 2 * 64 * 2);
const FIXED_BYTES = SOFTMAX_LAYERS.map((count) => (8 - count) * 3 * 64 * 64 * 4 + 8192 * 4);
const BLOCK_SIZE = 128;

/** A page of the comparison that notes what its worker tells. */
export function useComparison(raceTokens: number): RealPage {
  const path = `#/compare?prompt=Hello!&maxTokens=32&raceTokens=${raceTokens}`;
  return useRealPage(path, (page) =>
    page.addInitScript(() => {
      const told: unknown[] = [];
      (window as unknown as { told: unknown[] }).told = told;
      const Original = Worker;
      window.Worker = class extends Original {
        constructor(url: string | URL, options?: WorkerOptions) {
          super(url, options);
          this.addEventListener("message", (message: MessageEvent) => told.push(message.data));
        }
      };
    }),
  );
}

type EventOf<Kind extends WorkerEvent["kind"]> = Extract<WorkerEvent, { kind: Kind }>;

/** What the worker told the page. */
async function eventsOf<Kind extends WorkerEvent["kind"]>({ page }: RealPage, kind: Kind): Promise<EventOf<Kind>[]> {
  const json = await page.evaluate(() => JSON.stringify((window as unknown as { told: unknown[] }).told));
  return (JSON.parse(json) as WorkerEvent[]).filter((event): event is EventOf<Kind> => event.kind === kind);
}

function readGreedy(twin: string): string {
  const path = fileURLToPath(new URL(`../fixtures/twins/${twin}/golden.json`, import.meta.url));
  const golden = JSON.parse(readFileSync(path, "utf8")) as Record<string, { greedy: string }>;
  return golden["q4.hello"]!.greedy;
}

/** Asks the twins, then has them race. */
export async function visitComparison(real: RealPage, raceTokens: number): Promise<void> {
  const { page } = real;
  await page.getByRole("button", { name: "Ask all" }).waitFor();
  expect(real.requests.filter((url) => url.includes("relampago-71m"))).toEqual([]);
  const [ready] = await eventsOf(real, "compareReady");
  expect(ready!.models.map(({ name }) => name)).toEqual(TWINS);
  expect(ready!.models.map(({ stateSize }) => stateSize)).toEqual(
    TWINS.map((_, index) => ({ fixedBytes: FIXED_BYTES[index], bytesPerToken: BYTES_PER_TOKEN[index] })),
  );
  const ledger = (await eventsOf(real, "ledger")).at(-1)!;
  const allocated = ledger.lines.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  expect(ready!.models.reduce((sum, model) => sum + model.allocatedBytes, 0)).toBe(allocated);
  await page.getByText(`${(allocated / 1e6).toFixed(1)} MB on the GPU in all`).waitFor();

  await page.getByRole("button", { name: "Ask all" }).click();
  for (const [index, twin] of TWINS.entries()) {
    const card = page.locator(`.compare-card[data-model=${twin}]`);
    await page.locator(`.compare-card[data-model=${twin}][data-end=end]`).waitFor();
    expect(await card.locator(".compare-answer").innerText()).toBe(readGreedy(twin));
    const { state } = (await eventsOf(real, "compareAnswering")).findLast((event) => event.index === index)!;
    const bytes = FIXED_BYTES[index]! + BYTES_PER_TOKEN[index]! * state.position;
    expect(state.used.recurrentState + state.used.keys).toBe(bytes);
    const shown = (fact: string) => card.locator(`[data-fact="${fact}"]`).innerText();
    expect(await shown("State and keys")).toBe(`${bytes.toLocaleString("en")} bytes`);
    expect(await shown("Bytes a token")).toBe(BYTES_PER_TOKEN[index]!.toLocaleString("en"));
    expect(await shown("Tokens")).toContain(`${state.position} in the state`);
    expect(await shown("Loss on the prompt")).toBe(`${state.promptLoss!.toFixed(3)} nats a token`);
  }

  const positions = Array.from({ length: Math.ceil(raceTokens / BLOCK_SIZE) }, (_, index) =>
    Math.min((index + 1) * BLOCK_SIZE, raceTokens),
  );
  await page.getByRole("button", { name: "Start the race" }).click();
  await page.getByText("are those that the config gives, to the byte").waitFor();
  const lanes = (await eventsOf(real, "compareLane")).map(({ lane }) => lane);
  expect(lanes.map(({ reads }) => reads.map(({ position }) => position))).toEqual(TWINS.map(() => positions));
  const slopes = lanes.map(({ reads }) =>
    reads.slice(1).map(({ position, used }, index) => {
      const before = reads[index]!;
      return (used.keys - before.used.keys) / (position - before.position);
    }),
  );
  expect(slopes).toEqual(BYTES_PER_TOKEN.map((bytes) => positions.slice(1).map(() => bytes)));
  // A layer's state of 3 × 64 × 64 numbers takes as much as 192 keys and values of 2 × 64 half numbers.
  await page.getByText("twin-softmax needs more memory than twin-hybrid from token 193 on.").waitFor();
  expect(real.errors).toEqual([]);
}
