// A conversation over one sequence: turns of text in, streamed text out. History is token ids: what is in the model's
// state is never encoded or read again, and the state is always exactly that of the text that was shown.

import { expectLogitBias } from "../kernels/call.ts";
import type { ReadOptions } from "../model/prefill.ts";
import type { Sequence } from "../model/sequence.ts";
import type { DrawOptions } from "../model/step-buffer.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { SequenceLog } from "../model/token-log.ts";
import type { ChatMessage, ChatTemplate } from "../text/chat-template.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { StopScanner } from "./stop-scanner.ts";
import { createTurnProgress, type SendOptions, type StopReason, type TextChunk, type TurnEnd } from "./turn.ts";

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

/** All of a conversation, without a GPU. */
interface KeptConversation {
  readonly log: SequenceLog;
  readonly pendingToken: number | undefined;
  readonly messages: readonly ChatMessage[];
  readonly previousEnded: boolean;
}

export class Conversation {
  #parts: ConversationParts;
  #messages: readonly ChatMessage[] = [];
  /** Whether the last answer ended with an end token, which is then the sequence's pending token. */
  #previousAnswerEnded = false;
  #lastAnswer: LastAnswer | undefined;
  #kept: KeptConversation = {
    log: { tokenIds: new Uint32Array(0), blockLengths: new Uint32Array(0) },
    pendingToken: undefined,
    messages: [],
    previousEnded: false,
  };

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

  /** Notes what the conversation holds now, as that to which `moveTo` goes back. */
  keep(): void {
    const { log, pendingToken } = this.#parts.sequence;
    const previousEnded = this.#previousAnswerEnded;
    this.#kept = { log, pendingToken, messages: this.#messages, previousEnded };
  }

  /** Goes on in an empty sequence, that of another GPU for instance, from what the conversation held when it was last kept;
   * reads all of that again. Belongs to the caller, as the sequence before. */
  async moveTo(sequence: Sequence, options: ReadOptions = {}): Promise<void> {
    this.#forgetLastAnswer();
    const { log, pendingToken, messages, previousEnded } = this.#kept;
    this.#parts = { ...this.#parts, sequence };
    this.#messages = messages;
    this.#previousAnswerEnded = previousEnded;
    if (log.tokenIds.length > 0) await sequence.reread(log, pendingToken, options);
  }

  /** Sends a message and streams the answer. Ended by the signal before the first token, the turn never happened; after
   * it, tokens may have been drawn that are in no text: cutAnswer takes them back. `context` without any token means
   * that the message does not fit and was not read. After a stop string the state is that of the tokens before the one in
   * which the string begins; what that token holds before the string is shown, but not in the state. RangeError, before
   * anything is read, for options that cannot be. When the GPU is lost meanwhile, the same turn can be sent again after
   * `moveTo`, with the `progress` that it had. */
  async *send(text: string, options: SendOptions, progress = createTurnProgress()): AsyncGenerator<TextChunk, TurnEnd> {
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
    const known = [...progress.tokenIds];
    const reading =
      known.length > 0
        ? this.#readKnown(ids, draw, known[0]!)
        : sequence.prefill(ids, { output: "last", ...draw, signal, onProgress });
    const firstToken = await reading.catch((error: unknown) => this.#abandon(before, error));
    timings.promptMs = progress.promptMs ?? performance.now() - startTime;
    if (firstToken === undefined || (known.length === 0 && signal?.aborted)) {
      sequence.restore(before);
      before.destroy();
      return { reason: "stopped", timings, tokenIds: [] };
    }
    progress.promptMs = timings.promptMs;

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
    let numChunks = 0;
    let reason: StopReason | undefined;
    let cutText: TextChunk | undefined;
    const maxDrawn = Math.min(maxTokens, contextLength - sequence.position);
    if (known.length > 1) await sequence.reread(decodedLog(known.slice(0, -1)), known.at(-1));
    const drawn = known.length > 0 ? known : [firstToken];
    // The time in which there was no GPU is not counted.
    const firstTokenTime = performance.now() - progress.generateMs;
    for await (const token of startWith(drawn, () => sequence.generate(draw, maxDrawn - drawn.length))) {
      tokenIds.push(token);
      const isKnown = tokenIds.length < known.length;
      if (tokenIds.length > known.length) {
        progress.tokenIds.push(token);
        progress.generateMs = performance.now() - firstTokenTime;
      }
      const elapsedMs = progress.generateMs;
      Object.assign(timings, { generatedTokens: tokenIds.length, generateMs: elapsedMs });
      const isEnd = endTokenIds.includes(token);
      if (signal?.aborted && !isKnown) reason = "stopped";
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
        if (++numChunks > progress.numChunks) {
          progress.numChunks = numChunks;
          yield chunk;
        }
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
        if (++numChunks > progress.numChunks) {
          progress.numChunks = numChunks;
          yield cutText;
        }
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

  /** Reads a prompt after which `firstToken` was drawn, on this GPU or another, which may draw otherwise. */
  async #readKnown(ids: readonly number[], draw: DrawOptions, firstToken: number): Promise<number> {
    const { sequence } = this.#parts;
    const before = sequence.snapshot("before the prompt");
    if ((await sequence.prefill(ids, { output: "last", ...draw })) !== firstToken) {
      const blockLengths = sequence.log.blockLengths.slice(before.log.blockLengths.length);
      sequence.restore(before);
      await sequence.reread({ tokenIds: Uint32Array.from(ids), blockLengths }, firstToken);
    }
    before.destroy();
    return firstToken;
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

async function* startWith(
  first: readonly number[],
  rest: () => AsyncGenerator<number, void>,
): AsyncGenerator<number, void> {
  yield* first;
  yield* rest();
}

function decodedLog(tokenIds: readonly number[]): SequenceLog {
  return { tokenIds: Uint32Array.from(tokenIds), blockLengths: new Uint32Array(tokenIds.length).fill(1) };
}
