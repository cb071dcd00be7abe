// Keys and values of a sequence's softmax layers, in segments: more are added as the text grows, none is ever copied
// or reallocated. How they are cut depends on the first reservation alone, so that a text read again gives the same numbers.
// In constant memory mode there are two from the beginning: one for the first keys, and a ring for the last.

import type { GpuSession } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { expectKeyWindow, type KeyWindow } from "../kernels/key-window.ts";
import { keyBytesPerToken, kvWords } from "../kernels/kv-format.ts";
import { createSegment } from "../kernels/segment.ts";
import { KvOverwrites } from "./kv-overwrites.ts";
import type { Model } from "./model.ts";
import type { BufferRange } from "./read-back.ts";

export interface KvSegment {
  /** Position of the token that comes first to the first slot. */
  readonly start: number;
  /** Slots, a token each. */
  readonly length: number;
  /** The uniform that tells kernels the above. */
  readonly uniform: Tensor;
  /** By softmax layer, in order: (length, 2, numKvHeads, kvWords), key then value of each token. */
  readonly caches: readonly Tensor[];
}

/** The keys of the first `position` tokens of a cache as they are now. */
export interface KeysMark {
  readonly cache: KvCache;
  readonly generation: number;
  readonly position: number;
}

/** The segments of one sequence. */
export class KvCache {
  readonly segments: KvSegment[] = [];
  /** Bytes that a token takes in all softmax layers together. */
  readonly bytesPerToken: number;
  /** Indices of the softmax layers, in order. */
  readonly layers: readonly number[];
  /** Undefined when all keys are kept. */
  readonly keyWindow: KeyWindow | undefined;
  readonly #model: Model;
  readonly #session: GpuSession;
  readonly #label: string;
  readonly #maxSegmentLength: number;
  readonly #overwrites = new KvOverwrites();

  /** @param undoableTokens how far back decode may be undone: a ring keeps what was seen there */
  constructor(model: Model, label: string, undoableTokens: number, keyWindow?: KeyWindow) {
    const { session, config, kvFormat } = model;
    this.#model = model;
    this.#session = session;
    this.#label = label;
    this.layers = config.layerTypes.flatMap((type, layer) => (type === "full_attention" ? [layer] : []));
    this.bytesPerToken = keyBytesPerToken(config, kvFormat);
    const rowBytes = this.bytesPerToken / Math.max(1, this.layers.length);
    const { maxStorageBufferBindingSize, maxBufferSize } = session.device.limits;
    this.#maxSegmentLength = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / rowBytes);
    this.keyWindow = keyWindow;
    if (!keyWindow) return;
    expectKeyWindow(keyWindow);
    if (this.layers.length === 0) return;
    if (keyWindow.first > 0) this.#addSegment(keyWindow.first);
    // A block is appended before its first query looks back.
    this.#addSegment(keyWindow.last + Math.max(model.blockSize, undoableTokens));
  }

  /** Tokens that fit; unlimited in constant memory mode and for a model without softmax layers. */
  get capacity(): number {
    return this.keyWindow || this.layers.length === 0 ? Infinity : this.#numSlots;
  }

  get #numSlots(): number {
    return this.segments.reduce((sum, segment) => sum + segment.length, 0);
  }

  /** Adds segments until `numTokens` fit; returns whether any was added. The first are exactly what is asked for, further
   * ones half of what is there, whatever is asked for; a block at least, and what a binding can take at most. */
  reserve(numTokens: number): boolean {
    const lengths = this.#lengthsToGrow(numTokens);
    for (const length of lengths) this.#addSegment(length);
    return lengths.length > 0;
  }

  /** What `reserve` would take. */
  bytesToGrow(numTokens: number): number {
    return this.#lengthsToGrow(numTokens).reduce((sum, length) => sum + length, 0) * this.bytesPerToken;
  }

  #lengthsToGrow(numTokens: number): number[] {
    const lengths: number[] = [];
    const isFirst = this.segments.length === 0;
    for (let capacity = this.capacity; numTokens > capacity; capacity += lengths.at(-1)!) {
      const grown = Math.max(Math.floor(capacity / 2), this.#model.blockSize);
      lengths.push(Math.min(isFirst ? numTokens - capacity : grown, this.#maxSegmentLength));
    }
    return lengths;
  }

  /** Tells the ledger how much of the segments holds keys of the first `position` tokens. */
  setUsedTokens(position: number): void {
    for (const { start, length, caches } of this.segments) {
      const used = Math.min(Math.max(position - start, 0), length);
      for (const cache of caches) this.#session.setUsedBytes(cache.buffer, (cache.sizeBytes / length) * used);
    }
  }

  /** Takes note that keys of `numTokens` from `position` on will be written: those that are there are lost. */
  noteWrites(position: number, numTokens: number): void {
    if (this.layers.length > 0 && !this.keyWindow) this.#overwrites.note(position, numTokens);
  }

  /** What a snapshot copies: in constant memory mode everything, otherwise nothing. */
  get copiedRanges(): readonly BufferRange[] {
    return this.keyWindow ? this.segments.flatMap(({ caches }) => caches) : [];
  }

  /** The keys of the first `position` tokens, which a snapshot names instead of copying them; undefined when it does. */
  mark(position: number): KeysMark | undefined {
    if (this.keyWindow) return undefined;
    return { cache: this, generation: this.#overwrites.generation, position };
  }

  /** How many of a mark's keys are still there, from the first on. */
  numKept({ generation, position }: Pick<KeysMark, "generation" | "position">): number {
    const numKept = this.#overwrites.numKept(generation, position);
    return Math.min(numKept, this.capacity);
  }

  /** Where the keys and values of the tokens from `start` on, below `end`, lie for each softmax layer: a list of ranges that
   * are the same bytes, one after another, in every sequence of the model, however its cache is cut. */
  ranges(start: number, end: number): BufferRange[][] {
    return this.layers.map((_, index) =>
      this.segments.flatMap(({ start: first, length, caches }): BufferRange[] => {
        const from = Math.max(start - first, 0);
        const to = Math.min(end - first, length);
        if (from >= to) return [];
        const { buffer, offsetBytes, sizeBytes } = caches[index]!;
        const rowBytes = sizeBytes / length;
        return [{ buffer, offsetBytes: offsetBytes + rowBytes * from, sizeBytes: rowBytes * (to - from) }];
      }),
    );
  }

  /** Encodes the copies of another cache's first keys. */
  copyFrom(encoder: GPUCommandEncoder, other: KvCache, numTokens: number): void {
    this.noteWrites(0, numTokens);
    for (const { start, length } of cutsOf(this, other, numTokens)) {
      const [from, to] = [other, this].map((cache) => cache.ranges(start, start + length).flat());
      for (const [index, { buffer, offsetBytes, sizeBytes }] of from!.entries()) {
        encoder.copyBufferToBuffer(buffer, offsetBytes, to![index]!.buffer, to![index]!.offsetBytes, sizeBytes);
      }
    }
  }

  destroy(): void {
    for (const { uniform, caches } of this.segments) {
      this.#session.destroyBuffer(uniform.buffer);
      for (const cache of caches) this.#session.destroyBuffer(cache.buffer);
    }
    this.segments.length = 0;
  }

  #addSegment(length: number): void {
    const start = this.#numSlots;
    const index = this.segments.length;
    const { config, kvFormat } = this.#model;
    const shape = [length, 2, config.numKvHeads, kvWords({ ...config, kvFormat })];
    this.segments.push({
      start,
      length,
      uniform: createSegment(this.#session, `${this.#label} segment ${index}`, { start, length, index }),
      caches: this.layers.map((layer) =>
        this.#session.createStorage(`${this.#label} layer ${layer} KV cache segment ${index}`, "KV cache", shape),
      ),
    });
  }
}

/** The first `numTokens` cut where either cache's segments end. */
function cutsOf(one: KvCache, other: KvCache, numTokens: number): { start: number; length: number }[] {
  const starts = [...one.segments, ...other.segments].map(({ start }) => start).filter((start) => start < numTokens);
  const sorted = [...new Set(starts)].toSorted((a, b) => a - b);
  return sorted.map((start, index) => ({ start, length: (sorted[index + 1] ?? numTokens) - start }));
}
