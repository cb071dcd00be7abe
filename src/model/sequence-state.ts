// The buffers that hold one text: recurrent states, KV cache, token counts. They are what a snapshot copies.

import type { GpuSession } from "../gpu/session.ts";
import type { Tensor } from "../gpu/tensor.ts";
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

  constructor(model: Model, label: string) {
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
    this.kvCache = new KvCache(model, label);
    this.tokenCounts = session.createStorage(`${label} token counts`, "recurrent state", [config.vocabSize]);
  }

  /** What every token changes, whatever the position. */
  get fixedRanges(): readonly BufferRange[] {
    return [...this.recurrentStates.values(), this.tokenCounts];
  }

  /** Everything that `position` tokens left behind, for a snapshot: each list of ranges, one after another, is the same
   * bytes in every sequence of the model, however its KV cache is cut into segments. */
  ranges(position: number): readonly (readonly BufferRange[])[] {
    const { segments } = this.kvCache;
    const numSoftmaxLayers = segments[0]?.caches.length ?? 0;
    const keys = Array.from({ length: numSoftmaxLayers }, (_, index) =>
      segments.flatMap(({ start, length, caches }): BufferRange[] => {
        const used = Math.min(position - start, length);
        if (used <= 0) return [];
        const { buffer, offsetBytes, sizeBytes } = caches[index]!;
        return [{ buffer, offsetBytes, sizeBytes: (sizeBytes / length) * used }];
      }),
    );
    return [...this.fixedRanges.map((range) => [range]), ...keys.filter((ranges) => ranges.length > 0)];
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
