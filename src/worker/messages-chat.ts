// The protocol of the chat: its model is the one that is loaded first. Types only.

import type { Failure } from "./messages-engine.ts";
import type { ReadyModel, SamplingSettings } from "./messages-model.ts";

/** Added to a token's logit. */
export interface LogitBias {
  readonly tokenId: number;
  /** From -100 to 100. */
  readonly bias: number;
}

/** eos: the model ended; stop-string: one came; length: maxTokens reached; stopped: by the person; context: the
 * conversation is full; memory: the GPU's is. */
export type StopReason = "eos" | "stop-string" | "length" | "stopped" | "context" | "memory";

export interface TurnTimings {
  /** Tokens read for this turn, and how long that took. */
  readonly promptTokens: number;
  readonly promptMs: number;
  /** From `send` to the first text. */
  readonly timeToFirstTokenMs: number;
  readonly generatedTokens: number;
  /** From the first token to the last: generatedTokens - 1 steps. */
  readonly generateMs: number;
}

export type ChatRequest =
  /** Answered by `size`; the weights are fetched only after `fetchWeights`. */
  | {
      readonly kind: "load";
      readonly modelUrl: string;
      /** Kernel variants: `default`, `none`, or a list such as `subgroups,f16`. */
      readonly features: string;
      /** Tokens that are read at once; the model's own choice unless given. */
      readonly blockSize?: number;
      /** Tokens of a conversation at most; what the model was trained on unless given. */
      readonly contextTokens?: number;
      /** As in `setMemoryBudget`; without limit unless given. */
      readonly memoryBudgetBytes?: number;
    }
  /** Sent once after `size`: at once, or when the person has agreed to the download. */
  | { readonly kind: "fetchWeights" }
  /** Forgets the conversation; the engine and its weights stay. */
  | { readonly kind: "newChat"; readonly systemPrompt: string }
  | {
      readonly kind: "send";
      readonly turn: number;
      readonly text: string;
      readonly sampling: SamplingSettings;
      readonly maxTokens: number;
      /** At most 16 tokens of the vocabulary, each once; none unless given. */
      readonly logitBias?: readonly LogitBias[];
      /** The answer ends where one of these, none empty, would begin; none unless given. */
      readonly stopStrings?: readonly string[];
    }
  /** `shownTokens` is `generatedTokens` of the last `text` that was shown (0: none); the conversation goes on from
   * exactly those tokens, with 0 as if the turn had never been. A turn that has ended meanwhile is not cut: its
   * `turnEnded` tells another reason, and the page shows the rest. */
  | { readonly kind: "stop"; readonly turn: number; readonly shownTokens: number };

export type ChatEvent =
  | { readonly kind: "ready"; readonly model: ReadyModel }
  | { readonly kind: "loadFailed"; readonly failure: Failure }
  | { readonly kind: "chatCleared"; readonly usedTokens: number }
  /** Prompt tokens read so far of this turn. */
  | { readonly kind: "reading"; readonly turn: number; readonly readTokens: number; readonly totalTokens: number }
  /** More of the answer; `text` is to be appended. `generatedTokens` and `elapsedMs` (since the first token) count from the turn's start. */
  | {
      readonly kind: "text";
      readonly turn: number;
      readonly text: string;
      readonly generatedTokens: number;
      readonly elapsedMs: number;
    }
  | {
      readonly kind: "turnEnded";
      readonly turn: number;
      readonly reason: StopReason;
      readonly timings: TurnTimings;
      readonly usedTokens: number;
    }
  | { readonly kind: "turnFailed"; readonly turn: number; readonly failure: Failure };
