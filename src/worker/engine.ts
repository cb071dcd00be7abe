// The life of the engine behind the protocol: load a model, hold one conversation, tell what happens. Requests that
// use the GPU run one after another; `stop` reaches the turn that is running.

import type { BenchmarkPlan } from "../bench/plan.ts";
import { type ChatModel, loadChatModel } from "../chat/chat-model.ts";
import { Conversation } from "../chat/conversation.ts";
import { isSoftwareAdapter } from "../gpu/adapter-name.ts";
import { parseFeatureChoice } from "../gpu/features.ts";
import { GpuSession } from "../gpu/session.ts";
import { browserPorts } from "../store/browser-ports.ts";
import type { StorePorts } from "../store/weight-store.ts";
import { bundledShaders } from "./bundled-shaders.ts";
import { parseFailure } from "./failures.ts";
import { measureModel } from "./measure-model.ts";
import { type SessionHealth, watchSession } from "./session-health.ts";
import type { ReadyModel, WorkerEvent, WorkerRequest } from "./messages.ts";
import { ModelDownload } from "./model-download.ts";

type LoadRequest = Extract<WorkerRequest, { kind: "load" }>;
type SendRequest = Extract<WorkerRequest, { kind: "send" }>;

/** What is open once a model is loaded. */
interface Loaded {
  readonly session: GpuSession;
  readonly health: SessionHealth;
  readonly chat: ChatModel;
  readonly conversation: Conversation;
  readonly download: ModelDownload;
}

interface Opened {
  readonly chat: ChatModel;
  readonly conversation: Conversation;
}

interface RunningTurn {
  readonly abort: AbortController;
  /** Told by `stop`: the tokens that were shown. */
  shownTokens: number | undefined;
}

export class Engine {
  readonly #post: (event: WorkerEvent) => void;
  readonly #storePorts: StorePorts;
  #queue: Promise<void> = Promise.resolve();
  #loading: AbortController | undefined;
  /** Of the load that is under way or was the last. */
  #download: ModelDownload | undefined;
  #loaded: Loaded | undefined;
  /** The turns that were sent and have not ended, by number. */
  readonly #turns = new Map<number, RunningTurn>();
  /** Asked for and not ended. */
  #benchmark: AbortController | undefined;

  constructor(post: (event: WorkerEvent) => void, storePorts: StorePorts = browserPorts) {
    this.#post = post;
    this.#storePorts = storePorts;
  }

  receive(request: WorkerRequest): void {
    switch (request.kind) {
      case "load": {
        this.#loading?.abort();
        this.#benchmark?.abort();
        const abort = new AbortController();
        this.#loading = abort;
        return this.#enqueue(() => this.#load(request, abort));
      }
      case "fetchWeights":
        return this.#download?.agree();
      case "tryNow":
        return this.#download?.tryNow();
      case "newChat":
        return this.#enqueue(async () => this.#newChat(request.systemPrompt));
      case "send": {
        const turn = { abort: new AbortController(), shownTokens: undefined };
        this.#turns.set(request.turn, turn);
        return this.#enqueue(() => this.#send(request, turn));
      }
      case "stop":
        return this.#stop(request.turn, request.shownTokens);
      case "benchmark": {
        const abort = new AbortController();
        this.#benchmark = abort;
        return this.#enqueue(() => this.#measure(request.plan, abort));
      }
      case "stopBenchmark":
        return this.#benchmark?.abort();
    }
  }

  #enqueue(run: () => Promise<void>): void {
    this.#queue = this.#queue
      .then(run)
      .catch((error: unknown) => this.#post({ kind: "loadFailed", failure: parseFailure(error) }));
  }

  /** Ended without a word when another load has taken its place. */
  async #load({ modelUrl, features }: LoadRequest, abort: AbortController): Promise<void> {
    const { signal } = abort;
    this.#unload();
    const download = new ModelDownload(this.#post, this.#storePorts, signal);
    this.#download = download;
    let session: GpuSession | undefined;
    try {
      signal.throwIfAborted();
      this.#tellPhase("adapter");
      const choice = parseFeatureChoice(features);
      session = await GpuSession.open(navigator.gpu, { shaders: bundledShaders, features: choice });
      const health = watchSession(session);
      const { chat, conversation } = await health.during(this.#open(session, modelUrl, download, signal));
      signal.throwIfAborted();
      this.#loaded = { session, health, chat, conversation, download };
      health.broken.catch((error: unknown) => this.#break(health, error));
      this.#post({ kind: "ready", model: describe(chat, session, download.totalBytes) });
      this.#postLedger();
    } catch (error) {
      session?.close();
      download.close();
      if (signal.aborted) return;
      abort.abort();
      this.#post({ kind: "loadFailed", failure: parseFailure(error) });
    }
  }

  async #open(session: GpuSession, modelUrl: string, download: ModelDownload, signal: AbortSignal): Promise<Opened> {
    this.#tellPhase("manifest");
    const { manifest, files } = await download.begin(modelUrl);
    const onProgress = (loadedBytes: number) => download.advance(loadedBytes);
    const chat = await loadChatModel(session, manifest, files, { signal, onProgress });
    await download.finish();
    this.#tellPhase("kernels");
    const sequence = await chat.model.createSequence(chat.contextLength);
    return { chat, conversation: new Conversation({ ...chat, sequence }) };
  }

  #newChat(systemPrompt: string): void {
    if (!this.#loaded) return;
    const { conversation } = this.#loaded;
    conversation.clear(systemPrompt);
    this.#post({ kind: "chatCleared", usedTokens: conversation.usedTokens });
    this.#postLedger();
  }

  async #send(request: SendRequest, running: RunningTurn): Promise<void> {
    const { turn } = request;
    try {
      await this.#loaded?.health.during(this.#answer(request, running, this.#loaded.conversation));
    } catch (error) {
      this.#unload();
      this.#post({ kind: "turnFailed", turn, failure: parseFailure(error) });
    } finally {
      this.#turns.delete(turn);
    }
  }

  async #answer(
    { turn, text, sampling, maxTokens, logitBias = [], stopStrings }: SendRequest,
    running: RunningTurn,
    conversation: Conversation,
  ): Promise<void> {
    const startTime = performance.now();
    let timeToFirstTokenMs: number | undefined;
    const answer = conversation.send(text, {
      sampling: { ...NO_PENALTIES, ...sampling, logitBias },
      maxTokens,
      stopStrings,
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
    this.#turns.delete(turn);
    const usedTokens = conversation.usedTokens;
    const told = { ...timings, timeToFirstTokenMs: timeToFirstTokenMs ?? performance.now() - startTime };
    this.#post({ kind: "turnEnded", turn, reason, timings: told, usedTokens });
    this.#postLedger();
  }

  #stop(turn: number, shownTokens: number): void {
    const running = this.#turns.get(turn);
    if (!running) return;
    running.shownTokens = shownTokens;
    running.abort.abort();
  }

  async #measure(plan: BenchmarkPlan, abort: AbortController): Promise<void> {
    try {
      const loaded = abort.signal.aborted ? undefined : this.#loaded;
      const measuring = loaded && measureModel(loaded.chat, plan, abort.signal, this.#post);
      const result = (await loaded?.health.during(measuring!)) ?? null;
      this.#post({ kind: "benchmarkEnded", result });
      this.#postLedger();
    } catch (error) {
      this.#unload();
      this.#post({ kind: "benchmarkFailed", failure: parseFailure(error) });
    } finally {
      if (this.#benchmark === abort) this.#benchmark = undefined;
    }
  }

  /** A turn or a benchmark that is running tells it itself. */
  #break(health: SessionHealth, error: unknown): void {
    if (this.#loaded?.health !== health || this.#turns.size > 0 || this.#benchmark) return;
    this.#unload();
    this.#post({ kind: "loadFailed", failure: parseFailure(error) });
  }

  /** After a failure the state is unknown: only `load` helps. */
  #unload(): void {
    this.#loaded?.session.close();
    this.#loaded?.download.close();
    this.#loaded = undefined;
  }

  #tellPhase(phase: "adapter" | "manifest" | "kernels"): void {
    this.#post({ kind: "loading", phase });
  }

  #postLedger(): void {
    if (this.#loaded) this.#post({ kind: "ledger", lines: this.#loaded.session.ledger.totals() });
  }
}

/** The page has no penalties yet. */
const NO_PENALTIES = { repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0 };

function describe(chat: ChatModel, session: GpuSession, downloadBytes: number): ReadyModel {
  const { config } = chat.model;
  const { vendor, architecture, description } = session.adapterInfo;
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
      isSoftware: isSoftwareAdapter(session.adapterInfo),
      features: [...session.features],
    },
  };
}
