// The protocol of the long document: one is open at a time, named by a number of the page's. It is encoded at once, read when
// the page says so, and asked about as often as one likes. Types only.

import type { ReadingPoint } from "../document/reading-record.ts";
import type { TextSource } from "../document/text-source.ts";
import type { StopReason, TurnTimings } from "./messages-chat.ts";
import type { Failure } from "./messages-engine.ts";
import type { SamplingSettings } from "./messages-model.ts";

/** Constant memory mode: keys of the first and of the last tokens only. */
export interface DocumentWindow {
  readonly first: number;
  readonly last: number;
}

/** Hidden in a sample. */
export interface DocumentFact {
  readonly question: string;
  readonly answer: string;
  /** 0 is the beginning of the text, 1 its end. */
  readonly depth: number;
}

/** Whether an answer says what was hidden. */
export interface DocumentVerdict {
  readonly expected: string;
  readonly isRight: boolean;
}

/** What is known of a document before it is read. */
export interface DocumentOutline {
  readonly name: string;
  readonly numTokens: number;
  readonly numChars: number;
  readonly facts: readonly DocumentFact[];
  /** Of the lightning layers, whatever the length. */
  readonly stateBytes: number;
  /** Of the softmax layers, for each token. */
  readonly keyBytesPerToken: number;
  /** As if every layer were a softmax layer. */
  readonly softmaxBytesPerToken: number;
  readonly weightBytes: number;
  /** Estimated: more than these may not fit into the GPU's memory. null: no such bound is known. */
  readonly fittingTokens: number | null;
}

/** A document in the browser's storage. */
export interface KeptDocument {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly numTokens: number;
  /** Fewer than numTokens: its reading was broken off. */
  readonly readTokens: number;
  readonly modelName: string;
  /** Whether it can be opened with the model that is loaded. */
  readonly fitsModel: boolean;
  readonly keyWindow: DocumentWindow | null;
  /** False: it is there because its page was closed while it was open, and goes after a day. */
  readonly isKept: boolean;
  readonly sizeBytes: number;
}

export type DocumentRequest =
  /** Encodes a text; what was open before is closed. Answered by `documentCounting` and `documentOpened`, or
   * `documentFailed`. */
  | { readonly kind: "openDocument"; readonly document: number; readonly source: TextSource }
  /** Begins to read, or goes on where it was paused; `keyWindow` is heard the first time. */
  | { readonly kind: "readDocument"; readonly document: number; readonly keyWindow: DocumentWindow | null }
  /** Forgets what was read, and reads from the beginning, with another window. Answered by `documentBegunAnew` first, unless
   * it was paused before. */
  | { readonly kind: "readDocumentAnew"; readonly document: number; readonly keyWindow: DocumentWindow | null }
  /** Answered by `documentPaused`, unless the end was reached before. */
  | { readonly kind: "pauseDocument"; readonly document: number }
  /** Makes what was read until now the whole document. Answered by `documentRead`. */
  | { readonly kind: "endDocument"; readonly document: number }
  /** Frees all that it holds. One that is not kept is gone. */
  | { readonly kind: "closeDocument"; readonly document: number }
  /** Asks about what was read; goes on from there, not from the question before. */
  | {
      readonly kind: "askDocument";
      readonly document: number;
      readonly turn: number;
      readonly question: string;
      readonly sampling: SamplingSettings;
      readonly maxTokens: number;
    }
  | { readonly kind: "stopDocumentAnswer"; readonly turn: number }
  /** From now on the document is there at the next visit. Answered by `documentKept`, or `documentProblem`. */
  | { readonly kind: "keepDocument"; readonly document: number; readonly name: string }
  /** Answered by `documentList`, as is every request below that changes it. */
  | { readonly kind: "listDocuments" }
  /** Opens a kept document where its reading was; answered as `openDocument` is, and by `documentPaused` or `documentRead`. */
  | { readonly kind: "restoreDocument"; readonly document: number; readonly id: string }
  | { readonly kind: "renameDocument"; readonly id: string; readonly name: string }
  | { readonly kind: "deleteDocument"; readonly id: string }
  /** Answered by `documentExported`. */
  | { readonly kind: "exportDocument"; readonly id: string }
  | { readonly kind: "importDocument"; readonly file: Blob };

export type DocumentEvent =
  | {
      readonly kind: "documentCounting";
      readonly document: number;
      readonly numTokens: number;
      readonly numChars: number;
    }
  | {
      readonly kind: "documentOpened";
      readonly document: number;
      readonly outline: DocumentOutline;
      /** How long reading will take, estimated from the speed that was just measured; null when nothing was measured. */
      readonly estimatedMs: number | null;
      /** Of a document that was restored: how it was read, and what was measured. */
      readonly earlier: { readonly keyWindow: DocumentWindow | null; readonly points: readonly ReadingPoint[] } | null;
    }
  /** At most 60 a second. */
  | {
      readonly kind: "documentReading";
      readonly document: number;
      readonly readTokens: number;
      readonly tokensPerSecond: number;
      /** Estimated. */
      readonly leftMs: number;
      readonly point: ReadingPoint;
      /** The text that was just read. */
      readonly excerpt: string;
    }
  | { readonly kind: "documentBegunAnew"; readonly document: number; readonly keyWindow: DocumentWindow | null }
  | {
      readonly kind: "documentPaused";
      readonly document: number;
      readonly readTokens: number;
      /** There is no room for more keys and values; what was read can be asked about. */
      readonly isFull: boolean;
    }
  | { readonly kind: "documentRead"; readonly document: number; readonly readTokens: number }
  | {
      readonly kind: "documentText";
      readonly document: number;
      readonly turn: number;
      /** To be appended. */
      readonly text: string;
      readonly generatedTokens: number;
      readonly elapsedMs: number;
    }
  | {
      readonly kind: "documentTurnEnded";
      readonly document: number;
      readonly turn: number;
      readonly reason: StopReason;
      readonly timings: TurnTimings;
      /** For the question about a hidden fact. */
      readonly verdict: DocumentVerdict | null;
    }
  | { readonly kind: "documentKept"; readonly document: number; readonly id: string; readonly name: string }
  | {
      readonly kind: "documentList";
      /** null: the browser offers no storage here. */
      readonly documents: readonly KeptDocument[] | null;
    }
  | { readonly kind: "documentExported"; readonly name: string; readonly content: Blob }
  /** What was asked for cannot be; the document that is open stays as it is. */
  | { readonly kind: "documentProblem"; readonly message: string }
  /** The document that is open is lost. */
  | { readonly kind: "documentFailed"; readonly document: number; readonly failure: Failure };
