// A conversation over one sequence: turns of text in, streamed text out. History is token ids: what is in the model's
// state is never encoded or read again, and the state is always exactly that of the text that was shown.

import { expectLogitBias, type Sampling } from "../kernels/call.ts";
import type { Sequence } from "../model/sequence.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { ChatMessage, ChatTemplate } from "../text/chat-template.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { StopScanner } from "./stop-scanner.ts";

/** eos: the model ended; stop-string: one came; length: maxTokens reached; stopped: by the person; context: the
 * conversation is full. */
export type StopReason = "eos" | "stop-string" | "length" | "stopped" | "context";

export interface SendOptions {
  readonly sampling: Sampling;
  readonly maxTokens: number;
  /** The answer ends where one of these would begin; text that may become one is held back. None may be empty. */
  readonly stopStrings?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Tokens of this turn's prompt read so far, and all of them. */
  readonly onReading?: (readTokens: number, totalTokens: number) => void;
}

export interface TurnTimings {
  readonly promptTokens: number;
  /** From the call to the first token. */
  readonly promptMs: number;
  readonly generatedTokens: number;
  /** From the first token to the last. */
  readonly generateMs: number;
}

export interface TextChunk {
  /** To be appended; ends between characters. */
  readonly text: string;
  /** Tokens of the answer up to and with this text; a token that a stop string cuts is not among them. */
  readonly generatedTokens: number;
  /** Since the first token. */
  readonly elapsedMs: number;
}

export interface TurnEnd {
  readonly reason: StopReason;
  readonly timings: TurnTimings;
  /** All tokens of the answer, an end token included; without those in which a stop string lies. */
  readonly tokenIds: readonly number[];
}

export interface ConversationParts {
  readonly sequence: Sequence;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly endTokenIds: readonly number[];
  /** Tokens that the conversation may hold. */
  readonly contextLength: number;
}

/** The answer that was streamed last, as long as it may still be cut back. */
interface LastAnswer {
  readonly before: Snapshot;
  /** After the prompt, with the first token pending. */
  readonly start: Snapshot;
  readonly promptIds: readonly number[];
  readonly messagesBefore: readonly ChatMessage[];
  readonly previousEnded: boolean;
  readonly tokenIds: number[];
}

export class Conversation {
  readonly #parts: ConversationParts;
  #messages: ChatMessage[] = [];
  /** Whether the last answer ended with an end token, which is then the sequence's pending token. */
  #previousAnswerEnded = false;
  #lastAnswer: LastAnswer | undefined;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
  }

  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Tokens in the state, the pending one included. */
  get usedTokens(): number {
    const { sequence } = this.#parts;
    return sequence.position + (sequence.pendingToken === undefined ? 0 : 1);
  }

  /** Forgets everything; an empty system prompt is none. */
  clear(systemPrompt: string): void {
    this.#forgetLastAnswer();
    this.#parts.sequence.clear();
    this.#previousAnswerEnded = false;
    this.#messages = systemPrompt === "" ? [] : [{ role: "system", content: systemPrompt }];
  }

  /** Sends a message and streams the answer. Ended by the signal before the first token, the turn never happened; after
   * it, tokens may have been drawn that are in no text: cutAnswer takes them back. `context` without any token means
   * that the message does not fit and was not read. After a stop string the state is that of the tokens before the one in
   * which the string begins; what that token holds before the string is shown, but not in the state. RangeError, before
   * anything is read, for options that cannot be. */
  async *send(text: string, options: SendOptions): AsyncGenerator<TextChunk, TurnEnd> {
    const { sequence, endTokenIds, contextLength } = this.#parts;
    const { sampling, maxTokens, stopStrings = [], signal, onReading } = options;
    const scanner = new StopScanner(stopStrings);
    expectLogitBias(sampling.logitBias, sequence.model.config.vocabSize);
    const startTime = performance.now();
    const ids = this.#encode(text);
    const timings = { promptTokens: ids.length, promptMs: 0, generatedTokens: 0, generateMs: 0 };
    this.#forgetLastAnswer();
    if (sequence.position + ids.length >= contextLength) return { reason: "context", timings, tokenIds: [] };

    const before = sequence.snapshot("before the turn");
    const draw = { sampling, endTokenIds };
    const onProgress = onReading && ((numTokens: number) => onReading(numTokens, ids.length));
    const firstToken = await sequence
      .prefill(ids, { output: "last", ...draw, signal, onProgress })
      .catch((error: unknown) => this.#abandon(before, error));
    const firstTokenTime = performance.now();
    timings.promptMs = firstTokenTime - startTime;
    if (firstToken === undefined || signal?.aborted) {
      sequence.restore(before);
      before.destroy();
      return { reason: "stopped", timings, tokenIds: [] };
    }

    const tokenIds: number[] = [];
    this.#lastAnswer = {
      before,
      start: sequence.snapshot("start of the answer"),
      promptIds: ids,
      messagesBefore: this.#messages,
      previousEnded: this.#previousAnswerEnded,
      tokenIds,
    };
    this.#messages = [...this.#messages, { role: "user", content: text }, { role: "assistant", content: "" }];
    this.#previousAnswerEnded = false;
    const decoder = this.#parts.tokenizer.createDecoder();
    let reason: StopReason | undefined;
    let cutText: TextChunk | undefined;
    const maxDrawn = Math.min(maxTokens, contextLength - sequence.position);
    for await (const token of startWith(firstToken, sequence.generate(draw, maxDrawn - 1))) {
      tokenIds.push(token);
      const elapsedMs = performance.now() - firstTokenTime;
      Object.assign(timings, { generatedTokens: tokenIds.length, generateMs: elapsedMs });
      const isEnd = endTokenIds.includes(token);
      if (signal?.aborted) reason = "stopped";
      else if (isEnd) reason = "eos";
      else if (tokenIds.length >= maxTokens) reason = "length";
      else if (tokenIds.length >= maxDrawn) reason = "context";
      const piece = (isEnd ? "" : decoder.push(token)) + (reason ? decoder.end() : "");
      const { text: shown, numTokens, isStopped } = scanner.push(piece, tokenIds.length, reason !== undefined);
      const chunk = { text: shown, generatedTokens: numTokens, elapsedMs };
      if (isStopped && reason !== "stopped") {
        reason = "stop-string";
        cutText = chunk;
      } else if (shown !== "" && reason !== "stopped") {
        this.#appendToAnswer(shown);
        yield chunk;
      }
      if (reason) break;
    }
    reason ??= "stopped";
    this.#previousAnswerEnded = reason === "eos";
    if (cutText) {
      timings.generatedTokens = cutText.generatedTokens;
      await this.#keepTokens(this.#lastAnswer, cutText.generatedTokens);
      if (cutText.text !== "") {
        this.#appendToAnswer(cutText.text);
        yield cutText;
      }
    }
    return { reason, timings, tokenIds };
  }

  /** Cuts the last answer back to its first `shownTokens` tokens, as if it had been stopped there; with none, the whole
   * turn never happened. */
  async cutAnswer(shownTokens: number): Promise<void> {
    const answer = this.#lastAnswer;
    if (!answer || (shownTokens > 0 && shownTokens >= answer.tokenIds.length)) return;
    const { sequence, tokenizer } = this.#parts;
    if (shownTokens === 0) {
      answer.tokenIds.length = 0;
      sequence.restore(answer.before);
      this.#messages = [...answer.messagesBefore];
      this.#previousAnswerEnded = answer.previousEnded;
      this.#forgetLastAnswer();
      return;
    }
    await this.#keepTokens(answer, shownTokens);
    this.#previousAnswerEnded = false;
    const content = tokenizer.decode(answer.tokenIds, { skipSpecial: true });
    this.#messages = [...this.#messages.slice(0, -1), { role: "assistant", content }];
  }

  /** Frees what was kept for cutAnswer. */
  destroy(): void {
    this.#forgetLastAnswer();
  }

  /** Takes the state back to the first `numTokens` of an answer; with none, to the prompt that was read. */
  async #keepTokens({ before, start, promptIds, tokenIds }: LastAnswer, numTokens: number): Promise<void> {
    const { sequence } = this.#parts;
    const numCut = tokenIds.length - numTokens;
    tokenIds.length = numTokens;
    if (numTokens === 0) {
      // The first token was counted when it was drawn, for penalties; a draw cannot be taken out of `start`.
      sequence.restore(before);
      await sequence.prefill(promptIds, { output: "none" });
    } else if (!(await sequence.rewind(numCut))) {
      sequence.restore(start);
      await sequence.replay(tokenIds.slice(1));
    }
  }

  /** The ids that are new with this message; a pending token, drawn but not read, comes first. */
  #encode(text: string): number[] {
    const { sequence, template } = this.#parts;
    const next: ChatMessage[] = [{ role: "user", content: text }];
    const isFirst = sequence.position === 0;
    const ids = isFirst
      ? template.encodeTurn([], [...this.#messages, ...next], { previousAnswerEnded: false })
      : template.encodeTurn(this.#messages, next, { previousAnswerEnded: this.#previousAnswerEnded });
    return sequence.pendingToken === undefined ? ids : [sequence.pendingToken, ...ids];
  }

  /** After a failure the turn never happened. */
  #abandon(before: Snapshot, error: unknown): never {
    this.#parts.sequence.restore(before);
    before.destroy();
    throw error;
  }

  #appendToAnswer(piece: string): void {
    const last = this.#messages.at(-1)!;
    this.#messages = [...this.#messages.slice(0, -1), { ...last, content: last.content + piece }];
  }

  #forgetLastAnswer(): void {
    this.#lastAnswer?.before.destroy();
    this.#lastAnswer?.start.destroy();
    this.#lastAnswer = undefined;
  }
}

async function* startWith(first: number, rest: AsyncGenerator<number, void>): AsyncGenerator<number, void> {
  yield first;
  yield* rest;
}
