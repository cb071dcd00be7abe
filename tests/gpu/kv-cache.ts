// KV caches for parity tests: values that the format can hold, uploaded and read back in it.

import { fromHalf, toHalf } from "../../src/checkpoint/quantize.ts";
import type { GpuSession } from "../../src/gpu/session.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { type KvFormat, type KvHeads, kvWords } from "../../src/kernels/kv-format.ts";
import { readWords, upload } from "./harness.ts";

/** What a cache holds after these values were stored. */
export function roundToKv(format: KvFormat, values: Float32Array): Float32Array {
  return format === "f16" ? values.map((value) => fromHalf(toHalf(value))) : values.slice();
}

/** A cache (capacity, 2, num_kv_heads, head_dim) of values that the format can hold. */
export function uploadCache(session: GpuSession, label: string, heads: KvHeads, values: Float32Array): Tensor {
  const { numKvHeads, headDim, kvFormat } = heads;
  const shape = [values.length / (2 * numKvHeads * headDim), 2, numKvHeads, kvWords(heads)];
  if (kvFormat === "f32") return upload(session, label, shape, values);
  return upload(session, label, shape, new Uint32Array(Uint16Array.from(values, toHalf).buffer));
}

export async function readCache(session: GpuSession, cache: Tensor, format: KvFormat): Promise<Float32Array> {
  const words = await readWords(session, cache);
  return format === "f16" ? Float32Array.from(new Uint16Array(words), fromHalf) : new Float32Array(words);
}
