// The chat behind the protocol: loads its model first of all, holds one conversation, and answers turn after turn.

import type { ChatModel } from "../chat/chat-model.ts";
import { Conversation } from "../chat/conversation.ts";
import { describeModel } from "./describe-model.ts";
import { parseFailure } from "./failures.ts";
import type { Gpu, GpuHost } from "./gpu-host.ts";
import type { JobQueue } from "./job-queue.ts";
import type { ChatRequest } from "./messages-chat.ts";
import type { WorkerEvent } from "./messages.ts";
import type { ModelUse } from "./model-use.ts";

type LoadRequest = Extract<ChatRequest, { kind: "load" }>;
type SendRequest = Extract<ChatRequest, { kind: "send" }>;

/** What is there once the model is loaded. */
interface OpenChat {
  readonly gpu: Gpu;
  readonly conversation: Conversation;
}

interface SentTurn {
  readonly job: number;
  /** Told by `stop`: the tokens that were shown. */
  shownTokens?: number;
}

/** The page has no penalties yet. */
const NO_PENALTIES = { repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0 };

export class ChatPart {
  readonly #host: GpuHost;
  readonly #queue: JobQueue;
  readonly #post: (event: WorkerEvent) => void;
  #use: ModelUse | undefined;
  #open: OpenChat | undefined;
  /** Those that have not ended, by number. */
  readonly #turns = new Map<number, SentTurn>();

  constructor(host: GpuHost, queue: JobQueue, post: (event: WorkerEvent) => void) {
    this.#host = host;
    this.#queue = queue;
    this.#post = post;
  }

  /** The chat's model, once it is loaded. */
  get model(): ModelUse | undefined {
    return this.#opened && this.#use;
  }

  receive(request: ChatRequest): void {
    switch (request.kind) {
      case "load":
        // It takes the place of all that there is.
        this.#queue.cancelAll();
        return this.#add("Loading the model", (signal) => this.#load(request, signal));
      case "fetchWeights":
        return this.#use?.agree();
      case "newChat":
        return this.#add("New chat", async () => this.#newChat(request.systemPrompt));
      case "send":
        return this.#send(request);
      case "stop":
        return this.#stop(request.turn, request.shownTokens);
    }
  }

  get #opened(): OpenChat | undefined {
    return this.#open?.gpu === this.#host.gpu ? this.#open : undefined;
  }

  #add(title: string, run: (signal: AbortSignal) => Promise<void>): void {
    this.#queue.add({ part: "chat", title, run, skip: () => {} });
  }

  /** Ended without a word when it is cancelled. */
  async #load({ modelUrl, features }: LoadRequest, signal: AbortSignal): Promise<void> {
    this.#use?.close();
    this.#open = undefined;
    this.#host.restart({ features });
    const use = this.#host.use(modelUrl, { tell: this.#post, asksFirst: true });
    this.#use = use;
    try {
      signal.throwIfAborted();
      this.#post({ kind: "loading", phase: "adapter" });
      await this.#host.run(async (gpu) => {
        const chat = await gpu.open(use, signal);
        this.#post({ kind: "loading", phase: "kernels" });
        const conversation = await createConversation(chat);
        signal.throwIfAborted();
        this.#open = { gpu, conversation };
        this.#post({ kind: "ready", model: describeModel(chat, gpu.session, use.downloadBytes) });
      });
    } catch (error) {
      this.#host.close();
      if (!signal.aborted) this.#post({ kind: "loadFailed", failure: parseFailure(error) });
    }
  }

  async #newChat(systemPrompt: string): Promise<void> {
    const opened = this.#opened;
    if (!opened) return;
    await this.#host.run(async () => opened.conversation.clear(systemPrompt));
    this.#post({ kind: "chatCleared", usedTokens: opened.conversation.usedTokens });
  }

  #send(request: SendRequest): void {
    const { turn, text } = request;
    const job = this.#queue.add({
      part: "chat",
      title: `Answering “${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`,
      run: (signal) => this.#answer(request, signal),
      skip: () => this.#skip(turn),
    });
    this.#turns.set(turn, { job });
  }

  #skip(turn: number): void {
    this.#turns.delete(turn);
    const timings = { promptTokens: 0, promptMs: 0, timeToFirstTokenMs: 0, generatedTokens: 0, generateMs: 0 };
    const usedTokens = this.#opened?.conversation.usedTokens ?? 0;
    this.#post({ kind: "turnEnded", turn, reason: "stopped", timings, usedTokens });
  }

  async #answer(request: SendRequest, signal: AbortSignal): Promise<void> {
    const { turn } = request;
    try {
      const opened = this.#opened;
      if (opened) await this.#host.run(() => this.#converse(request, opened.conversation, signal));
    } catch (error) {
      // The state is unknown: only `load` helps.
      this.#host.close();
      this.#post({ kind: "turnFailed", turn, failure: parseFailure(error) });
    } finally {
      this.#turns.delete(turn);
    }
  }

  async #converse(
    { turn, text, sampling, maxTokens, logitBias = [], stopStrings }: SendRequest,
    conversation: Conversation,
    signal: AbortSignal,
  ): Promise<void> {
    const startTime = performance.now();
    let timeToFirstTokenMs: number | undefined;
    let toldTokens = 0;
    const answer = conversation.send(text, {
      sampling: { ...NO_PENALTIES, ...sampling, logitBias },
      maxTokens,
      stopStrings,
      signal,
      onReading: (readTokens, totalTokens) => this.#post({ kind: "reading", turn, readTokens, totalTokens }),
    });
    let next = await answer.next();
    for (; !next.done; next = await answer.next()) {
      timeToFirstTokenMs ??= performance.now() - startTime;
      toldTokens = next.value.generatedTokens;
      this.#post({ kind: "text", turn, ...next.value });
    }
    let { reason, timings } = next.value;
    // The page may have stopped after the last token was drawn but before it was told so.
    if (signal.aborted && reason !== "context") {
      const shownTokens = this.#turns.get(turn)?.shownTokens ?? toldTokens;
      await conversation.cutAnswer(shownTokens);
      reason = "stopped";
      timings = { ...timings, generatedTokens: Math.min(timings.generatedTokens, shownTokens) };
    }
    this.#turns.delete(turn);
    const usedTokens = conversation.usedTokens;
    const told = { ...timings, timeToFirstTokenMs: timeToFirstTokenMs ?? performance.now() - startTime };
    this.#post({ kind: "turnEnded", turn, reason, timings: told, usedTokens });
  }

  #stop(turn: number, shownTokens: number): void {
    const sent = this.#turns.get(turn);
    if (!sent) return;
    sent.shownTokens = shownTokens;
    this.#queue.cancel(sent.job);
  }
}

async function createConversation(chat: ChatModel): Promise<Conversation> {
  const sequence = await chat.model.createSequence(chat.contextLength);
  return new Conversation({ ...chat, sequence });
}
