// The life of the engine behind the protocol: load a model, hold one conversation, tell what happens. Requests that
// use the GPU run one after another; `stop` reaches the turn that is running.

import { type ChatModel, loadChatModel, readManifest } from "../chat/chat-model.ts";
import { Conversation } from "../chat/conversation.ts";
import { GpuSession } from "../gpu/session.ts";
import { bundledShaders } from "./bundled-shaders.ts";
import { parseFailure } from "./failures.ts";
import { fetchFromUrl } from "./fetch-file.ts";
import type { LoadPhase, ReadyModel, WorkerEvent, WorkerRequest } from "./messages.ts";

type SendRequest = Extract<WorkerRequest, { kind: "send" }>;

/** What is open once a model is loaded. */
interface Loaded {
  readonly session: GpuSession;
  readonly conversation: Conversation;
}

interface RunningTurn {
  readonly turn: number;
  readonly abort: AbortController;
  /** Told by `stop`: the tokens that were shown. */
  shownTokens: number | undefined;
}

/** Shortest time between two `loading` events of one phase. */
const PROGRESS_INTERVAL_MS = 50;

export class Engine {
  readonly #post: (event: WorkerEvent) => void;
  #queue: Promise<void> = Promise.resolve();
  #agreeToFetch: (() => void) | undefined;
  #loaded: Loaded | undefined;
  #running: RunningTurn | undefined;
  #lastProgressMs = 0;

  constructor(post: (event: WorkerEvent) => void) {
    this.#post = post;
  }

  receive(request: WorkerRequest): void {
    switch (request.kind) {
      case "load":
        return this.#enqueue(() => this.#load(request.modelUrl));
      case "fetchWeights":
        return this.#agreeToFetch?.();
      case "newChat":
        return this.#enqueue(async () => this.#newChat(request.systemPrompt));
      case "send":
        return this.#enqueue(() => this.#send(request));
      case "stop":
        return this.#stop(request.turn, request.shownTokens);
    }
  }

  /** Errors are the requests' own: each turns its errors into an event. */
  #enqueue(run: () => Promise<void>): void {
    this.#queue = this.#queue.then(run);
  }

  async #load(modelUrl: string): Promise<void> {
    try {
      this.#loaded?.session.close();
      this.#loaded = undefined;
      this.#tellProgress("adapter", 0, 0);
      const session = await GpuSession.open(navigator.gpu, { shaders: bundledShaders });
      this.#tellProgress("manifest", 0, 0);
      const fetchFile = fetchFromUrl(modelUrl);
      const manifest = await readManifest(fetchFile);
      const totalBytes = manifest.shards.reduce((sum, shard) => sum + shard.sizeBytes, 0);
      const agreed = new Promise<void>((resolve) => (this.#agreeToFetch = resolve));
      this.#post({ kind: "size", name: manifest.name, totalBytes });
      await agreed;
      const chat = await loadChatModel(session, manifest, fetchFile, {
        onProgress: (loadedBytes, total) => this.#tellProgress("weights", loadedBytes, total),
      });
      this.#tellProgress("kernels", totalBytes, totalBytes);
      const conversation = new Conversation({ ...chat, sequence: await chat.model.createSequence(chat.contextLength) });
      this.#loaded = { session, conversation };
      void session.lost.then(() => this.#loseDevice(session));
      this.#post({ kind: "ready", model: describe(chat, session, totalBytes) });
      this.#postLedger();
    } catch (error) {
      this.#post({ kind: "loadFailed", failure: parseFailure(error) });
    }
  }

  #newChat(systemPrompt: string): void {
    if (!this.#loaded) return;
    const { conversation } = this.#loaded;
    conversation.clear(systemPrompt);
    this.#post({ kind: "chatCleared", usedTokens: conversation.usedTokens });
    this.#postLedger();
  }

  async #send({ turn, text, sampling, maxTokens }: SendRequest): Promise<void> {
    if (!this.#loaded) return;
    const { conversation } = this.#loaded;
    const running: RunningTurn = { turn, abort: new AbortController(), shownTokens: undefined };
    this.#running = running;
    const startTime = performance.now();
    let timeToFirstTokenMs: number | undefined;
    try {
      const answer = conversation.send(text, {
        sampling: { ...NO_PENALTIES, ...sampling },
        maxTokens,
        signal: running.abort.signal,
        onReading: (readTokens, totalTokens) => this.#post({ kind: "reading", turn, readTokens, totalTokens }),
      });
      let next = await answer.next();
      for (; !next.done; next = await answer.next()) {
        timeToFirstTokenMs ??= performance.now() - startTime;
        this.#post({ kind: "text", turn, ...next.value });
      }
      let { reason, timings } = next.value;
      // The page may have stopped after the last token was drawn but before it was told so.
      if (running.shownTokens !== undefined && reason !== "context") {
        await conversation.cutAnswer(running.shownTokens);
        reason = "stopped";
        timings = { ...timings, generatedTokens: Math.min(timings.generatedTokens, running.shownTokens) };
      }
      this.#running = undefined;
      const usedTokens = conversation.usedTokens;
      const told = { ...timings, timeToFirstTokenMs: timeToFirstTokenMs ?? performance.now() - startTime };
      this.#post({ kind: "turnEnded", turn, reason, timings: told, usedTokens });
      this.#postLedger();
    } catch (error) {
      this.#running = undefined;
      this.#post({ kind: "turnFailed", turn, failure: parseFailure(error) });
    }
  }

  #stop(turn: number, shownTokens: number): void {
    if (this.#running?.turn !== turn) return;
    this.#running.shownTokens = shownTokens;
    this.#running.abort.abort();
  }

  #loseDevice(session: GpuSession): void {
    if (this.#loaded?.session !== session) return;
    this.#loaded = undefined;
    const failure = { kind: "device-lost", message: "GPU device: expected it to stay, got lost" } as const;
    const turn = this.#running?.turn;
    this.#running = undefined;
    this.#post(turn === undefined ? { kind: "loadFailed", failure } : { kind: "turnFailed", turn, failure });
  }

  #tellProgress(phase: LoadPhase, loadedBytes: number, totalBytes: number): void {
    const now = performance.now();
    const isLast = loadedBytes === totalBytes;
    if (!isLast && now - this.#lastProgressMs < PROGRESS_INTERVAL_MS) return;
    this.#lastProgressMs = now;
    this.#post({ kind: "loading", phase, loadedBytes, totalBytes });
  }

  #postLedger(): void {
    if (this.#loaded) this.#post({ kind: "ledger", lines: this.#loaded.session.ledger.totals() });
  }
}

/** The page has no penalties yet. */
const NO_PENALTIES = { repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0 };

function describe(chat: ChatModel, session: GpuSession, downloadBytes: number): ReadyModel {
  const { config } = chat.model;
  const { vendor, architecture, description, isFallbackAdapter } = session.adapterInfo;
  return {
    name: chat.name,
    numParameters: chat.numParameters,
    downloadBytes,
    numLayers: config.numLayers,
    numLightningLayers: config.layerTypes.filter((type) => type === "linear_attention").length,
    numExperts: config.numExperts,
    expertsPerToken: config.expertsPerToken,
    trainedContextLength: config.trainedContextLength,
    contextLength: chat.contextLength,
    defaultSampling: chat.defaultSampling,
    gpu: {
      vendor,
      architecture,
      description,
      isSoftware: isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|software/i.test(`${architecture} ${description}`),
    },
  };
}
