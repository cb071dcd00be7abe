// What is asked of several models at once, and what each answers: plain data that crosses to a page.

import type { StateSize, UsedBytes } from "./state-size.ts";

/** How tokens are drawn; the same for all. */
export interface DrawSettings {
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 is off. */
  readonly topK: number;
  /** 1 is off. */
  readonly topP: number;
  /** 0 is off. */
  readonly minP: number;
  /** Unsigned 32 bits. */
  readonly seed: number;
}

/** in turns: a run of 16 steps each; one after another: each to its end. */
export type AnswerOrder = "in turns" | "one after another";

export interface AnswerPlan {
  readonly prompt: string;
  readonly sampling: DrawSettings;
  readonly maxTokens: number;
  readonly order: AnswerOrder;
}

/** end: an end token came; length: as many tokens as were wanted. */
export type AnswerEnd = "end" | "length" | "stopped";

/** What is known of one answer. */
export interface AnswerState {
  readonly name: string;
  readonly text: string;
  readonly promptTokens: number;
  /** -log p in nats, the mean over the prompt's tokens but the first that were read so far; null before any was. */
  readonly promptLoss: number | null;
  readonly readTokens: number;
  readonly readMs: number;
  readonly generatedTokens: number;
  /** Of the newest run that counts; null before the first. A run that the answer's end cuts short, whose other steps stand
   * still, counts only when there is no other. */
  readonly runMsPerToken: number | null;
  /** Time in the runs that count, and the tokens that they drew. */
  readonly writeMs: number;
  readonly writtenTokens: number;
  readonly used: UsedBytes;
  readonly stateSize: StateSize;
  /** Tokens in the state. */
  readonly position: number;
  readonly end: AnswerEnd | null;
}
