// The chat behind the protocol: loads its model first of all, holds one conversation, and answers turn after turn.

import { Conversation } from "../chat/conversation.ts";
import { createTurnProgress, type TurnProgress } from "../chat/turn.ts";
import { describeModel } from "./describe-model.ts";
import { parseFailure } from "./failures.ts";
import type { Gpu, GpuHost } from "./gpu-host.ts";
import type { JobQueue } from "./job-queue.ts";
import type { ChatRequest } from "./messages-chat.ts";
import type { WorkerEvent } from "./messages.ts";
import type { ModelUse } from "./model-use.ts";

type LoadRequest = Extract<ChatRequest, { kind: "load" }>;
type SendRequest = Extract<ChatRequest, { kind: "send" }>;

/** A turn that has not ended. It outlives a lost GPU. */
interface SentTurn {
  readonly request: SendRequest;
  readonly progress: TurnProgress;
  sentMs: number;
  job: number;
  timeToFirstTokenMs?: number;
  /** Of the answer, as they were told. */
  toldTokens: number;
  /** Told by `stop`: the tokens that were shown. */
  shownTokens?: number;
}

/** The page has no penalties yet. */
const NO_PENALTIES = { repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0 };

const NEVER = new AbortController().signal;

export class ChatPart {
  readonly #host: GpuHost;
  readonly #queue: JobQueue;
  readonly #post: (event: WorkerEvent) => void;
  #use: ModelUse | undefined;
  #mostTokens = Infinity;
  /** There once the model is loaded. */
  #conversation: Conversation | undefined;
  /** Where the conversation is; on another it has to be read again. */
  #gpu: Gpu | undefined;
  /** By number. */
  readonly #turns = new Map<number, SentTurn>();

  constructor(host: GpuHost, queue: JobQueue, post: (event: WorkerEvent) => void) {
    this.#host = host;
    this.#queue = queue;
    this.#post = post;
  }

  /** The chat's model, once it is loaded. */
  get model(): ModelUse | undefined {
    return this.#conversation && this.#use;
  }

  receive(request: ChatRequest): void {
    switch (request.kind) {
      case "load":
        // The first model waits for what other parts do on the GPU; another one takes the place of all that there is.
        if (this.#use || !this.#host.isOpenWith(request)) {
          this.#queue.cancelAll();
          this.#host.giveUp();
        }
        return this.#add("Loading the model", (signal) => this.#load(request, signal));
      case "fetchWeights":
        return this.#use?.agree();
      case "newChat":
        return this.#add("New chat", (signal) => this.#newChat(request.systemPrompt, signal));
      case "send":
        return this.#send(request);
      case "stop":
        return this.#stop(request.turn, request.shownTokens);
    }
  }

  /** Brings the conversation back after the GPU was lost. */
  restore(): void {
    if (!this.#conversation) return;
    this.#add("Restoring the conversation", async (signal) => {
      try {
        await this.#host.run((gpu) => this.#openOn(gpu, signal), signal);
      } catch (error) {
        // Cancelled, it is restored by the next message.
        if (!signal.aborted) throw error;
      }
    });
  }

  #add(title: string, run: (signal: AbortSignal) => Promise<void>): void {
    this.#queue.add({ part: "chat", title, run, skip: () => {} });
  }

  /** Ended without a word when it is cancelled. */
  async #load(request: LoadRequest, signal: AbortSignal): Promise<void> {
    const { modelUrl, features, blockSize, contextTokens, memoryBudgetBytes } = request;
    const isAnother = this.#use !== undefined;
    if (isAnother) this.#forget();
    this.#mostTokens = contextTokens ?? Infinity;
    this.#host.memory.budgetBytes = memoryBudgetBytes ?? Infinity;
    if (isAnother || !this.#host.isOpenWith({ features, blockSize })) this.#host.restart({ features, blockSize });
    this.#use = this.#host.use(modelUrl, { tell: this.#post, asksFirst: true });
    try {
      signal.throwIfAborted();
      this.#post({ kind: "loading", phase: "adapter" });
      await this.#host.run(async (gpu) => {
        await this.#openOn(gpu, signal);
        gpu.progress();
      }, signal);
    } catch (error) {
      this.#forget();
      if (!signal.aborted) this.#post({ kind: "loadFailed", failure: parseFailure(error) });
    }
  }

  /** The conversation on this GPU, with all that it held when it was last kept. */
  async #openOn(gpu: Gpu, signal: AbortSignal): Promise<Conversation> {
    if (this.#conversation && this.#gpu === gpu) return this.#conversation;
    const use = this.#use!;
    const chat = await gpu.open(use, signal);
    this.#post({ kind: "loading", phase: "kernels" });
    const contextLength = Math.min(chat.contextLength, this.#mostTokens);
    const sequence = await chat.model.createSequence(contextLength);
    signal.throwIfAborted();
    const conversation = this.#conversation ?? new Conversation({ ...chat, contextLength, sequence });
    if (this.#conversation) await conversation.moveTo(sequence);
    this.#conversation = conversation;
    this.#gpu = gpu;
    this.#post({ kind: "ready", model: describeModel(chat, gpu.session, use.downloadBytes, contextLength) });
    return conversation;
  }

  async #newChat(systemPrompt: string, signal: AbortSignal): Promise<void> {
    if (!this.#conversation) return;
    const usedTokens = await this.#host.run(async (gpu) => {
      const conversation = await this.#openOn(gpu, signal);
      conversation.clear(systemPrompt);
      conversation.keep();
      return conversation.usedTokens;
    });
    this.#post({ kind: "chatCleared", usedTokens });
  }

  #send(request: SendRequest): void {
    const { turn, text } = request;
    const sent: SentTurn = { request, progress: createTurnProgress(), sentMs: 0, job: 0, toldTokens: 0 };
    this.#turns.set(turn, sent);
    sent.job = this.#queue.add({
      part: "chat",
      title: `Answering “${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`,
      run: (signal) => this.#answer(sent, signal),
      skip: () => this.#skip(turn),
    });
  }

  #skip(turn: number): void {
    this.#turns.delete(turn);
    const timings = { promptTokens: 0, promptMs: 0, timeToFirstTokenMs: 0, generatedTokens: 0, generateMs: 0 };
    this.#post({
      kind: "turnEnded",
      turn,
      reason: "stopped",
      timings,
      usedTokens: this.#conversation?.usedTokens ?? 0,
    });
  }

  async #answer(sent: SentTurn, signal: AbortSignal): Promise<void> {
    const { turn } = sent.request;
    sent.sentMs = performance.now();
    try {
      // Without a signal: what was shown is brought back before an answer is stopped.
      if (this.#conversation) await this.#host.run(async (gpu) => this.#converse(gpu, sent, signal));
    } catch (error) {
      // The state is unknown: only `load` helps.
      this.#forget();
      this.#post({ kind: "turnFailed", turn, failure: parseFailure(error) });
    } finally {
      this.#turns.delete(turn);
    }
  }

  /** Called again with another GPU, it goes on where it was. */
  async #converse(gpu: Gpu, sent: SentTurn, signal: AbortSignal): Promise<void> {
    const { turn, text, sampling, maxTokens, logitBias = [], stopStrings } = sent.request;
    const conversation = await this.#openOn(gpu, NEVER);
    const options = {
      sampling: { ...NO_PENALTIES, ...sampling, logitBias },
      maxTokens,
      stopStrings,
      signal,
      onReading: (readTokens: number, totalTokens: number) =>
        this.#post({ kind: "reading", turn, readTokens, totalTokens }),
    };
    const answer = conversation.send(text, options, sent.progress);
    let next = await answer.next();
    for (; !next.done; next = await answer.next()) {
      gpu.progress();
      sent.timeToFirstTokenMs ??= performance.now() - sent.sentMs;
      sent.toldTokens = next.value.generatedTokens;
      this.#post({ kind: "text", turn, ...next.value });
    }
    let { reason, timings } = next.value;
    // The page may have stopped after the last token was drawn but before it was told so.
    if (signal.aborted && reason !== "context") {
      const shownTokens = sent.shownTokens ?? sent.toldTokens;
      await conversation.cutAnswer(shownTokens);
      reason = "stopped";
      timings = { ...timings, generatedTokens: Math.min(timings.generatedTokens, shownTokens) };
    }
    conversation.keep();
    this.#turns.delete(turn);
    const timeToFirstTokenMs = sent.timeToFirstTokenMs ?? performance.now() - sent.sentMs;
    const told = { ...timings, timeToFirstTokenMs };
    this.#post({ kind: "turnEnded", turn, reason, timings: told, usedTokens: conversation.usedTokens });
  }

  #stop(turn: number, shownTokens: number): void {
    const sent = this.#turns.get(turn);
    if (!sent) return;
    sent.shownTokens = shownTokens;
    this.#queue.cancel(sent.job);
  }

  #forget(): void {
    this.#use?.close();
    this.#host.close();
    this.#use = this.#conversation = this.#gpu = undefined;
  }
}
