// Models, for every page: how one comes to the GPU, what it is, and how its tokens are drawn. Types only.

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
  /** Facts that it found in texts of some lengths, the shortest first; empty where that was not measured. */
  readonly recall: readonly { readonly numTokens: number; readonly found: number; readonly asked: number }[];
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

/** Told of each model by the part that uses it. */
export type ModelEvent =
  /** Sent once the manifest is read; where the part asks for agreement, nothing else comes before that. */
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
  | { readonly kind: "keeping"; readonly keeping: Keeping };
