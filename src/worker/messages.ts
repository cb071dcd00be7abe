// The protocol between the page and the engine's worker: types only. Requests go to the worker, events come back.

import type { BenchmarkPlan } from "../bench/plan.ts";
import type { BenchmarkResult, BenchmarkSetup, LaunchCost, Measurement, SkippedRow } from "../bench/result.ts";

export interface SamplingSettings {
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

/** Added to a token's logit. */
export interface LogitBias {
  readonly tokenId: number;
  /** From -100 to 100. */
  readonly bias: number;
}

export type WorkerRequest =
  /** Answered by `size`; the weights are fetched only after `fetchWeights`. */
  | {
      readonly kind: "load";
      readonly modelUrl: string;
      /** Kernel variants: `default`, `none`, or a list such as `subgroups,f16`. */
      readonly features: string;
    }
  /** Sent once after `size`: at once, or when the person has agreed to the download. */
  | { readonly kind: "fetchWeights" }
  /** Ends the pause that `paused` told of. */
  | { readonly kind: "tryNow" }
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
  | { readonly kind: "stop"; readonly turn: number; readonly shownTokens: number }
  /** Measures the loaded model after what was asked before, on a sequence of its own: the conversation stays. Answered by
   * `benchmarkSetup`, what is found, and in the end `benchmarkEnded` or `benchmarkFailed`. One at a time. */
  | { readonly kind: "benchmark"; readonly plan: BenchmarkPlan }
  /** Ends the benchmark soon, also one that has not begun; one that has ended is left alone. */
  | { readonly kind: "stopBenchmark" };

export type LoadPhase = "adapter" | "manifest" | "weights" | "kernels";

/** Where weights come from; other-tab: another tab has them in its hands, and this one waits for it. */
export type ByteOrigin = "storage" | "network" | "other-tab";

/** Whether the model is there at the next visit; no-storage: the browser offers none here, as in some private windows. */
export type Keeping = "kept" | "no-storage" | "full" | "failed";

/** Why a download pauses: see DownloadProblem in src/store/download-error.ts. */
export type PauseProblem = "no-answer" | "cut" | "stalled" | "busy" | "missing" | "web-page" | "damaged";

/** What the page needs to know of a loaded model and the GPU that runs it. */
export interface ReadyModel {
  readonly name: string;
  readonly numParameters: number;
  readonly downloadBytes: number;
  readonly numLayers: number;
  readonly numLightningLayers: number;
  readonly numExperts: number;
  readonly expertsPerToken: number;
  /** null: the checkpoint does not say. */
  readonly trainedContextLength: number | null;
  /** Tokens that one conversation can hold here. */
  readonly contextLength: number;
  readonly defaultSampling: Omit<SamplingSettings, "seed">;
  /** e.g. "nvidia ampere"; empty strings when the browser does not tell. */
  readonly gpu: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
    readonly isSoftware: boolean;
    /** Optional abilities that the kernels use; none: the plain path. */
    readonly features: readonly string[];
  };
}

/** One kind of GPU memory. */
export interface LedgerLine {
  readonly kind: "weights" | "recurrent state" | "KV cache" | "activations" | "staging" | "snapshots" | "tables";
  readonly allocatedBytes: number;
  readonly usedBytes: number;
}

/** Why loading or answering failed; the page has a text for each. */
export type FailureKind =
  | "no-webgpu"
  | "insecure-origin"
  | "no-webgpu-in-worker"
  | "no-adapter"
  | "limit-too-small"
  | "wrong-features"
  | "download"
  | "missing-file"
  | "web-page"
  | "bad-model"
  | "device-lost"
  | "out-of-memory"
  | "internal";

export interface Failure {
  readonly kind: FailureKind;
  /** `<thing>: expected x, got y`. */
  readonly message: string;
}

/** eos: the model ended; stop-string: one came; length: maxTokens reached; stopped: by the person; context: the
 * conversation is full. */
export type StopReason = "eos" | "stop-string" | "length" | "stopped" | "context";

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

export type WorkerEvent =
  /** Sent once the manifest is read; the worker then waits for `fetchWeights`. */
  | {
      readonly kind: "size";
      readonly name: string;
      readonly totalBytes: number;
      /** Of those, the bytes that this browser has kept. */
      readonly keptBytes: number;
    }
  | { readonly kind: "loading"; readonly phase: Exclude<LoadPhase, "weights"> }
  /** `loadedBytes` falls when a file had to be begun anew. */
  | {
      readonly kind: "loading";
      readonly phase: "weights";
      readonly loadedBytes: number;
      readonly totalBytes: number;
      readonly origin: ByteOrigin;
    }
  /** The next try comes by itself after so many milliseconds, or with `tryNow`; `resumed` tells of it. */
  | {
      readonly kind: "paused";
      readonly problem: PauseProblem;
      /** `<file>: expected x, got y`. */
      readonly message: string;
      readonly pauseMs: number;
    }
  | { readonly kind: "resumed" }
  /** Told when the model was read, and before when it changes for the worse. */
  | { readonly kind: "keeping"; readonly keeping: Keeping }
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
  | { readonly kind: "turnFailed"; readonly turn: number; readonly failure: Failure }
  | { readonly kind: "benchmarkSetup"; readonly setup: BenchmarkSetup }
  | { readonly kind: "benchmarkLaunch"; readonly launch: LaunchCost }
  /** Before each of `runs` timed runs of a row; run 0 warms up. */
  | { readonly kind: "benchmarkRun"; readonly name: string; readonly run: number; readonly runs: number }
  | { readonly kind: "benchmarkMeasured"; readonly measurement: Measurement }
  | { readonly kind: "benchmarkSkipped"; readonly skipped: SkippedRow }
  /** null: stopped before it began. */
  | { readonly kind: "benchmarkEnded"; readonly result: BenchmarkResult | null }
  | { readonly kind: "benchmarkFailed"; readonly failure: Failure }
  | { readonly kind: "ledger"; readonly lines: readonly LedgerLine[] };
