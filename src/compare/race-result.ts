// What a race finds: plain data that crosses to a page or into a file.

import type { StateSize, UsedBytes } from "./state-size.ts";

/** A block of the text that was read. */
export interface ReadPoint {
  /** Tokens in the state after it. */
  readonly position: number;
  readonly used: UsedBytes;
  /** Of the block. */
  readonly msPerToken: number;
  /** From the text's beginning to the block's end. */
  readonly elapsedMs: number;
  /** -log p in nats, the mean of the tokens that follow the block's; null when none does. */
  readonly loss: number | null;
}

/** A run of decode steps after so many tokens. */
export interface WritePoint {
  readonly position: number;
  /** The median of several runs. */
  readonly msPerToken: number;
}

/** What one model did. */
export interface RaceLane {
  readonly name: string;
  readonly stateSize: StateSize;
  /** Tokens that are read at once. */
  readonly blockSize: number;
  readonly reads: readonly ReadPoint[];
  readonly writes: readonly WritePoint[];
  /** false: the signal ended it before the text did. */
  readonly isComplete: boolean;
}

/** Positions to write at, about `perDoubling` for each doubling of the length; the last is `numTokens`. */
export function writePositions(numTokens: number, perDoubling = 1): number[] {
  const positions = new Set<number>();
  const shortest = Math.min(64, numTokens);
  for (let halvings = 0; Math.round(numTokens / 2 ** halvings) >= shortest; halvings += 1 / perDoubling) {
    positions.add(Math.round(numTokens / 2 ** halvings));
  }
  return [...positions].sort((a, b) => a - b);
}
