// How a KV cache stores keys and values (shaders/common/kv_<format>.wgsl).

import type { ModelConfig } from "../checkpoint/model-config.ts";
import { expectRows, type Tensor } from "../gpu/tensor.ts";

/** Bits of each number: f16 takes half the memory, and half the time to read it at long context; i8, which has a scale for each
 * head of each token, about a quarter. */
export type KvFormat = "f32" | "f16" | "i8";

export interface KvHeads {
  readonly numKvHeads: number;
  /** A multiple of 4. */
  readonly headDim: number;
  readonly kvFormat: KvFormat;
}

/** Words of 4 bytes for one head's key, or value, of one token. */
export function kvWords({ headDim, kvFormat }: KvHeads): number {
  switch (kvFormat) {
    case "f32":
      return headDim;
    case "f16":
      return headDim / 2;
    case "i8":
      return headDim / 4 + 1;
  }
}

/** Bytes that a token's keys and values take in all softmax layers together. */
export function keyBytesPerToken(config: ModelConfig, kvFormat: KvFormat): number {
  const numSoftmaxLayers = config.layerTypes.filter((type) => type === "full_attention").length;
  return numSoftmaxLayers * 4 * 2 * config.numKvHeads * kvWords({ ...config, kvFormat });
}

/** The file to append so that keys and values are read and written in this format. */
export function kvAppend(format: KvFormat): string {
  return `common/kv_${format}`;
}

/** Throws RangeError unless the cache is (capacity, 2, numKvHeads, kvWords). */
export function expectCache(cache: Tensor, heads: KvHeads): void {
  expectRows(cache, [2, heads.numKvHeads, kvWords(heads)]);
}
