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
  | "memory-budget"
  | "gpu-hung"
  | "gpu-error"
  | "internal";

export interface Failure {
  readonly kind: FailureKind;
  /** `<thing>: expected x, got y`. */
  readonly message: string;
  /** Where the budget of memory was too small. */
  readonly memory?: MemoryNeed;
}

/** What did not fit into the budget of GPU memory. */
export interface MemoryNeed {
  /** `model`, or room for a text. */
  readonly what: string;
  readonly neededBytes: number;
  /** Of the budget, before. */
  readonly usedBytes: number;
  readonly budgetBytes: number;
}

/** The GPU that is open, for a report. */
export interface OpenGpuReport {
  readonly adapter: Readonly<Record<"vendor" | "architecture" | "device" | "description", string>>;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
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
  /** What the models and texts of all pages may take on the GPU; it holds for what is opened from then on. */
  | { readonly kind: "setMemoryBudget"; readonly bytes: number }
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
  | { readonly kind: "ledger"; readonly lines: readonly LedgerLine[] }
  | { readonly kind: "gpuOpened"; readonly report: OpenGpuReport }
  /** What the engine has asked of the GPU so far, with each ledger. */
  | { readonly kind: "counters"; readonly counters: Readonly<Record<string, number>> };
