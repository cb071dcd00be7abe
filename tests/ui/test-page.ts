// A page whose engine, clock and seeds belong to the test.

import type { WorkerEvent, WorkerRequest } from "../../src/worker/messages.ts";
import type { TurnTimings } from "../../src/worker/messages-chat.ts";
import type { Failure } from "../../src/worker/messages-engine.ts";
import type { ReadyModel } from "../../src/worker/messages-model.ts";
import type { Environment } from "../../src/ui/state/life-cycle.ts";
import type { SettingsStorage } from "../../src/ui/state/settings.ts";
import { createPage, type Page } from "../../src/ui/state/page.ts";

export const MODEL: ReadyModel = {
  name: "small",
  numParameters: 1_000_000,
  downloadBytes: 2_000_000,
  numLayers: 4,
  numLightningLayers: 3,
  numExperts: 4,
  expertsPerToken: 2,
  recall: [],
  trainedContextLength: 600,
  contextLength: 1000,
  defaultSampling: { temperature: 0.8, topK: 20, topP: 0.9, minP: 0.05 },
  gpu: { vendor: "", architecture: "", description: "", isSoftware: false, features: ["subgroups"] },
};

export const TIMINGS: TurnTimings = {
  promptTokens: 10,
  promptMs: 5,
  timeToFirstTokenMs: 8,
  generatedTokens: 4,
  generateMs: 30,
};

export interface TestEngine {
  readonly requests: WorkerRequest[];
  readonly emit: (event: WorkerEvent) => void;
  readonly crash: (failure: Failure) => void;
  isClosed: boolean;
}

export interface TestPage {
  readonly page: Page;
  /** In the order of their start. */
  readonly engines: TestEngine[];
  /** The one that was started last. */
  engine(): TestEngine;
  advance(elapsedMs: number): void;
}

export const GOOD_ENVIRONMENT: Environment = {
  hasWebGpu: true,
  isSecureContext: true,
  isMetered: false,
  isPhone: false,
};

export function createTestPage(
  environment: Environment = GOOD_ENVIRONMENT,
  storage: SettingsStorage | null = null,
): TestPage {
  const engines: TestEngine[] = [];
  let nowMs = 1000;
  let seed = 70;
  const page = createPage({
    modelUrl: "https://example.test/models/small/",
    features: "default",
    environment,
    version: "1.2.3",
    browser: "test browser",
    storage,
    now: () => nowMs,
    randomSeed: () => ++seed,
    startEngine: (emit, crash) => {
      const engine: TestEngine = { requests: [], emit, crash, isClosed: false };
      engines.push(engine);
      return {
        send: (request) => engine.requests.push(request),
        close: () => {
          engine.isClosed = true;
        },
      };
    },
  });
  return {
    page,
    engines,
    engine: () => engines.at(-1)!,
    advance: (elapsedMs) => {
      nowMs += elapsedMs;
      page.tick();
    },
  };
}

/** A page whose model is ready; its engine's requests so far are forgotten. */
export function createReadyPage(model: Partial<ReadyModel> = {}): TestPage {
  const test = createTestPage();
  test.page.start();
  const { emit, requests } = test.engine();
  emit({ kind: "size", name: MODEL.name, totalBytes: MODEL.downloadBytes, keptBytes: 0 });
  emit({ kind: "ready", model: { ...MODEL, ...model } });
  requests.length = 0;
  return test;
}

/** Sends a message and returns its turn's number. */
export function say({ page, engine }: TestPage, text: string): number {
  page.conversation.draft.value = text;
  page.send();
  const request = engine().requests.at(-1);
  if (request?.kind !== "send") throw new Error(`last request: expected send, got ${JSON.stringify(request)}`);
  return request.turn;
}
