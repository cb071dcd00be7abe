// Keys and values of a sequence's softmax layers, in segments: more are added as the text grows, none is ever copied
// or reallocated.

import type { GpuSession } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { fillingSplits } from "../kernels/decode-splits.ts";
import { kvWords } from "../kernels/kv-format.ts";
import { createSegment } from "../kernels/segment.ts";
import { fillingWorkgroups, maxSplitRows } from "../kernels/splits.ts";
import type { Model } from "./model.ts";

export interface KvSegment {
  /** Position of the first slot. */
  readonly start: number;
  /** Slots, a token each. */
  readonly length: number;
  /** The uniform that tells kernels the above. */
  readonly uniform: Tensor;
  /** By softmax layer, in order: (length, 2, numKvHeads, kvWords), key then value of each token. */
  readonly caches: readonly Tensor[];
}

/** What the splits of a block's or a token's attention leave to be combined. */
export interface AttentionSplits {
  /** (rows, 2), a row for each split of each head of each token */
  readonly stats: Tensor;
  /** (rows, headDim) */
  readonly partials: Tensor;
}

/** The segments of one sequence. */
export class KvCache {
  readonly segments: KvSegment[] = [];
  splits: AttentionSplits;
  /** Bytes that a token takes in all softmax layers together. */
  readonly bytesPerToken: number;
  readonly #model: Model;
  readonly #session: GpuSession;
  readonly #label: string;
  readonly #layers: readonly number[];
  readonly #maxSegmentLength: number;

  constructor(model: Model, label: string) {
    const { session, config } = model;
    this.#model = model;
    this.#session = session;
    this.#label = label;
    this.#layers = config.layerTypes.flatMap((type, layer) => (type === "full_attention" ? [layer] : []));
    const rowBytes = 4 * 2 * config.numKvHeads * kvWords({ ...config, kvFormat: model.kvFormat });
    const { maxStorageBufferBindingSize, maxBufferSize } = session.device.limits;
    this.#maxSegmentLength = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / rowBytes);
    this.bytesPerToken = rowBytes * this.#layers.length;
    this.splits = this.#createSplits();
  }

  /** Tokens that fit; unlimited for a model without softmax layers. */
  get capacity(): number {
    if (this.#layers.length === 0) return Infinity;
    return this.segments.reduce((sum, segment) => sum + segment.length, 0);
  }

  /** Adds segments until `numTokens` fit, each at least as long as all before it; returns whether any was added. */
  reserve(numTokens: number): boolean {
    if (numTokens <= this.capacity) return false;
    while (numTokens > this.capacity) this.#addSegment(Math.max(numTokens - this.capacity, this.capacity));
    this.#destroySplits();
    this.splits = this.#createSplits();
    return true;
  }

  /** Tells the ledger how much of the segments holds keys of the first `position` tokens. */
  setUsedTokens(position: number): void {
    for (const { start, length, caches } of this.segments) {
      const used = Math.min(Math.max(position - start, 0), length);
      for (const cache of caches) this.#session.setUsedBytes(cache.buffer, (cache.sizeBytes / length) * used);
    }
  }

  destroy(): void {
    for (const { uniform, caches } of this.segments) {
      this.#session.destroyBuffer(uniform.buffer);
      for (const cache of caches) this.#session.destroyBuffer(cache.buffer);
    }
    this.segments.length = 0;
    this.#destroySplits();
  }

  #destroySplits(): void {
    for (const { buffer } of [this.splits.stats, this.splits.partials]) this.#session.destroyBuffer(buffer);
  }

  #createSplits(): AttentionSplits {
    const { config, blockSize } = this.#model;
    const shape = { ...config, maxWorkgroups: fillingWorkgroups(this.#session) };
    const numDecodeRows = fillingSplits(this.#session) * config.numHeads;
    const numRows =
      this.segments.length === 0 ? 1 : Math.max(numDecodeRows, maxSplitRows(shape, blockSize, this.capacity));
    const create = (what: string, numColumns: number) =>
      this.#session.createStorage(`${this.#label} ${what}`, "activations", [numRows, numColumns]);
    return { stats: create("attention split stats", 2), partials: create("attention splits", config.headDim) };
  }

  #addSegment(wantedLength: number): void {
    const start = this.capacity;
    const index = this.segments.length;
    const length = Math.min(wantedLength, this.#maxSegmentLength);
    const { config, kvFormat } = this.#model;
    const shape = [length, 2, config.numKvHeads, kvWords({ ...config, kvFormat })];
    this.segments.push({
      start,
      length,
      uniform: createSegment(this.#session, `${this.#label} segment ${index}`, { start, length, index }),
      caches: this.#layers.map((layer) =>
        this.#session.createStorage(`${this.#label} layer ${layer} KV cache segment ${index}`, "KV cache", shape),
      ),
    });
  }
}
