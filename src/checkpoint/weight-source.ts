// Where a model's weights come from: tensors in the engine's formats, readable as often as needed (first load,
// rebuilding after a lost device). Implementations: manifest shards, and a Hugging Face directory converted on the fly.

import type { ModelConfig } from "./model-config.ts";

/** How a tensor's rows are encoded; docs/format.md gives every byte. */
export type WeightFormat = "f32" | "f16" | "q8" | "q4";

export interface WeightTensor {
  /** Canonical name, e.g. `model.layers.0.mlp.experts.gate_up_proj`; docs/format.md lists them. */
  readonly name: string;
  readonly format: WeightFormat;
  /** Row-major; the last axis is the input axis. All other axes together are rows. */
  readonly shape: readonly number[];
  /** rows × rowStride(format, last axis). */
  readonly sizeBytes: number;
}

/** A re-readable set of weights. */
export interface WeightSource {
  readonly config: ModelConfig;
  /** In storage order: reading them in this order touches every shard once. */
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  /** Yields the encoded bytes of one tensor, in order, in chunks of any size that is a multiple of 4; every byte is verified before it is yielded. */
  read(name: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Values per quantisation group; f32 and f16 rows are padded with zeros to whole groups as well. */
export const GROUP_SIZE = 32;

const GROUP_QUANT_BYTES: Record<WeightFormat, number> = { f32: 128, f16: 64, q8: 32, q4: 16 };

/** Bytes from one row to the next: all groups' quants, then (q8, q4) an f16 scale per group, padded to 16 bytes. */
export function rowStrideBytes(format: WeightFormat, numColumns: number): number {
  const numGroups = Math.ceil(numColumns / GROUP_SIZE);
  const scaleBytes = format === "q8" || format === "q4" ? numGroups * 2 : 0;
  return Math.ceil((numGroups * GROUP_QUANT_BYTES[format] + scaleBytes) / 16) * 16;
}
