// What every page hears of the engine, and may ask of it: failures, memory, the queue of jobs. Types only.

/** One kind of GPU memory. */
export interface LedgerLine {
  readonly kind: "weights" | "recurrent state" | "KV cache" | "activations" | "staging" | "snapshots" | "tables";
  readonly allocatedBytes: number;
  readonly usedBytes: number;
}

/** Why something failed; the page has a text for each. */
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
  | "bad-document"
  | "device-lost"
  | "out-of-memory"
  | "gpu-hung"
  | "gpu-error"
  | "internal";

export interface Failure {
  readonly kind: FailureKind;
  /** `<thing>: expected x, got y`. */
  readonly message: string;
}

/** Which page a job is for. */
export type JobPart = "chat" | "document" | "compare" | "benchmark";

/** Something that has the GPU, or waits for it. */
export interface QueuedJob {
  readonly job: number;
  readonly part: JobPart;
  /** What it does, in a few words for the person. */
  readonly title: string;
  readonly state: "running" | "ending" | "waiting";
}

export type EngineRequest =
  /** Ends a job soon, or takes it out of the queue before it begins; its page hears of its end as always. */
  | { readonly kind: "cancelJob"; readonly job: number }
  /** Ends the pauses of all downloads that `paused` told of. */
  | { readonly kind: "tryNow" }
  /** After `gpuGivenUp`: tries again; with a number all models read so many tokens at once, which asks less of a GPU. */
  | { readonly kind: "resumeGpu"; readonly blockSize: number | null };

export type EngineEvent =
  /** The GPU failed. It is brought back with its models, and what was running goes on where it was. */
  | { readonly kind: "restoring"; readonly failure: Failure }
  /** It is there again. */
  | { readonly kind: "restored" }
  /** It failed again and again, or does not come back: all waits for `resumeGpu`. */
  | { readonly kind: "gpuGivenUp"; readonly failure: Failure }
  /** The jobs in their order, the running one first; told when that changes. */
  | { readonly kind: "queue"; readonly jobs: readonly QueuedJob[] }
  | { readonly kind: "ledger"; readonly lines: readonly LedgerLine[] };
