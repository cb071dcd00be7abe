// One turn of a conversation: what is asked for, what comes of it, and what outlives a lost GPU.

import type { Sampling } from "../kernels/call.ts";

/** eos: the model ended; stop-string: one came; length: maxTokens reached; stopped: by the person; context: the
 * conversation is full; memory: the GPU's is. */
export type StopReason = "eos" | "stop-string" | "length" | "stopped" | "context" | "memory";

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

/** How far a turn has come. Whoever sends it keeps this, and sends it again with it when the GPU was lost: the same answer is
 * then finished, and nothing is told twice. */
export interface TurnProgress {
  /** Of the answer, drawn so far. */
  readonly tokenIds: number[];
  /** Texts that were told. */
  numChunks: number;
  /** As in TurnTimings, of the first time; undefined before the first token. */
  promptMs: number | undefined;
  /** From the first token to the last, without the time in which there was no GPU. */
  generateMs: number;
}

export function createTurnProgress(): TurnProgress {
  return { tokenIds: [], numChunks: 0, promptMs: undefined, generateMs: 0 };
}
