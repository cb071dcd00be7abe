// The document that is open: its ids, and where they stand in a sequence, on whichever device there is. Knows no protocol.

import { ask, type AskOptions } from "../document/ask.ts";
import type { TextChunk, TurnEnd } from "../chat/turn.ts";
import type { ChatModel } from "../chat/chat-model.ts";
import type { HiddenFact } from "../document/chronicle.ts";
import type { DocumentPrompt } from "../document/document-prompt.ts";
import type { StoredDocument } from "../document/document-store.ts";
import { readOn, type ReadingOptions } from "../document/reading.ts";
import { ReadingRecord } from "../document/reading-record.ts";
import type { KeyWindow } from "../kernels/key-window.ts";
import type { Sequence } from "../model/sequence.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Gpu } from "./gpu-host.ts";

export interface DocumentText {
  readonly name: string;
  readonly facts: readonly HiddenFact[];
  readonly prompt: DocumentPrompt;
  readonly ids: Uint32Array<ArrayBuffer>;
  readonly held: string;
  readonly numChars: number;
}

/** The state of what was read, on one device. */
interface OnGpu {
  readonly gpu: Gpu;
  readonly sequence: Sequence;
  /** Taken before the first question; while there is one, the sequence may be past the document. */
  end: Snapshot | undefined;
}

/** For a question and its answer: kept free behind what is read, so that a document can be asked about when memory is full. */
const QUESTION_TOKENS = 1024;

export class OpenDocument {
  readonly number: number;
  keyWindow: KeyWindow | null = null;
  /** Where its snapshots go; undefined when there is no storage. */
  stored: StoredDocument | undefined;
  /** What was measured while it was read. */
  record = new ReadingRecord();
  #text: DocumentText;
  #onGpu: OnGpu | undefined;
  #readTokens = 0;

  constructor(number: number, text: DocumentText) {
    this.number = number;
    this.#text = text;
  }

  get text(): DocumentText {
    return this.#text;
  }

  get numTokens(): number {
    return this.#text.ids.length;
  }

  /** Tokens in the state. */
  get readTokens(): number {
    return this.#readTokens;
  }

  /** Forgets what was read. Nothing of it may be on a GPU or in storage. */
  startOver(keyWindow: KeyWindow | null): void {
    this.keyWindow = keyWindow;
    this.record = new ReadingRecord();
    this.#readTokens = 0;
  }

  /** Makes what was read until now the whole document. */
  end(): void {
    const isWhole = this.#readTokens === this.numTokens;
    if (!isWhole) this.#text = { ...this.#text, ids: this.#text.ids.slice(0, this.#readTokens), held: "" };
  }

  /** Puts the newest snapshot of a stored document on the GPU. */
  async restore(gpu: Gpu, chat: ChatModel, stored: StoredDocument): Promise<void> {
    this.stored = stored;
    this.keyWindow = stored.record.keyWindow;
    this.#readTokens = (await this.#open(gpu, chat)).sequence.position;
    this.record = new ReadingRecord(stored.record.points.filter(({ numTokens }) => numTokens <= this.#readTokens));
  }

  /** Writes down what was read. The sequence must stand where the reading does. */
  async save(gpu: Gpu): Promise<void> {
    const sequence = this.sequenceOn(gpu);
    if (sequence) await this.stored?.save(sequence, this.record.points);
  }

  /** Reads to the end; false when the signal ended it before. */
  async read(gpu: Gpu, chat: ChatModel, options: Omit<ReadingOptions, "spareTokens">): Promise<boolean> {
    const onGpu = await this.#open(gpu, chat);
    if (onGpu.end) {
      onGpu.sequence.restore(onGpu.end);
      onGpu.end.destroy();
      onGpu.end = undefined;
    }
    try {
      return await readOn(onGpu.sequence, this.#text.ids, { ...options, spareTokens: QUESTION_TOKENS });
    } finally {
      this.#readTokens = onGpu.sequence.position;
    }
  }

  /** Answers a question about what was read. */
  async *ask(gpu: Gpu, chat: ChatModel, question: string, options: AskOptions): AsyncGenerator<TextChunk, TurnEnd> {
    const onGpu = await this.#open(gpu, chat);
    if (onGpu.sequence.position < this.#readTokens) await readOn(onGpu.sequence, this.#readIds, QUIETLY);
    if (onGpu.end) onGpu.sequence.restore(onGpu.end);
    else onGpu.end = onGpu.sequence.snapshot("after the document");
    const held = this.#readTokens === this.numTokens ? this.#text.held : "";
    const ids = this.#text.prompt.encodeQuestion(held, question);
    return yield* ask(onGpu.sequence, chat.tokenizer, ids, options);
  }

  /** The sequence, if it is on this device. */
  sequenceOn(gpu: Gpu): Sequence | undefined {
    return this.#onGpu?.gpu === gpu ? this.#onGpu.sequence : undefined;
  }

  /** Frees what it has on this device. */
  free(gpu: Gpu | undefined): void {
    if (this.#onGpu && this.#onGpu.gpu === gpu) {
      this.#onGpu.end?.destroy();
      this.#onGpu.sequence.destroy();
    }
    this.#onGpu = undefined;
  }

  get #readIds(): Uint32Array {
    return this.#text.ids.subarray(0, this.#readTokens);
  }

  /** A sequence on this device; on another one than before it begins with the newest snapshot, or empty. */
  async #open(gpu: Gpu, chat: ChatModel): Promise<OnGpu> {
    if (this.#onGpu?.gpu === gpu) return this.#onGpu;
    const keyWindow = this.keyWindow ?? undefined;
    const sequence = await chat.model.createSequence(QUESTION_TOKENS, { keyWindow });
    try {
      await this.stored?.load(sequence, this.#text.ids);
    } catch (error) {
      sequence.destroy();
      throw error;
    }
    this.#onGpu = { gpu, sequence, end: undefined };
    return this.#onGpu;
  }
}

const QUIETLY: ReadingOptions = {
  signal: new AbortController().signal,
  onRead: () => {},
  onSlab: () => Promise.resolve(),
  spareTokens: QUESTION_TOKENS,
};
