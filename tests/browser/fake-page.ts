// A page whose engine the test speaks for.

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import type { WorkerEvent, WorkerRequest } from "../../src/worker/messages.ts";
import type { TurnTimings } from "../../src/worker/messages-chat.ts";
import type { ReadyModel } from "../../src/worker/messages-model.ts";
import { launchChromium } from "../../scripts/node/launch-chromium.ts";
import { serveSiteWith, type Site } from "./site.ts";

export const MODEL: ReadyModel = {
  name: "relampago-71m",
  numParameters: 70_900_000,
  downloadBytes: 41_000_000,
  numLayers: 16,
  numLightningLayers: 14,
  numExperts: 8,
  expertsPerToken: 2,
  recall: [],
  trainedContextLength: 2048,
  contextLength: 4096,
  defaultSampling: { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05 },
  gpu: { vendor: "test", architecture: "fake", description: "", isSoftware: false, features: ["subgroups"] },
};

export const TIMINGS: TurnTimings = {
  promptTokens: 12,
  promptMs: 40,
  timeToFirstTokenMs: 50,
  generatedTokens: 5,
  generateMs: 100,
};

/** The worker's side of one open page. */
export interface FakeEngine {
  emit(event: WorkerEvent): Promise<void>;
  /** Waits for the next request of a kind, and returns all requests up to it that were not taken yet. */
  expectRequest<K extends WorkerRequest["kind"]>(kind: K): Promise<Extract<WorkerRequest, { kind: K }>>;
  /** Requests that were not taken yet. */
  pending(): readonly WorkerRequest[];
  /** Answers the page's load up to `ready`. */
  makeReady(model?: Partial<ReadyModel>): Promise<void>;
}

export interface FakePage {
  readonly page: Page;
  readonly engine: FakeEngine;
}

/** Opens a page whose engine is spoken for by the test; it has asked for nothing but `load` so far. */
export async function openFakePage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions,
  init?: () => void,
): Promise<FakePage> {
  const context = await browser.newContext({ viewport: { width: 1024, height: 768 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const requests: WorkerRequest[] = [];
  const listeners = new Set<() => void>();
  await page.exposeFunction("hearRequest", (request: WorkerRequest) => {
    requests.push(request);
    for (const listener of listeners) listener();
  });
  await page.addInitScript(() => {
    const channel = new BroadcastChannel("fake-engine");
    const target = window as unknown as { hearRequest(request: unknown): void; speak(event: unknown): void };
    channel.onmessage = (message) => target.hearRequest(message.data);
    target.speak = (event) => channel.postMessage(event);
  });
  if (init) await page.addInitScript(init);

  const engine: FakeEngine = {
    emit: (event) =>
      page.evaluate((spoken) => (window as unknown as { speak(event: unknown): void }).speak(spoken), event),
    expectRequest: async (kind) => {
      const find = (): WorkerRequest | undefined => {
        const index = requests.findIndex((request) => request.kind === kind);
        return index === -1 ? undefined : requests.splice(0, index + 1).at(-1);
      };
      const found = find();
      if (found) return found as never;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`request: expected ${kind}, got ${JSON.stringify(requests)}`)),
          10_000,
        );
        const listener = (): void => {
          const heard = find();
          if (!heard) return;
          clearTimeout(timer);
          listeners.delete(listener);
          resolve(heard as never);
        };
        listeners.add(listener);
      });
    },
    pending: () => requests,
    makeReady: async (model = {}) => {
      await engine.expectRequest("load");
      await engine.emit({ kind: "size", name: MODEL.name, totalBytes: MODEL.downloadBytes, keptBytes: 0 });
      await engine.expectRequest("fetchWeights");
      await engine.emit({ kind: "ready", model: { ...MODEL, ...model } });
      await page.getByText("The model is ready.").waitFor({ state: "attached" });
    },
  };
  await page.goto(url);
  return { page, engine };
}

/** Builds and serves the page with the fake engine for the file's tests; returns how to open it. */
export function useFakePages(): (options?: BrowserContextOptions, init?: () => void) => Promise<FakePage> {
  let browser: Browser;
  let site: Site;
  beforeAll(async () => {
    [browser, site] = await Promise.all([launchChromium({ adapter: "software" }), serveSiteWith("fake-worker.ts")]);
  });
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
  });
  afterAll(async () => {
    await browser.close();
    await site.close();
  });
  return (options = {}, init) => openFakePage(browser, site.url, options, init);
}
