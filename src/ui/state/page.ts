// All state of the page and what a person can do with it. Knows no DOM: the worker, the clock and the browser's facts
// come in through ports.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { WorkerEvent, WorkerRequest } from "../../worker/messages.ts";
import type { Failure } from "../../worker/messages-engine.ts";
import { announce } from "./announcement.ts";
import { type BenchmarkState, createBenchmark } from "./benchmark.ts";
import { type CompareState, createCompare } from "./compare.ts";
import { type ContextOutlook, computeOutlook } from "./context-budget.ts";
import { type ConversationState, createConversation } from "./conversation.ts";
import { announceDocument } from "./document-announcement.ts";
import { createDocument, type DocumentState } from "./document.ts";
import { createLifeCycle, type Environment, findObstacle, type LifeCycleState, mustAsk } from "./life-cycle.ts";
import { createDiagnosis } from "./diagnosis.ts";
import { createMemory, type MemoryState } from "./memory.ts";
import { createQueue, type QueueState } from "./queue.ts";
import { parseRoute, type Route } from "./route.ts";
import { createSampling, type SamplingState } from "./sampling.ts";
import type { SettingsStorage } from "./settings.ts";
import { speedOf } from "./speed.ts";
import { applyEvent } from "./worker-events.ts";

export interface Engine {
  send(request: WorkerRequest): void;
  close(): void;
}

export interface PagePorts {
  readonly modelUrl: string;
  /** What the address asks of the kernels, unchecked. */
  readonly features: string;
  readonly environment: Environment;
  startEngine(onEvent: (event: WorkerEvent) => void, onCrash: (failure: Failure) => void): Engine;
  /** Of this page, for reports. */
  readonly version: string;
  /** What the browser calls itself. */
  readonly browser: string;
  /** null where the browser offers none. */
  readonly storage: SettingsStorage | null;
  /** Milliseconds, monotonic. */
  now(): number;
  /** An unsigned 32-bit number. */
  randomSeed(): number;
}

export interface Page {
  readonly environment: Environment;
  readonly route: ReadonlySignal<Route>;
  readonly lifeCycle: LifeCycleState;
  readonly conversation: ConversationState;
  readonly sampling: SamplingState;
  readonly memory: MemoryState;
  readonly benchmark: BenchmarkState;
  readonly compare: CompareState;
  readonly document: DocumentState;
  readonly queue: QueueState;
  /** In which this page is open too: each holds the model in GPU memory. */
  readonly numOtherTabs: Signal<number>;
  /** Milliseconds; moves only while something is awaited. */
  readonly clock: Signal<number>;
  readonly canSend: ReadonlySignal<boolean>;
  /** null until the model is ready. */
  readonly outlook: ReadonlySignal<ContextOutlook | null>;
  /** Of the document that is being read, or of the chat's latest answer. */
  readonly tokensPerSecond: ReadonlySignal<number | null>;
  readonly announcement: ReadonlySignal<string>;
  /** Starts the engine, or a new one after a failure. */
  start(): void;
  /** The same with less room for a conversation; half of that the next time. */
  startShorter(): void;
  /** What a report of a fault needs, without anything that was said. */
  report(): string;
  /** Agrees to the download. */
  agree(): void;
  /** Ends a pause of the download. */
  tryNow(): void;
  /** Tries a GPU again that was given up; smaller blocks ask less of it. */
  resumeGpu(blocks: "same" | "smaller"): void;
  send(): void;
  /** Asks about the document that was read. */
  askDocument(question: string): void;
  /** An unsigned 32-bit number. */
  randomSeed(): number;
  navigate(hash: string): void;
  /** To be called a few times a second. */
  tick(): void;
}

/** Tokens read at once by a GPU that failed at more. */
const SMALL_BLOCK_SIZE = 64;
/** Room for a conversation where memory is short: the first time, and at least. */
const SHORTER_TOKENS = 1024;
const SHORTEST_TOKENS = 128;

export function createPage(ports: PagePorts): Page {
  const { modelUrl, features, environment, startEngine, now, randomSeed } = ports;
  let engine: Engine | null = null;
  let isLoadAsked = false;
  /** null: as many as the model was trained on. */
  let contextTokens: number | null = null;
  const clock = signal(now());
  const route = signal<Route>("chat");
  const lifeCycle = createLifeCycle(clock, now);
  const sampling = createSampling(lifeCycle.model, randomSeed);
  const conversation = createConversation((request) => engine?.send(request), now);
  const memory = createMemory(environment.isPhone, ports.storage, (bytes) =>
    engine?.send({ kind: "setMemoryBudget", bytes }),
  );
  const diagnosis = createDiagnosis(now);
  const benchmark = createBenchmark((request) => engine?.send(request));
  const compare = createCompare({
    send: (request) => engine?.send(request),
    modelUrl: (name) => (name.includes("/") ? new URL(name, modelUrl).href : new URL(`../${name}/`, modelUrl).href),
    mustAsk: (missingBytes) => mustAsk(missingBytes, environment),
  });
  const document = createDocument((request) => engine?.send(request), now);
  const queue = createQueue(route, lifeCycle.model, (request) => engine?.send(request));

  /** Comparing has models of its own: the chat's is not fetched for it. */
  const loadUnlessComparing = (): void => {
    if (!engine || isLoadAsked || route.value === "compare") return;
    isLoadAsked = true;
    // It would wait for an answer that nobody is asked for any more.
    if (compare.phase.value.state === "asking") compare.stop();
    engine.send({
      kind: "load",
      modelUrl,
      features,
      memoryBudgetBytes: memory.budgetBytes.value,
      ...(contextTokens === null ? {} : { contextTokens }),
    });
  };
  const fetchWeights = (name: string, totalBytes: number, keptBytes: number): void => {
    lifeCycle.set({
      state: "loading",
      name,
      phase: "weights",
      loadedBytes: 0,
      totalBytes,
      keptBytes,
      origin: keptBytes > 0 ? "storage" : "network",
      sinceMs: now(),
      samples: [],
    });
    engine?.send({ kind: "fetchWeights" });
  };
  const weigh = (name: string, totalBytes: number, keptBytes: number): void => {
    if (mustAsk(totalBytes - keptBytes, environment)) lifeCycle.set({ state: "asking", name, totalBytes, keptBytes });
    else fetchWeights(name, totalBytes, keptBytes);
  };
  const fail = (failure: Failure): void => {
    diagnosis.noteFailure("page", failure);
    engine?.close();
    engine = null;
    benchmark.abandon();
    compare.abandon();
    document.abandon();
    queue.jobs.value = [];
    lifeCycle.fail(failure);
  };

  const outlook = computed(() => {
    const model = lifeCycle.model.value;
    if (!model) return null;
    const { maxTokens } = sampling.settings.value;
    const draft = conversation.draft.value;
    return computeOutlook(
      conversation.usedTokens.value,
      model.contextLength,
      model.trainedContextLength,
      draft,
      maxTokens,
    );
  });
  const canSend = computed(
    () =>
      lifeCycle.current.value.state === "ready" &&
      lifeCycle.outage.value?.state !== "given-up" &&
      conversation.activity.value === "idle" &&
      !benchmark.isRunning.value &&
      conversation.draft.value.trim() !== "" &&
      outlook.value?.room !== "full",
  );

  const start = (): void => {
    engine?.close();
    engine = null;
    const obstacle = findObstacle(environment);
    if (obstacle) return fail(obstacle);
    batch(() => {
      conversation.abandon();
      benchmark.abandon();
      compare.abandon();
      document.abandon();
      memory.set([]);
      queue.jobs.value = [];
      lifeCycle.keeping.value = null;
      lifeCycle.outage.value = null;
      clock.value = now();
      lifeCycle.set({ state: "starting", phase: "adapter", sinceMs: now() });
    });
    const targets = { lifeCycle, conversation, memory, benchmark, compare, document, queue, diagnosis, weigh };
    engine = startEngine((event) => applyEvent(event, targets), fail);
    isLoadAsked = false;
    if (route.value === "compare") engine.send({ kind: "setMemoryBudget", bytes: memory.budgetBytes.value });
    loadUnlessComparing();
  };

  return {
    environment,
    route,
    lifeCycle,
    conversation,
    sampling,
    memory,
    benchmark,
    compare,
    document,
    queue,
    numOtherTabs: signal(0),
    clock,
    canSend,
    outlook,
    tokensPerSecond: computed(() => {
      if (document.phase.value.state === "reading") return document.progress.value.tokensPerSecond || null;
      const speeds = conversation.turns.value.map(speedOf);
      return speeds.findLast((speed) => speed !== null) ?? null;
    }),
    announcement: computed(() => {
      if (route.value === "compare") return compare.announcement.value;
      const isOnDocument = route.value === "document" && lifeCycle.current.value.state === "ready";
      const told = isOnDocument && !lifeCycle.outage.value ? announceDocument(document) : "";
      return told || announce(lifeCycle, conversation);
    }),
    start,
    startShorter: () => {
      contextTokens = contextTokens === null ? SHORTER_TOKENS : Math.max(SHORTEST_TOKENS, contextTokens / 2);
      start();
    },
    report: () =>
      diagnosis.report({
        version: ports.version,
        browser: ports.browser,
        model: lifeCycle.model.value,
        ledger: memory.lines.value,
        budgetBytes: memory.budgetBytes.value,
      }),
    agree: () => {
      const cycle = lifeCycle.current.value;
      if (cycle.state === "asking") fetchWeights(cycle.name, cycle.totalBytes, cycle.keptBytes);
    },
    tryNow: () => {
      if (lifeCycle.pause.value) engine?.send({ kind: "tryNow" });
    },
    resumeGpu: (blocks) => {
      if (lifeCycle.outage.value?.state !== "given-up") return;
      engine?.send({ kind: "resumeGpu", blockSize: blocks === "smaller" ? SMALL_BLOCK_SIZE : null });
    },
    send: () => {
      if (canSend.value) conversation.sendDraft(sampling.draw());
    },
    askDocument: (question) => document.ask(question, sampling.draw()),
    randomSeed,
    navigate: (hash) => {
      route.value = parseRoute(hash);
      if (route.value === "compare" && hash.includes("?")) compare.follow(hash);
      loadUnlessComparing();
    },
    tick: () => {
      const { state } = lifeCycle.current.value;
      const isLoading = state === "starting" || state === "loading";
      if (isLoading || conversation.activity.value !== "idle" || document.isBusy.value) clock.value = now();
    },
  };
}
