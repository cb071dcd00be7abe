// Where a long document stands, and how far it is read.

export type DocumentPhase =
  | { readonly state: "none" }
  | { readonly state: "counting"; readonly numTokens: number; readonly numChars: number }
  /** Counted, and not read yet. */
  | { readonly state: "ready"; readonly estimatedMs: number | null }
  | { readonly state: "reading" }
  | { readonly state: "pausing" }
  | {
      readonly state: "paused";
      /** There is no room for the rest. */
      readonly isFull: boolean;
    }
  | { readonly state: "read" };

export interface ReadingProgress {
  readonly readTokens: number;
  /** 0 until it is known. */
  readonly tokensPerSecond: number;
  readonly leftMs: number | null;
  readonly excerpt: string;
}

export const NO_PROGRESS: ReadingProgress = { readTokens: 0, tokensPerSecond: 0, leftMs: null, excerpt: "" };
