// Reads a document into a sequence, and measures it on the way.

import type { GpuSession } from "../gpu/session.ts";
import type { Sequence } from "../model/sequence.ts";

export interface ReadingOptions {
  /** Reading ends at the next block boundary. */
  readonly signal: AbortSignal;
  /** Called as blocks are done, with the tokens in the state. */
  readonly onRead: (numTokens: number) => void;
  /** Waited for between slabs of blocks, when the GPU has nothing to do. */
  readonly onSlab: () => Promise<void>;
  /** Room for so many tokens is kept free behind what is read. */
  readonly spareTokens: number;
}

/** Keys are reserved for so many blocks at a time, so that the cache grows with the text. */
const SLAB_BLOCKS = 16;

/** Reads on from where the sequence is; false when the signal ended it before the end of `ids`. MemoryBudgetError and
 * GpuMemoryError where there is no room for more: what was read before is in the sequence, with room to spare. */
export async function readOn(
  sequence: Sequence,
  ids: Uint32Array,
  { signal, onRead, onSlab, spareTokens }: ReadingOptions,
): Promise<boolean> {
  while (sequence.position < ids.length) {
    if (signal.aborted) return false;
    const start = sequence.position;
    const slab = ids.subarray(start, start + SLAB_BLOCKS * sequence.model.blockSize);
    await sequence.reserve(start + slab.length + spareTokens);
    const onProgress = (numTokens: number) => {
      // Blocks that were in flight are told of no more.
      if (!signal.aborted) onRead(start + numTokens);
    };
    await sequence.prefill(slab, { output: "none", signal, onProgress });
    await onSlab();
  }
  return true;
}

/** Bytes on the GPU while a document is read. */
export interface ReadingBytes {
  /** Of the sequence. */
  readonly stateBytes: number;
  readonly keyUsedBytes: number;
  readonly keyAllocatedBytes: number;
  readonly weightBytes: number;
  /** All that is there. */
  readonly totalBytes: number;
}

export function measureBytes(session: GpuSession, sequence: Sequence): ReadingBytes {
  const bytes = { stateBytes: 0, keyUsedBytes: 0, keyAllocatedBytes: 0, weightBytes: 0, totalBytes: 0 };
  const prefix = `${sequence.label} `;
  for (const { label, kind, allocatedBytes, usedBytes } of session.ledger.entries()) {
    bytes.totalBytes += allocatedBytes;
    if (kind === "weights") bytes.weightBytes += allocatedBytes;
    if (!label.startsWith(prefix)) continue;
    if (kind === "recurrent state") bytes.stateBytes += allocatedBytes;
    if (kind === "KV cache") {
      bytes.keyUsedBytes += usedBytes;
      bytes.keyAllocatedBytes += allocatedBytes;
    }
  }
  return bytes;
}

/** What is told of the reading since it was told last. */
export interface MeterReading {
  /** Without what was left out. */
  readonly msPerToken: number;
  /** Over the last seconds, with all that they were spent on. */
  readonly tokensPerSecond: number;
}

/** A page draws no more often. */
const SHORTEST_PAUSE_MS = 17;
/** Speeds older than this hardly count. */
const MEMORY_MS = 2000;

/** Turns "so many tokens are read" into speeds, at most 60 times a second. */
export class ReadingMeter {
  #toldTokens: number;
  #toldMs: number;
  /** Since it was told last. */
  #leftOutMs = 0;
  /** What was told last, without what was left out. */
  #lastTokens = 0;
  #lastMs = 0;
  #msPerToken: number | undefined;

  constructor(numTokens: number, nowMs: number) {
    this.#toldTokens = numTokens;
    this.#toldMs = nowMs;
  }

  /** Nothing was read in this time. */
  leaveOut(ms: number): void {
    this.#leftOutMs += ms;
  }

  /** undefined: too soon to tell again. @param isLast tells what is left, however soon */
  advance(numTokens: number, nowMs: number, isLast: boolean): MeterReading | undefined {
    const elapsedMs = nowMs - this.#toldMs;
    const readTokens = numTokens - this.#toldTokens;
    if (readTokens <= 0 || (elapsedMs - this.#leftOutMs < SHORTEST_PAUSE_MS && !isLast)) return undefined;
    const msPerToken = elapsedMs / readTokens;
    const readingMs = Math.max(0, elapsedMs - this.#leftOutMs);
    // A few tokens at the end are a short block, which takes longer for each: they are told with those before them.
    const isShort = isLast && readTokens < this.#lastTokens / 2;
    const readingMsPerToken = isShort
      ? (this.#lastMs + readingMs) / (this.#lastTokens + readTokens)
      : readingMs / readTokens;
    this.#lastTokens = readTokens;
    this.#lastMs = readingMs;
    const weight = this.#msPerToken === undefined ? 1 : 1 - Math.exp(-elapsedMs / MEMORY_MS);
    this.#msPerToken = (this.#msPerToken ?? msPerToken) * (1 - weight) + msPerToken * weight;
    this.#toldTokens = numTokens;
    this.#toldMs = nowMs;
    this.#leftOutMs = 0;
    return { msPerToken: readingMsPerToken, tokensPerSecond: 1000 / this.#msPerToken };
  }
}
