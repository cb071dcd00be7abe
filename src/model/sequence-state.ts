// The buffers that hold one text: recurrent states, KV cache, token counts.

import type { GpuSession } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { KeyWindow } from "../kernels/key-window.ts";
import { KvCache } from "./kv-cache.ts";
import type { Model } from "./model.ts";
import type { BufferRange } from "./read-back.ts";

export class SequenceState {
  /** By lightning layer: (numHeads, headDim, headDim) */
  readonly recurrentStates: ReadonlyMap<number, Tensor>;
  readonly kvCache: KvCache;
  /** (vocabSize) u32: which tokens stand in the prompt, and how often the sampler drew each since, for the penalties. */
  readonly tokenCounts: Tensor;
  readonly #session: GpuSession;

  /** @param undoableTokens how far back decode may be undone */
  constructor(model: Model, label: string, undoableTokens: number, keyWindow: KeyWindow | undefined) {
    const { session, config } = model;
    const { layerTypes, numHeads, headDim } = config;
    this.#session = session;
    this.recurrentStates = new Map(
      layerTypes.flatMap((type, layer): [number, Tensor][] => {
        if (type !== "linear_attention") return [];
        const shape = [numHeads, headDim, headDim];
        return [[layer, session.createStorage(`${label} layer ${layer} recurrent state`, "recurrent state", shape)]];
      }),
    );
    this.kvCache = new KvCache(model, label, undoableTokens, keyWindow);
    this.tokenCounts = session.createStorage(`${label} token counts`, "recurrent state", [config.vocabSize]);
  }

  /** What every token changes, whatever the position. */
  get fixedRanges(): readonly BufferRange[] {
    return [...this.recurrentStates.values(), this.tokenCounts];
  }

  /** What a snapshot copies; the same bytes in every sequence of the model with the same key window. */
  get copiedRanges(): readonly BufferRange[] {
    return [...this.fixedRanges, ...this.kvCache.copiedRanges];
  }

  /** Forgets everything. KV segments stay allocated: what they hold is not read before it is written. */
  clear(): void {
    const encoder = this.#session.device.createCommandEncoder({ label: "clear state" });
    for (const { buffer } of this.fixedRanges) encoder.clearBuffer(buffer);
    this.#session.device.queue.submit([encoder.finish()]);
  }

  destroy(): void {
    for (const { buffer } of this.recurrentStates.values()) this.#session.destroyBuffer(buffer);
    this.#session.destroyBuffer(this.tokenCounts.buffer);
    this.kvCache.destroy();
  }
}
